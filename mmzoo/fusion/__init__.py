"""Fusions: each module of this folder holds one function of its name, `({modality: (B, D)}, present) -> (B, D)`."""

import importlib
import pkgutil


def names() -> list[str]:
    """List the fusions, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str):
    """Return the function of the fusion `name`, one of `names()`."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name)
