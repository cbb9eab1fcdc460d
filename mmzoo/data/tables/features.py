"""The cells of a table that are numbers, categories and dates, as one row of numbers for each row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mmzoo.data.tables.column_types import date_order, to_date, to_number
from mmzoo.data.tables.read import LARGEST

SMALLEST = 1e-30  # deviation by which numbers are divided: its inverse is a float32
MOST_VALUES = 50  # of a category that are told apart; the others are one
START, YEAR = datetime(2000, 1, 1), timedelta(days=365.2425)  # from which, and in which, dates count
OTHER = "other"


@dataclass(frozen=True)
class Number:
    """A column of numbers in their own unit, with the mean and deviation of the training rows."""

    name: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class Category:
    """A column of values; one that is not among `values` is another value."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Date:
    """A column of dates, with the mean and deviation, in years from 2000 on, of the training rows.

    `order` is what stands first where days and months are numbers: day or month.
    """

    name: str
    mean: float
    deviation: float
    order: str = "day"


def fit_feature(kind: str, name: str, cells: Sequence) -> Number | Category | Date:
    """Return what the training rows' `cells` of a column say of it; `kind` is `number`, `category` or `date`."""
    if kind == "category":
        values, counts = np.unique([str(cell) for cell in cells if cell is not None], return_counts=True)
        return Category(
            name, tuple(sorted(str(value) for value in values[np.argsort(-counts, kind="stable")][:MOST_VALUES]))
        )
    order = date_order([cell for cell in cells if cell is not None]) or "day" if kind == "date" else ""
    numbers = to_years(cells, order) if order else to_numbers(cells)
    there = numbers[np.isfinite(numbers)]
    mean, deviation = (float(there.mean()), float(there.std())) if len(there) else (0.0, 0.0)
    rounded = (float(f"{mean:.7g}"), float(f"{deviation if deviation > SMALLEST else 1.0:.7g}"))
    return Date(name, *rounded, order) if order else Number(name, *rounded)


def feature_names(columns: Sequence[Number | Category | Date]) -> tuple[str, ...]:
    """Name each number of a row, as `features` has them."""
    names: list[str] = []
    for column in columns:
        if isinstance(column, Category):
            names += [f"{column.name} = {value}" for value in (*column.values, OTHER)]
        elif isinstance(column, Date):
            parts = ("years", "sine of the year", "cosine of the year", "sine of the week", "cosine of the week")
            names += [f"{column.name}: {part}" for part in (*parts, "missing")]
        else:
            names += [column.name, f"{column.name} missing"]
    return tuple(names)


def figures(columns: Sequence[Number | Category | Date]) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the variance `(F,)` by which a row is scaled: 0 and 1 where it is not."""
    size = len(feature_names(columns))
    mean, variance = np.zeros(size), np.ones(size)
    start = 0
    for column in columns:
        if not isinstance(column, Category):
            mean[start], variance[start] = column.mean, column.deviation**2
        start += len(feature_names([column]))
    return mean, variance


def empty_cells(columns: Sequence[Number | Category | Date]) -> tuple[np.ndarray, np.ndarray]:
    """Return a row `(F,)` of which every cell is missing, and the number of the column of each of its numbers."""
    sizes = [len(feature_names([column])) for column in columns]
    return features(columns, {column.name: [None] for column in columns})[0], np.repeat(np.arange(len(sizes)), sizes)


def spread(columns: Sequence[Number | Category | Date]) -> tuple[float, float]:
    """Return a lowest and a highest value between which the numbers of most rows lie."""
    mean, variance = figures(columns)
    wide = 2 * np.sqrt(variance)
    return (float(np.min(mean - wide, initial=0)), float(np.max(mean + wide, initial=1)))


def features(columns: Sequence[Number | Category | Date], cells: Mapping[str, Sequence]) -> np.ndarray:
    """Return rows `(N, F)` float32 of `{column: N cells}`; a missing cell is None.

    A number is itself and 0, or its mean and 1 where it is missing. A category is a 1 at its value, and no 1 where it
    is missing. A date is the years since 2000, and where it is in the year and in the week, on two circles; the last of
    its six numbers is 1 where it is missing.
    """
    parts = []
    for column in columns:
        own = cells[column.name]
        if isinstance(column, Category):
            parts.append(_one_hot(own, column.values))
            continue
        numbers = to_numbers(own) if isinstance(column, Number) else to_years(own, column.order)
        missing = ~np.isfinite(numbers)
        filled = np.where(missing, column.mean, numbers)
        circles = [] if isinstance(column, Number) else _circles(filled, missing)
        parts.append(np.stack([filled, *circles, missing], axis=1))
    return np.concatenate(parts, axis=1).astype(np.float32)


def present(columns: Sequence[Number | Category | Date], cells: Mapping[str, Sequence]) -> np.ndarray:
    """Return `(N,)` bool: whether a row has any of its cells."""
    return np.any([[cell is not None for cell in cells[column.name]] for column in columns], axis=0)


def to_numbers(cells: Sequence) -> np.ndarray:
    """Return `(N,)` float64; NaN where a cell is missing, no number, or beyond `LARGEST`."""
    numbers = np.array([None if cell is None else to_number(cell) for cell in cells], np.float64)
    return np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)


def to_years(cells: Sequence, order: str) -> np.ndarray:
    """Return `(N,)` float64, the years from the start of 2000 on; NaN where a cell is missing or no date."""
    dates = [None if cell is None else to_date(cell, order) for cell in cells]
    return np.array([None if date is None else (date - START) / YEAR for date in dates], np.float64)


def _one_hot(cells, values):
    place = {value: i for i, value in enumerate(values)}
    rows = np.zeros((len(cells), len(values) + 1))
    for row, cell in zip(rows, cells, strict=True):
        if cell is not None:
            row[place.get(str(cell), len(values))] = 1
    return rows


def _circles(years, missing):
    turns = (2 * np.pi * years, 2 * np.pi * years * (YEAR / timedelta(days=7)))
    return [np.where(missing, 0, wave(turn)) for turn in turns for wave in (np.sin, np.cos)]
