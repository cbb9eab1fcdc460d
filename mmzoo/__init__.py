"""A zoo of small multimodal models: trained on your data, exported, and verified to compute the same there."""

import importlib

__version__ = "0.1.0"


class BadInputError(ValueError):
    """What the user gave cannot be used; the message names it, what was expected and what was received.

    The command line prints the message as one line and exits with code 2.
    """


def __getattr__(name: str):
    """Import `fit` when it is asked for: it needs TensorFlow, and `import mmzoo` does not."""
    if name == "fit":
        return importlib.import_module("mmzoo.run.fitted").fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
