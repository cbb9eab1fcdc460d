"""A zoo of small multimodal models: trained on your data, exported, and verified to compute the same there."""

import importlib

__version__ = "0.1.0"
__all__ = ["BadInputError", "TrainedModel", "__version__", "fit", "load", "recipes", "train"]
_HOMES = {"BadInputError": "errors", "TrainedModel": "api", "fit": "api", "load": "api", "train": "api"}


def __getattr__(name: str) -> object:
    """Import a public name at its first use: `import mmzoo` needs neither NumPy nor TensorFlow."""
    if name == "recipes":
        return importlib.import_module("mmzoo.recipes")
    if name in _HOMES:
        return getattr(importlib.import_module(f"mmzoo.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
