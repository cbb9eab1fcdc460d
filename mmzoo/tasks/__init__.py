"""Tasks: each module of this folder is one kind of prediction; the folder is the registry."""

import importlib
import pkgutil

from mmzoo.errors import BadInputError

PARTS = ("task", "format", "comparison")  # modules that hold what tasks share


def names() -> list[str]:
    """List the tasks, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in PARTS)


def load(name: str):
    """Import the task `name` and return its `Task`.

    Raises:
        BadInputError: there is no task of that name.
    """
    if name not in names():
        raise BadInputError(f"task: expected one of {', '.join(names())}. Received: {name}")
    return importlib.import_module(f"{__name__}.{name}").TASK
