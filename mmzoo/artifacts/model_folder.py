"""The folder of a trained model, opened once by a command and handed on."""

import dataclasses
import functools
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from mmzoo import recipes
from mmzoo.artifacts.card import Card, checked
from mmzoo.artifacts.folder import ARTIFACTS, CARD, KERAS, artifact, artifacts_in, load_keras
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment


@dataclass(frozen=True)
class ModelFolder:
    """A folder that `train` or `fit` wrote, and its card."""

    path: Path
    card: Card

    @staticmethod
    def open(path: str | Path) -> "ModelFolder":
        """Open the folder at `path`.

        Raises:
            BadInputError: there is no folder, no card in it, or a card of another shape.
        """
        return ModelFolder(Path(path), Card.read(path))

    @functools.cached_property
    def recipe(self) -> Any:
        """The recipe of the card; one that is a file in the folder is run.

        Raises:
            BadInputError: there is no such recipe.
        """
        name = self.card.recipe
        if recipes.is_file(name):
            return recipes.load(str(artifact(self.path, name)))
        if name not in recipes.names():
            raise BadInputError(f"{self.path / CARD}: expected a recipe of mmzoo.recipes. Received: {name}")
        return recipes.load(name)

    def config(self, data_dir: str = "") -> Any:
        """Return the recipe's Config with the values of the card, and `data_dir` where given.

        Raises:
            BadInputError: the Config of the recipe has changed.
        """
        values = self.card.config
        fields = {field.name for field in dataclasses.fields(self.recipe.Config)}
        if unknown := sorted(set(values) - fields):
            said = f"expected a config of {self.card.recipe} as it is now. Received: {', '.join(unknown)}"
            raise BadInputError(f"{self.path / CARD}: {said}")
        kinds, card = typing.get_type_hints(self.recipe.Config), self.path / CARD
        values = {key: checked(kinds[key], value, card, f"config.{key}") for key, value in values.items()}
        return self.recipe.Config(**values | ({"data_dir": data_dir} if data_dir else {}))

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
        """Return a function from named arrays to named arrays that runs `file`; see `runtimes.predictor`."""
        return predictor(self.path / file)

    def keras(self) -> keras.Model:
        """Load `model.keras`."""
        return load_keras(self.path)
