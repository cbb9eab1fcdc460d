"""The recipes: each module of this folder is one model, end to end; the folder is the registry."""

import importlib
import importlib.util
import pkgutil
import sys
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from mmzoo.errors import BadInputError

NAMES = ("Config", "TINY", "dataset", "build", "objective", "plan", "export")  # of a recipe, as `plan.Recipe` has them
FIRST_VERSION = "Written by `mmzoo fit`. Edit it, and train it again: "  # in each recipe.py of mmzoo 0.1.0


def names() -> list[str]:
    """List the recipes, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def find(name: str) -> str:
    """Return the full name of the module of recipe `name`.

    Raises:
        BadInputError: there is none of that name.
    """
    if name not in names():
        close = get_close_matches(name, names(), n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise BadInputError(f"recipe: expected one of {', '.join(names())}. Received: {name}.{hint}")
    return f"{__name__}.{name}"


def load(name: str):
    """Import the recipe `name`, or the one in the file at the path `name`, and return its module; errors as `find`.

    Raises:
        BadInputError: the file is not there, cannot be run, or does not have the names of a recipe.
    """
    return _load_file(Path(name)) if is_file(name) else importlib.import_module(find(name))


def is_file(name: str) -> bool:
    """Tell whether `name` is the path of a recipe's file and not the name of one of ours."""
    return name.endswith(".py")


def _load_file(path: Path):
    if not path.is_file():
        raise BadInputError(f"recipe: expected a file. Received: {path}, which is not there")
    # of the contents too: an edited file is another module
    digest = sha256(str(path.absolute()).encode() + path.read_bytes()).hexdigest()[:16]
    name = f"mmzoo_recipe_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path.absolute())
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        if missing := [part for part in NAMES if not hasattr(module, part)]:
            raise BadInputError(f"{path}: expected {', '.join(NAMES)} in it. Received: no {', '.join(missing)}")
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
    return module
