"""A zoo of small multimodal models: trained on your data, exported, and verified to compute the same there."""

__version__ = "0.1.0"


class BadInputError(ValueError):
    """What the user gave cannot be used; the message names it, what was expected and what was received.

    The command line prints the message as one line and exits with code 2.
    """
