"""Digests of a table, by which a resumed run sees that it is the same."""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mmzoo.data.tables.read import abbreviated
from mmzoo.data.tables.rows import file_stamp
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def column_digests(frame: "pd.DataFrame", root: str | Path, files: Collection[str]) -> dict[str, str]:
    """Return a digest of the cells of each column; of those in `files`, of the size and time of each file, too."""
    found = {}
    for name in frame:
        cells = [file_stamp(cell, root) if name in files else repr(cell) for cell in frame[name]]
        found[name] = hashlib.sha256("\0".join(cells).encode("utf-8", "surrogatepass")).hexdigest()
    return found


def check_digests(before: Mapping[str, str], now: Mapping[str, str], place: str | Path) -> None:
    """Check that the table at `place` is the one of an interrupted run.

    Raises:
        BadInputError: a column changed, came or went; it is named.
    """
    if changed := [name for name in {**before, **now} if before.get(name) != now.get(name)]:
        said = f"expected the table of the interrupted run. Received: other cells or files in {abbreviated(changed)}"
        raise BadInputError(f"`resume`: {place}: {said}")
