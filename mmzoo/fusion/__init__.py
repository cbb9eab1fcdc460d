"""Fusion functions, one per module of the same name: `({modality: (B, D)}, present) -> (B, D)`."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras import KerasTensor


def names() -> list[str]:
    """List the fusions without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> "Callable[..., KerasTensor]":
    """Return the fusion function `name`, one of `names()`."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)
