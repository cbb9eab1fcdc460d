"""The recipes: each module of this folder is one model, end to end; the folder is the registry.

`from mmzoo import recipes` gives `recipes.spoken_digits`, imported when first used, and `recipes.names()`.
"""

import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Recipe

FIRST_VERSION = "Written by `mmzoo fit`. Edit it, and train it again: "  # in each recipe.py of mmzoo 0.1.0


def __getattr__(name: str) -> ModuleType:
    if name in names():
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no recipe {name!r}.{_hint(name)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *names()})


def names() -> list[str]:
    """List the recipes without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> str:
    """Return the full name of the module of recipe `name`.

    Raises:
        BadInputError: there is no recipe of that name.
    """
    if name not in names():
        raise BadInputError(f"recipe: expected one of {', '.join(names())}. Received: {name}.{_hint(name)}")
    return f"{__name__}.{name}"


def _hint(name: str) -> str:
    close = get_close_matches(name, names(), n=1)
    return f" Did you mean {close[0]}?" if close else ""


def load(name: str) -> Recipe:
    """Return the recipe `name`, or the one in the file at the path `name`.

    Raises:
        BadInputError: there is no such recipe or file, it cannot be run, or it does not have the parts of a recipe.
    """
    return _load_file(Path(name)) if is_file(name) else Recipe.from_module(importlib.import_module(find(name)))


def experiment(name: str, config: Any = None) -> Experiment:
    """Return the recipe that `load` returns, at `config` or its defaults."""
    recipe = load(name)
    return Experiment(recipe, config or recipe.Config())


def is_file(name: str) -> bool:
    """Return whether `name` is the path of a recipe's file instead of the name of a recipe."""
    return name.endswith(".py")


def _load_file(path: Path) -> Recipe:
    if not path.is_file():
        raise BadInputError(f"recipe: expected a file. Received: {path}, which is not there")
    # of the contents too: an edited file is another module
    digest = sha256(str(path.absolute()).encode() + path.read_bytes()).hexdigest()[:16]
    name = f"mmzoo_recipe_{digest}"
    if name not in sys.modules:
        _run(path, name)
    return replace(Recipe.from_module(sys.modules[name]), name=str(path))


def _run(path: Path, name: str) -> None:
    """Import the file at `path` as the module `name`."""
    spec = importlib.util.spec_from_file_location(name, path.absolute())
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BadInputError:
        del sys.modules[name]
        raise
    except Exception as error:  # whatever a person wrote
        del sys.modules[name]
        if isinstance(error, ImportError) and FIRST_VERSION.encode() in path.read_bytes():
            again = f"mmzoo fit TABLE --target COLUMN --out {path.absolute().parent}"
            raise BadInputError(f"{path} was written by mmzoo 0.1.0; write it again: {again}") from None
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise BadInputError(f"{path}: expected a recipe that can be run. Received: {reason}") from error
