"""The command line: from the words of a user to a command and its exit code."""

import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from cyclopts import App, CycloptsError

import mmzoo
from mmzoo.cli import folders, recipes, repository, studies, tables
from mmzoo.cli.parser import new_app, with_flags
from mmzoo.errors import BadInputError

BAD_INPUT, DEFECT, INTERRUPTED = 2, 70, 130
RECIPE_COMMANDS = {
    ("train",): recipes.train,
    ("study", "fusions"): studies.fusions,
    ("study", "strategies"): studies.strategies,
    ("study", "gain-curve"): studies.gain_curve,
}
app = new_app("mmzoo", "Train small multimodal models on your own data, export them and verify the exported files.")
app.version, app.version_flags = mmzoo.__version__, "--version"
app.command(repository.list_recipes, name="list", sort_key=0)
app.command(tables.fit, sort_key=2)
app.command(tables.predict, sort_key=3)
app.command(folders.evaluate, sort_key=4)
app.command(folders.export, sort_key=5)
app.command(folders.verify, sort_key=6)
app.command(folders.benchmark, sort_key=7, usage="mmzoo benchmark [OPTIONS] PATHS...")
app.command(studies.study)
app.command(repository.publish, sort_key=9, usage="mmzoo publish [OPTIONS] [NAMES...]")


@app.command(sort_key=1)
def train(recipe: str, /) -> int:
    """Train a recipe and its unimodal baselines, evaluate, export and verify.

    The options are the recipe's: `mmzoo train RECIPE --help`.

    Parameters
    ----------
    recipe
        Name in `mmzoo list`, or the file of a recipe.
    """
    return recipes.train(recipe)([])


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 wrong numbers, 2 bad input, 3 and 4 as `verify`, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it counts how often it compiles a model again
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name of a file need not be text
            stream.reconfigure(errors="backslashreplace")
    show, code = str, 0
    try:
        command, rest = _command(arguments)
        show = with_flags(command, rest)
        _show_progress(show)
        _show_warnings(show)
        code = command(rest, exit_on_error=False, print_error=False)
    except (CycloptsError, BadInputError) as error:
        _complain(show(" ".join(str(error).split())))
        code = BAD_INPUT
    except (PermissionError, FileExistsError) as error:
        _complain(f"cannot write {error.filename}: {error.strerror}")
        code = BAD_INPUT
    except MemoryError:
        _complain("not enough memory for this input")
        code = BAD_INPUT
    except KeyboardInterrupt as error:
        _close_bars()
        _complain(show("; ".join(["interrupted", *getattr(error, "__notes__", ())])))
        code = INTERRUPTED
    except Exception as error:
        code = _unexpected(error)
    sys.exit(code or 0)


def _unexpected(error: Exception) -> int:
    """Print what no code above handles, and return the exit code: 1 would say that numbers are wrong."""
    if isinstance(error, OSError) and error.filename is not None:  # such as a name that is too long
        _complain(f"cannot use {str(error.filename)[:200]}: {error.strerror}")
        return BAD_INPUT
    traceback.print_exception(error)
    return DEFECT


def _command(arguments: list[str]) -> tuple[App, list[str]]:
    """Return the command line that reads `arguments`, and its remaining arguments."""
    for words, of_recipe in RECIPE_COMMANDS.items():
        count = len(words)
        if tuple(arguments[:count]) == words and len(arguments) > count and not arguments[count].startswith("-"):
            return of_recipe(arguments[count]), arguments[count + 1 :]
    return app, arguments


def _complain(text: str) -> None:
    print(f"mmzoo: {text}", file=sys.stderr)


def _close_bars() -> None:
    """Close the progress bars that an interruption leaves open: at exit they would be drawn behind the last line."""
    if "tqdm" in sys.modules:
        from tqdm import tqdm

        for bar in list(tqdm._instances):
            bar.close()


def _show_progress(show: Callable[[str], str]) -> None:
    """Print what the library logs at INFO as plain lines."""
    logger = logging.getLogger("mmzoo")
    logger.handlers, logger.propagate = [_Lines(show)], False
    logger.setLevel(logging.INFO)


class _Lines(logging.Handler):
    def __init__(self, show: Callable[[str], str]):
        super().__init__()
        self.show = show

    def emit(self, record: logging.LogRecord) -> None:
        print(self.show(record.getMessage()), flush=True)


def _show_warnings(show: Callable[[str], str]) -> None:
    """Print each warning of the library once, as one line."""
    others, library, shown = warnings.showwarning, Path(mmzoo.__file__).parent, set()

    def once(message, category, filename, *more):
        if not Path(filename).is_relative_to(library):
            others(message, category, filename, *more)
        elif str(message) not in shown:
            _complain(show(str(message)))
            shown.add(str(message))

    warnings.showwarning = once


if __name__ == "__main__":
    main()
