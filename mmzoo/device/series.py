"""Reading of time series from CSV, NPY and Parquet files, and their resampling to one clock, with NumPy.

Training reads files with the same functions: a file gives the same tensor there and on the device.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.device.resampling import SLACK, interval, resample

NPY, PARQUET = b"\x93NUMPY", b"PAR1"
MISSING = frozenset(("", "nan", "na", "n/a", "#n/a", "<na>", "nat", "none", "null", "\\n", "?", "-"))
MOST_CELLS = 100_000_000  # of a Parquet file, which may be of a few bytes
SHOWN = 12  # names listed in a message
COARSE = 1.999  # samples in a step from which on their mean is taken


@dataclass(frozen=True)
class SeriesFile:
    """The columns of a file: `names`, `values` `(T, C)` float64, NaN where a cell is empty.

    Columns in `dates` are seconds since 1970. Columns without a name are numbered from 0.
    """

    names: tuple[str, ...]
    values: np.ndarray
    dates: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Steps:
    """A series on the clock of a model.

    Attributes:
        tensor: `(steps, C + 1)` float32: the channels in their own units, then 1 for a step that was measured. Other
            steps, and channels without any number, hold the mean of training.
        length: steps that the whole file has; more than the tensor's are cut, fewer are padded.
        empty: empty cells of the file, which are interpolated.
        cells: all cells of the file's channels.
    """

    tensor: np.ndarray
    length: int
    empty: int
    cells: int


def prepare_series(path: str | Path, prepare: Mapping[str, Any]) -> Steps:
    """Read a file and resample it to the clock of a model.

    A step takes the mean of its samples if there are two or more in each, else it is linear between the samples around
    it. Empty cells are linear between the known cells of their channel. A step farther than a step and an interval of
    the file from all samples is not measured.

    Args:
        path: a CSV, NPY or Parquet file.
        prepare: of the model's card: `channels`, their names; `time`, the name of the column of times, empty without
            one; `rate`, steps per second or unit of that column, or per sample without one; `steps`; and `fill`, the
            mean of each channel.

    Raises:
        ValueError: the file cannot be read, has other channels, or its times go backwards.
    """
    times, values = _recording(read_series(path), str(path), prepare)
    known = np.isfinite(values)
    some = known.any(axis=1)
    if not some.any():
        raise _wrong(path, "numbers", f"{len(values)} rows of empty cells")
    times, values = times[some] - times[some][0], values[some]
    values = _interpolated(times, values, prepare["fill"])
    rate, steps = float(prepare["rate"]), int(prepare["steps"])
    width, between = 1 / rate, interval(times)
    end = times[-1] + (between or width)
    method = "mean" if width >= COARSE * between else "linear"
    window = (np.zeros(1), np.array([steps * width]))
    (found,), (real,) = resample((times, values), *window, steps, method, max(width, between))
    real &= np.arange(steps) * width < end - SLACK * width
    tensor = np.concatenate([np.where(real[:, None], found, np.asarray(prepare["fill"])), real[:, None]], axis=1)
    return Steps(tensor.astype(np.float32), int(np.ceil(end * rate - SLACK)), int((~known).sum()), known.size)


def _recording(file: SeriesFile, path: str, prepare: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the times `(T,)` and the values `(T, C)` of a file, in the order of the channels of `prepare`."""
    time, channels = prepare["time"], list(prepare["channels"])
    if sorted(file.names) != sorted([*channels, *([time] if time else [])]):
        expected = f"the channels {_listed(channels)}{f' and the times {time}' if time else ''}"
        raise _wrong(path, expected, _listed(file.names))
    if dates := [name for name in channels if name in file.dates]:
        raise _wrong(f"{path}: column {dates[0]}", "numbers", "dates")
    values = file.values[:, [file.names.index(name) for name in channels]]
    large = np.abs(values) > np.finfo(np.float32).max
    if large.any():
        row, column = np.argwhere(large)[0]
        received = f"{values[row, column]:g} in row {row + 1}"
        raise _wrong(f"{path}: column {channels[column]}", "numbers in the range of float32", received)
    if not time:
        return np.arange(len(values), dtype=np.float64), values
    times = file.values[:, file.names.index(time)]
    there = np.isfinite(times)
    times, values = times[there], values[there]
    if not len(times):
        raise _wrong(f"{path}: column {time}", "times", f"{len(there)} empty cells")
    back = np.diff(times) < 0
    if back.any():
        row = int(np.flatnonzero(there)[1:][back][0]) + 1
        raise _wrong(f"{path}: column {time}", "times that do not go backwards", f"an earlier one in row {row}")
    return times, values


def _interpolated(times: np.ndarray, values: np.ndarray, fill: Sequence[float]) -> np.ndarray:
    """Fill the empty cells of values `(T, C)`: linear between known cells; `fill` in a channel without any."""
    values = values.copy()
    for channel, mean in zip(values.T, fill, strict=True):
        known = np.isfinite(channel)
        if not known.all():
            channel[~known] = np.interp(times[~known], times[known], channel[known]) if known.any() else mean
    return values


def read_series(path: str | Path) -> SeriesFile:
    """Read a CSV, NPY or Parquet file of numbers; the format is recognized by its content.

    - CSV: cells are divided by commas, semicolons or tabs, whichever the header has; with semicolons and tabs a decimal
      comma is read. The first row holds the names unless all of its cells are numbers. Encoding: UTF-8 or Windows-1252.
    - NPY: an array of numbers `(T, C)` or `(T,)`.
    - Parquet: columns of numbers; needs pyarrow.

    Columns may hold dates in ISO 8601, or timestamps of Parquet. Empty cells and the texts of `MISSING` are NaN.

    Raises:
        ValueError: the file cannot be read, is empty, has a name twice, or a cell is neither number nor date.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise _wrong(path, "a readable series", error.strerror) from None
    if content.startswith(NPY):
        file = _read_npy(content, str(path))
    elif content.startswith(PARQUET):
        file = _from_columns(*_read_parquet(content, str(path)), str(path))
    else:
        file = _read_csv(content, str(path))
    if not file.values.size:
        raise _wrong(path, "a series of numbers", f"shape {file.values.shape}")
    if repeated := sorted({name for name in file.names if file.names.count(name) > 1}):
        raise _wrong(path, "distinct names of channels", f"{_listed(repeated)} more than once")
    if np.isinf(file.values).any():
        row, column = np.argwhere(np.isinf(file.values))[0]
        raise _wrong(f"{path}: column {file.names[column]}", "finite numbers", f"infinity in row {row + 1}")
    return file


def _read_npy(content: bytes, path: str) -> SeriesFile:
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # of any kind: what a header evaluates to, and as much memory as it asks for
        raise _wrong(path, "a readable NPY file", _reason(error)) from None
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind not in "biuf":
        raise _wrong(path, "an array of numbers (T, C)", f"{array.dtype} {array.shape}")
    values = array.astype(np.float64).reshape(len(array), -1)
    return SeriesFile(tuple(map(str, range(values.shape[1]))), values)


def _read_parquet(content: bytes, path: str) -> tuple[list[str], list[np.ndarray]]:
    """Return the names and columns of a Parquet file, without the unnamed index of pandas unless it holds dates."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise ValueError(f"{path}: pyarrow is not installed, which Parquet files need: pip install pyarrow") from None
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        if (size := file.metadata.num_rows * file.metadata.num_columns) > MOST_CELLS:
            raise ValueError(f"{size:,} cells, more than {MOST_CELLS:,}")
        table = file.read()
        cells = [column.to_numpy() for column in table.columns]
    except Exception as error:  # Arrow's, and what broken metadata leads to
        raise _wrong(path, "a readable Parquet file", _reason(error)) from None
    pairs = zip(table.column_names, cells, strict=True)
    kept = [pair for pair in pairs if pair[1].dtype.kind == "M" or not pair[0].startswith("__index_level_")]
    return [name for name, _ in kept], [column for _, column in kept]


def _read_csv(content: bytes, path: str) -> SeriesFile:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    if "\0" in text:
        raise _wrong(path, "a CSV, NPY or Parquet file", f"binary, {content[:8]!r} at its start")
    header = text.split("\n", 1)[0].rstrip("\r")
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in ",;\t"}
    mark = next((mark for mark, count in counts.items() if count > 1), ",")
    try:
        rows = [
            row
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
            if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise _wrong(path, "closed quotes around whole cells", str(error)) from None
    if not rows:
        raise _wrong(path, "a series of numbers", "an empty file")
    numbered = [*map(str, range(len(rows[0])))]
    named = rows[0] == numbered or any(_number(cell, mark) is None for cell in rows[0])
    names = rows[0] if named else numbered
    rows = rows[1:] if named else rows
    if uneven := [i for i, row in enumerate(rows, 1) if len(row) != len(names)]:
        received = f"{len(rows[uneven[0] - 1])} in row {uneven[0]}"
        raise _wrong(path, f"{len(names)} cells in each row", received)
    return _from_columns(names, [np.array(column, object) for column in zip(*rows, strict=True)], path, mark)


def _from_columns(names: Sequence[str], columns: Iterable[np.ndarray], path: str, mark: str = ",") -> SeriesFile:
    """Convert columns of cells to numbers; `mark` is the delimiter; unless it is a comma, decimal commas are read."""
    names = tuple(str(name).strip() or f"unnamed {i}" for i, name in enumerate(names, 1))
    values, dates = [], set()
    for name, cells in zip(names, columns, strict=False):
        if cells.dtype.kind == "M":
            values.append(np.where(np.isnat(cells), np.nan, cells.astype("datetime64[ns]").astype(np.int64) / 1e9))
            dates.add(name)
            continue
        found, are_dates = _numbers(cells, f"{path}: column {name}", mark)
        values.append(found)
        dates |= {name} if are_dates else set()
    return SeriesFile(names, np.stack(values, axis=1) if values else np.zeros((0, len(names))), frozenset(dates))


def _numbers(cells: np.ndarray, where: str, mark: str) -> tuple[np.ndarray, bool]:
    """Return cells as numbers `(T,)`, NaN where one is empty, and whether they are dates in seconds since 1970."""
    try:
        return cells.astype(np.float64), False
    except (TypeError, ValueError):
        pass
    texts = ["" if cell is None else str(cell).strip() for cell in cells]
    found = [np.nan if text.lower() in MISSING else _number(text, mark) for text in texts]
    if None not in found:
        return np.array(found), False
    seconds = [np.nan if text.lower() in MISSING else _seconds(text) for text in texts]
    if None not in seconds:
        return np.array(seconds), True
    row = found.index(None)
    raise _wrong(where, "a number", f"{texts[row]!r:.40} in row {row + 1}")


def _number(text: str, mark: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return float(text.replace(",", ".")) if mark != "," else None
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _wrong(where: str | Path, expected: str, received: str) -> ValueError:
    return ValueError(f"{where}: expected {expected}. Received: {received}")


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
