"""Errors that name what was expected and what was received."""


class BadInputError(ValueError):
    """What the user gave cannot be used; the message names it, what was expected and what was received.

    The command line prints the message as one line and exits with code 2.
    """


def expect(name, holds, expected, received):
    """Raise BadInputError that names the flag unless `holds`."""
    if not holds:
        raise BadInputError(f"--{name.replace('_', '-')}: expected {expected}. Received: {received}")
