"""The error of bad input, and the check that raises it."""


class BadInputError(ValueError):
    """An argument, a file or a folder from the user cannot be used; the message is one line.

    A parameter is named in backticks, as in "`epochs` must be a number above 0, got -1": the command line shows its
    flag there, and exits with code 2.
    """


def expect(name: str, holds: bool, expected: str, received: object) -> None:
    """Raise BadInputError that names the parameter `name` unless `holds`."""
    if not holds:
        raise BadInputError(f"`{name}` must be {expected}, got {received}")
