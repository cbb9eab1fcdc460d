"""Tables of measurements, a row each: the rows of one recording become one row with a column of series."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.tables.formats import canonical_cells, is_placeholder, number_form, to_number
from mmzoo.data.tables.read import abbreviated
from mmzoo.data.tables.rows import cache_folder
from mmzoo.data.tables.series import Series
from mmzoo.data.tables.split import column_times
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

SERIES = "series"  # the column of files
CHANGES = "not a number, and it changes within a recording"


@dataclass(frozen=True)
class Gathered:
    """A table of recordings.

    `frame` has a row for each recording in the order of first appearance: its id, the columns that are constant in
    every recording, and `SERIES`, the path of a Parquet file of the other columns. `left_out` are pairs of a column
    and the reason; `notes` are lines for the user.
    """

    frame: "pd.DataFrame"
    left_out: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def is_gathered(column: object) -> bool:
    """Return whether a column of an input is the series of gathered recordings."""
    return isinstance(column, Series) and column.name == SERIES


@dataclass
class _Recordings:
    """The rows of each recording: `order` sorts the table by recording and time, `starts` are their first rows."""

    order: np.ndarray
    starts: np.ndarray
    late: int = 0
    times: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def split(self, values: np.ndarray) -> list[np.ndarray]:
        return np.split(values[self.order], self.starts[1:])


def gather_recordings(
    frame: "pd.DataFrame",
    recording: str,
    time: str = "",
    constant: Sequence[str] = (),
    channels: Sequence[str] = (),
) -> Gathered:
    """Gather the rows of each recording into a series.

    Columns of numbers that change within a recording are channels; a column with at most one value in each recording
    is a cell of it. Rows without an id are left out, with a note. The files are in the cache folder, named by their
    content.

    Args:
        frame: a table as `mmzoo.data.tables.read.read_table` returns it, with a row for each point in time.
        recording: the column of ids; rows with equal cells are one recording.
        time: the column of times, numbers or dates, by which the rows of a recording are sorted; "" if they are in
            order and evenly spaced.
        constant: columns that must not change within a recording, as the target.
        channels: the channels of a trained model, which a table to predict must have; () to find them.

    Raises:
        BadInputError: a column is missing, no recording has several rows, nothing changes within a recording, a
            column of `constant` does, or a time is missing.
    """
    import pandas as pd

    for name, said in ((recording, "`id`"), (time, "`time`"), *((name, "channel") for name in channels)):
        if name and name not in frame:
            raise BadInputError(f"{said}: expected a column of the table. Received: {name}, columns {_names(frame)}")
    if SERIES in frame:
        raise BadInputError(f"column {SERIES!r}: with `id` this name is of the recordings; rename the column")
    there, notes = frame[recording].notna().to_numpy(), []
    if not there.all():
        notes.append(f"left out: {(~there).sum():,} rows without {recording}")
        frame = frame[there].reset_index(drop=True)
    if not len(frame):
        raise BadInputError(f"`id`: expected ids in the column {recording}. Received: {len(there):,} empty cells")
    rows = _recordings(frame, recording, time)
    if not channels and len(rows.starts) == len(frame):
        raise BadInputError(f"`id`: expected several rows of a recording. Received: {recording}, distinct in every row")
    cells, found, left_out = _columns(frame, rows, (recording, time, constant), channels)
    if not found:
        raise BadInputError(f"`id`: expected numbers that change within a {recording}. Received: {_names(cells)}")
    numbers = {name: rows.split(_numbers(frame[name].tolist())) for name in found}
    if time:
        numbers[time] = rows.split(rows.times)
    gathered = pd.DataFrame({name: pd.Series(known, dtype=object) for name, known in cells.items()})
    paths = [_write({name: parts[i] for name, parts in numbers.items()}) for i in range(len(rows.starts))]
    gathered[SERIES] = pd.Series(paths, dtype=object)
    late = f"; {rows.late:,} rows were not in the order of {time}: sorted" if rows.late else ""
    notes.append(f"{recording}: {len(frame):,} rows are {len(paths):,} recordings of {', '.join(found)}{late}")
    return Gathered(gathered, tuple(left_out), tuple(notes))


def _recordings(frame: "pd.DataFrame", recording: str, time: str) -> _Recordings:
    """Return the rows of each recording, sorted by time."""
    place: dict[str | None, int] = {}
    numbers = np.array([place.setdefault(cell, len(place)) for cell in canonical_cells(frame[recording])])
    times = column_times(frame[time], time) if time else np.arange(len(frame), dtype=np.float64)
    order = np.lexsort((np.arange(len(frame)), times, numbers))
    as_given = np.argsort(numbers, kind="stable")
    starts = np.searchsorted(numbers[order], np.arange(len(place)))
    return _Recordings(order, starts, int((order != as_given).sum()), times)


def _columns(
    frame: "pd.DataFrame", rows: _Recordings, own: tuple[str, str, Sequence[str]], channels: Sequence[str]
) -> tuple[dict[str, list], list[str], list[tuple[str, str]]]:
    """Return `{column: cell of each recording}`, the channels, and the columns that are neither."""
    recording, time, constant = own
    cells, found, left_out = {}, [], []
    for name in frame:
        if name == time or name in channels:
            found += [name] if name in channels else []
            continue
        texts = rows.split(np.array(canonical_cells(frame[name]), object))
        known = [[i for i, text in enumerate(part) if text is not None] for part in texts]
        several = [k for k, (part, at) in enumerate(zip(texts, known, strict=True)) if len(set(part[at])) > 1]
        if not several:
            given = rows.split(np.array([*frame[name], None], object)[:-1])  # cells may be lists
            cells[name] = [part[at[0]] if at else None for part, at in zip(given, known, strict=True)]
        elif name in constant:
            part, at = texts[several[0]], known[several[0]]
            shown = f"{abbreviated(sorted(set(part[at])))} in {_named(frame, rows, recording, several[0])}"
            raise BadInputError(f"column {name}: expected one value in each {recording}. Received: {shown}")
        elif not channels and _are_numbers(frame[name]):
            found.append(name)
        else:
            left_out.append((name, CHANGES))
    return cells, [*channels] or found, left_out


def _named(frame: "pd.DataFrame", rows: _Recordings, recording: str, number: int) -> str:
    """Return the id of a recording for a message."""
    return f"{recording} {frame[recording].iloc[rows.order[rows.starts[number]]]}"


def _are_numbers(cells: "pd.Series") -> bool:
    known = [cell for cell in cells if cell is not None and not is_placeholder(cell)]
    return number_form(known) is not None


def _numbers(cells: list) -> np.ndarray:
    form = number_form([cell for cell in cells if cell is not None and not is_placeholder(cell)]) or ""
    return np.array([np.nan if cell is None else to_number(cell, form) for cell in cells], np.float64)


def _write(columns: dict[str, np.ndarray]) -> str:
    """Write a recording to the cache, unless it is there; return the path."""
    import pyarrow
    from pyarrow import parquet

    content = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), content, compression="zstd", write_statistics=False)
    data = content.getvalue()
    place: Path = cache_folder("recordings") / f"recording-{hashlib.sha256(data).hexdigest()[:24]}.parquet"
    try:
        if not (place.is_file() and place.stat().st_size == len(data)):
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as temporary:
                temporary.write_bytes(data)
    except OSError as error:
        raise BadInputError(f"MMZOO_CACHE_DIR: cannot write recordings to {place.parent}: {error}") from None
    return str(place.absolute())


def _names(columns: object) -> str:
    return abbreviated([*map(str, columns)])
