"""A zoo of small multimodal models: trained on your data, exported, and verified to compute the same there."""

import importlib

__version__ = "0.1.0"


def __getattr__(name: str):
    """Import `fit` when it is asked for: it needs TensorFlow, and `import mmzoo` does not."""
    if name == "fit":
        return importlib.import_module("mmzoo.automl.predictor").fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
