"""Silence of native libraries, which write to standard error themselves."""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_lock = threading.Lock()
_blocks = 0  # that are open, in all threads
_held: tuple[IO[bytes], int] | None = None  # the file that receives standard error, and the descriptor to restore


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress standard error of C++ and Python inside the block.

    This includes what other threads of the process write meanwhile. Blocks may overlap in several
    threads; the last to end restores standard error. The text is shown if a block raises.
    """
    _enter()
    try:
        yield
    except BaseException:
        _leave(show=True)
        raise
    _leave(show=False)


def _enter() -> None:
    global _blocks, _held
    with _lock:
        if not _blocks:
            _flush()
            _held = _replaced()
        _blocks += 1


def _replaced() -> tuple[IO[bytes], int] | None:
    """Send standard error to a new file; None for a process that has none."""
    try:
        shown = os.dup(2)
    except OSError:
        return None
    held = tempfile.TemporaryFile()  # noqa: SIM115  closed by the last block
    os.dup2(held.fileno(), 2)
    return held, shown


def _leave(show: bool) -> None:
    global _blocks, _held
    with _lock:
        _blocks -= 1
        if _held is None:
            return
        _flush()
        held, shown = _held
        try:
            if show:
                held.seek(0)
                os.write(shown, held.read())
                held.truncate(0)
                held.seek(0)
        finally:
            if not _blocks:
                os.dup2(shown, 2)
                os.close(shown)
                held.close()
                _held = None


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
