"""The recipes: each module of this folder is one model, end to end; the folder is the registry."""

import importlib
import pkgutil
from difflib import get_close_matches

from mmzoo import BadInputError


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
    """Import the recipe `name` and return its module; errors as `find`."""
    return importlib.import_module(find(name))
