"""Atomic writes: a file is written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a new file in the folder of `path`, which replaces `path` at the end; after an error it is removed.

    Its name is random, and an existing link of that name is an error, so a link planted in the folder cannot redirect
    the write. A link at `path` is replaced; its target does not change.

    Raises:
        OSError: the folder cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.urandom(8).hex()}.tmp")
    temporary.open("x").close()
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
