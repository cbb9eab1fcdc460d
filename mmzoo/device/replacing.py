"""Files that are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yield a new file in the folder of `path`, which replaces `path` at the end; after an error it is removed.

    Its name cannot be guessed, and a link of that name is refused: nobody who can write into the folder leads what is
    written elsewhere. A link at `path` is replaced, and what it points to is not touched.

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
