"""Columns of time series: their channels, clock and length, fitted to the training rows."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.tables.read import resolve
from mmzoo.device.resampling import interval
from mmzoo.device.series import SeriesFile, Steps, prepare_series, read_series
from mmzoo.errors import BadInputError

SAMPLED = 200  # files, at most, from which a column is fitted
MOST_STEPS, FEWEST_STEPS = 512, 16
COVERED = 95  # percentile of series that are not cut
QUICK = 25  # percentile of the intervals between samples that is the clock's: slower files are interpolated
ROUND = 6  # significant digits, as a card keeps them: the device pads with the same numbers
SMALLEST = 1e-30  # standard deviation to divide by: its inverse is a float32
_TIME = re.compile(r"(?i:^(time|times|timestamps?|date|datetime|date.?time|t|secs?|seconds?|elapsed|epoch|clock)$)")
_TIME_WITH = re.compile(r"(?i:(?:^|[\W_])(time|timestamp|datetime)(?:$|[\W_]))")


@dataclass(frozen=True)
class Series:
    """Describe a column of paths of time series.

    `time` is the column of times in the files, empty where they have none; `rate` the steps per second, per unit of
    `time`, or per sample. `steps` is the length of the tensor. `mean` and `deviation` of each channel come from the
    training rows, in the units of the files.
    """

    name: str
    channels: tuple[str, ...]
    time: str
    rate: float
    steps: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Return the shape of the tensor `(T, C + 1)`: the channels, then 1 for a measured step."""
        return (self.steps, len(self.channels) + 1)

    @property
    def prepare(self) -> dict[str, Any]:
        """Return what `mmzoo.device.series.prepare_series` takes, and a card holds."""
        return {
            "channels": list(self.channels),
            "time": self.time,
            "rate": self.rate,
            "steps": self.steps,
            "fill": list(self.mean),
        }

    @property
    def unit(self) -> str:
        """Return the unit of the tensor for a card."""
        apart = f"{1 / self.rate:.4g} of {self.time}" if self.time else f"{1 / self.rate:.4g} samples"
        return f"{self.steps} steps, {apart} apart: {', '.join(self.channels)}; last 1 measured, 0 padding"

    @property
    def range(self) -> tuple[float, float]:
        """Return a range that contains most values: lowest, highest."""
        mean, wide = np.array(self.mean), 2 * np.array(self.deviation)
        return (float(np.min(mean - wide, initial=0)), float(np.max(mean + wide, initial=1)))

    @property
    def figures(self) -> dict[str, np.ndarray]:
        """Return `mean` and `variance` `(C + 1,)` for scaling; 0 and 1 for the last column."""
        return {"mean": np.append(self.mean, 0.0), "variance": np.append(np.square(self.deviation), 1.0)}


def read_steps(path: str | Path, column: Series) -> Steps:
    """Read a file as `prepare_series` does.

    Raises:
        BadInputError: the file cannot be read, or has other channels.
    """
    try:
        return prepare_series(path, column.prepare)
    except ValueError as error:
        raise BadInputError(str(error)) from None


def fit_series(name: str, cells: Sequence, root: str | Path, time: str = "") -> Series:
    """Fit a column of series to the files of the training rows, `SAMPLED` of them at most, evenly spaced.

    The channels are the names that most files have. A column is the time if its cells are dates; or if they do not go
    backwards in any file and it is named as a time; or if it is the first, and rises in every file. A quarter of the
    files reach the rate; the length holds 95 % of them. A longer one than 512 steps gets a lower rate.

    Args:
        name: of the column.
        cells: paths.
        root: base folder of relative paths.
        time: the column of times in the files; "" to find it.

    Raises:
        BadInputError: no file can be read.
    """
    given = list(dict.fromkeys(str(cell) for cell in cells if cell is not None))
    rows = np.linspace(0, len(given) - 1, min(SAMPLED, len(given))).astype(int)
    files, problem = [], "no cells"
    for i in rows:
        try:
            files.append(read_series(resolve(given[i], root)))
        except ValueError as error:  # missing, or reported as a bad row by decoding
            problem = str(error)
    if not files:
        raise BadInputError(f"column {name!r}: expected series of numbers. Received: {problem}")
    names, _ = Counter(file.names for file in files).most_common(1)[0]
    files = [file for file in files if sorted(file.names) == sorted(names)]
    time = time or next((one for i, one in enumerate(names) if _is_time(one, i, files)), "")
    channels = tuple(one for one in names if one != time)
    if not channels:
        raise BadInputError(f"column {name!r}: expected a channel other than the time {time}. Received: none")
    rate, steps = _clock(files, time)
    mean, deviation = zip(*(_figures(files, channel) for channel in channels), strict=True)
    return Series(name, channels, time, rate, steps, mean, deviation)


def _is_time(name: str, place: int, files: Sequence[SeriesFile]) -> bool:
    """Return whether the column `name`, the one at `place`, holds times in all files."""
    columns = [file.values[:, file.names.index(name)] for file in files]
    steps = [np.diff(column[np.isfinite(column)]) for column in columns]
    if any((step < 0).any() for step in steps) or not any((step > 0).any() for step in steps):
        return False
    if _TIME.match(name) or _TIME_WITH.search(name) or all(name in file.dates for file in files):
        return True
    rises = all((step > 0).all() for step in steps) and all(np.isfinite(column).all() for column in columns)
    return place == 0 and len(files) > 1 and rises


def _clock(files: Sequence[SeriesFile], time: str) -> tuple[float, int]:
    """Return steps per unit of time, and the number of steps."""
    between, lengths = [], []
    for file in files:
        times = file.values[:, file.names.index(time)] if time else np.arange(len(file.values), dtype=np.float64)
        times = times[np.isfinite(times)]
        if len(times) > 1 and interval(times) > 0:
            between.append(interval(times))
            lengths.append(times[-1] - times[0] + between[-1])
    if not between:
        return 1.0, FEWEST_STEPS
    length = float(np.percentile(lengths, COVERED))
    shortest = float(np.percentile(between, QUICK, method="lower"))  # the interval of one file
    rate = _rounded(min(1 / shortest, MOST_STEPS / length))
    return rate, int(np.clip(np.ceil(length * rate - 1e-3), FEWEST_STEPS, MOST_STEPS))


def _figures(files: Sequence[SeriesFile], channel: str) -> tuple[float, float]:
    """Return mean and standard deviation of a channel over all files, each of the same weight."""
    found = [file.values[:, file.names.index(channel)] for file in files]
    found = [known for values in found if len(known := values[np.isfinite(values)])]
    if not found:
        return 0.0, 1.0
    mean = float(np.mean([values.mean() for values in found]))
    deviation = float(np.sqrt(np.mean([np.square(values - mean).mean() for values in found])))
    return _rounded(mean), _rounded(deviation) if deviation > SMALLEST else 1.0


def _rounded(number: float) -> float:
    return float(f"{number:.{ROUND}g}")


def series_note(column: Series, found: Sequence[tuple[int, int, int]]) -> str:
    """Return a line on a column's series: those that are cut and padded, and their empty cells.

    `found` has the steps, the empty cells and all cells of each file.
    """
    steps, empty, cells = np.array(found, np.int64).reshape(-1, 3).T
    count, parts = len(steps), []
    if cut := int((steps > column.steps).sum()):
        parts.append(f"{cut:,} of {count:,} are longer, the longest {steps.max():,} steps: cut")
    if short := int((steps < column.steps).sum()):
        parts.append(f"{short:,} of {count:,} are shorter: padded")
    if empty.sum():
        parts.append(f"{empty.sum():,} of {cells.sum():,} cells are empty: interpolated")
    read = f"{column.name}: {len(column.channels)} channels{f', times in {column.time}' if column.time else ''}"
    return "; ".join([f"{read}, {column.steps} steps, {column.rate:g} per {column.time or 'sample'}", *parts])
