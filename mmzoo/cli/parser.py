"""What all command lines share: their settings, TensorFlow without its noise, and flags in place of parameters."""

import functools
from collections.abc import Callable, Sequence

from cyclopts import App, Parameter

from mmzoo.cli.help_page import PARAMETER, HelpPage
from mmzoo.errors import BadInputError


def new_app(name: str, text: str, several: bool = False) -> App:
    """Return an empty command line: with `several`, one flag takes several values."""
    return App(
        name=name,
        help=text,
        help_format="plaintext",
        help_formatter=HelpPage(),
        default_parameter=Parameter(negative_iterable=(), consume_multiple=several),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        version_flags=(),
    )


def import_tensorflow() -> None:
    """Import TensorFlow without its warnings of missing drivers."""
    from mmzoo.device.quiet import quiet

    with quiet():
        import tensorflow  # noqa: F401


def with_flags(app: App, arguments: Sequence[str]) -> Callable[[str], str]:
    """Return a function that shows the flags of a command where a text has its parameters in backticks."""

    @functools.cache
    def flags() -> dict[str, str]:
        command = app.parse_commands(arguments)[1][-1]
        names = (
            [name for x in command.assemble_argument_collection() for name in x.names]
            if command.default_command
            else []
        )
        return {"recipe": "RECIPE", **{name.lstrip("-").replace("-", "_").lower(): name for name in names}}

    return lambda text: PARAMETER.sub(lambda found: flags().get(found[1], found[0]), text)


def numbers(name: str, text: str, kind: type) -> list:
    """Return the numbers in `text`, separated by commas, that the parameter `name` is given."""
    try:
        return [kind(word) for word in text.split(",")]
    except ValueError:
        raise BadInputError(f"`{name}` must be numbers separated by commas, got {text}") from None


def seeds_of(text: str) -> Sequence[int]:
    """Return the seeds that `--seeds` means: `3` is how many of them, `0,6,12` which."""
    found = numbers("seeds", text, int)
    return found if "," in text else range(found[0])
