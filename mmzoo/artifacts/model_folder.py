"""The folder of a trained model, opened once by a command and handed on."""

import dataclasses
import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from mmzoo import recipes
from mmzoo.artifacts.card import Card, checked
from mmzoo.artifacts.files import NOT_LISTED, is_listed
from mmzoo.artifacts.folder import ARTIFACTS, CARD, KERAS, artifact, artifacts_in, inside, load_keras
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Recipe


@dataclass(frozen=True)
class ModelFolder:
    """A folder that `train` or `fit` wrote, and its card.

    Another person may have written it. With `trust`, its `recipe.py` may be run, and a SavedModel that is not the
    card's, or has operators that are not known to be harmless. `table_recipe` makes the recipe of a table from its card
    and the path of its file; `mmzoo.automl.recipe.open_folder` has one.
    """

    path: Path
    card: Card
    trust: bool = False
    table_recipe: Callable[[Card, Path], Recipe] | None = None

    def __fspath__(self) -> str:
        return str(self.path)

    @staticmethod
    def open(
        path: "str | Path | ModelFolder",
        trust: bool = False,
        table_recipe: Callable[[Card, Path], Recipe] | None = None,
    ) -> "ModelFolder":
        """Open the folder at `path`; one that is open stays as it is.

        Raises:
            BadInputError: there is no folder, no card in it, or a card of another shape; or the folder has links.
        """
        if isinstance(path, ModelFolder):
            return path
        return ModelFolder(Path(path), Card.read(path), trust, table_recipe)

    @functools.cached_property
    def recipe(self) -> Recipe:
        """The recipe of the card: of mmzoo, or of a table, made from the values of the card.

        A file in the folder is run only with `trust`.

        Raises:
            BadInputError: there is no such recipe, or it is a file that is not trusted.
        """
        name = self.card.recipe
        if recipes.is_file(name):
            file = inside(self.path, name)
            if self.card.table is not None and self.table_recipe is not None:
                return self.table_recipe(self.card, file)
            if not self.trust:
                raise BadInputError(f"{file}: code of the folder is not run; read it, and allow it with `trust`")
            return recipes.load(str(artifact(self.path, name)))
        if name not in recipes.names():
            raise BadInputError(f"{self.path / CARD}: expected a recipe of mmzoo.recipes. Received: {name}")
        return recipes.load(name)

    def config(self, data_dir: str = "") -> Any:
        """Return the recipe's Config with the values of the card, and `data_dir` where given.

        Raises:
            BadInputError: the Config of the recipe has changed, or a value is of another type or out of its range.
        """
        fields = {field.name for field in dataclasses.fields(self.recipe.Config)}
        if unknown := sorted(set(self.card.config) - fields):
            said = f"expected a config of {self.card.recipe} as it is now. Received: {', '.join(unknown)}"
            raise BadInputError(f"{self.path / CARD}: {said}")
        read = read_config(self.recipe.Config, self.card.config, self.path / CARD)
        return dataclasses.replace(read, data_dir=data_dir) if data_dir else read

    def experiment(self, data_dir: str = "") -> Experiment:
        """Return the recipe at the config of the card; `recipe` and `config` have the errors."""
        return Experiment(self.recipe, self.config(data_dir))

    def artifact(self, name: str) -> Path:
        """Return the path of file `name`; `artifact` of `mmzoo.artifacts.folder` has the errors."""
        return artifact(self.path, name)

    def chosen(self, name: str) -> list[str]:
        """Return the files that `name` stands for: `all`, or one key of `ARTIFACTS`.

        Raises:
            BadInputError: `name` is unknown, or the folder lacks the file.
        """
        if name == "all":
            if there := artifacts_in(self.path):
                return there
            raise BadInputError(f"{self.path}: expected one of {', '.join(ARTIFACTS.values())}. Received: none of them")
        if name not in ARTIFACTS:
            raise BadInputError(f"artifact: expected all, {', '.join(ARTIFACTS)}. Received: {name}")
        self.artifact(ARTIFACTS[name])
        return [ARTIFACTS[name]]

    def predictor(self, file: str = KERAS) -> Callable[[Arrays], Arrays]:
        """Return a function from named arrays to named arrays that runs `file`; see `runtimes.predictor`.

        Raises:
            BadInputError: as `runtimes.predictor`, or a SavedModel is not the card's and not trusted.
        """
        path = inside(self.path, file)
        if path.is_dir() and not self.trust and not is_listed(path, self.card):
            raise BadInputError(f"{path}: {NOT_LISTED}")
        return predictor(path, self.trust)

    def keras(self) -> keras.Model:
        """Load `model.keras`."""
        return load_keras(self.path)


def read_config(kind: type, values: Mapping[str, Any], path: Path) -> Any:
    """Return the Config `kind` with `values` of the card at `path`; keys that are no fields of it are left out.

    Raises:
        BadInputError: a value is of another type or out of its range.
    """
    kinds = typing.get_type_hints(kind)
    read = {key: checked(kinds[key], value, path, f"config.{key}") for key, value in values.items() if key in kinds}
    try:
        return kind(**read)
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from None
