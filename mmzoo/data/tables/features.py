"""Numeric features of a table's rows, from cells of numbers, categories and dates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from mmzoo.data.tables.formats import (
    LARGEST,
    Lookup,
    canonical_cells,
    date_order,
    number_form,
    to_date,
    to_number,
)

SMALLEST = 1e-30  # smallest standard deviation to divide by: its inverse is a float32
MOST_VALUES = 50  # most frequent values of a category with separate features, however rare; the others share one
MANY_VALUES, FEWEST_ROWS = 2000, 5  # values with separate features, at most, and the rows of each beyond `MOST_VALUES`
MOST_CELLS = 50_000_000  # of the features of a category in all training rows
START, YEAR = datetime(2000, 1, 1), timedelta(days=365.2425)  # origin and unit of dates
OTHER = "other"
BINS, PER_BIN = 12, 200  # of a number's piecewise linear encoding: bins, at most, and rows in each, at least


@dataclass(frozen=True)
class Number:
    """Describe a column of numbers by mean and standard deviation.

    Both come from the training rows, in the column's unit. `decimal` is "," if the comma is the decimal mark of texts.
    `edges` are quantiles, ascending, between which the number is encoded apart, see `blocks.piecewise_linear`.
    """

    name: str
    mean: float
    deviation: float
    decimal: str = ""
    edges: tuple[float, ...] = ()


@dataclass(frozen=True)
class Category:
    """Describe a categorical column by its `values`; other values share one feature.

    Values are spelled as in `canonical_cells`; a cell is found in any spelling, see `Lookup`.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Date:
    """Describe a column of dates by mean and standard deviation.

    Both come from the training rows.
    Both are in years since 2000. `order` is the first part of numeric dates: day or month.
    """

    name: str
    mean: float
    deviation: float
    order: str = "day"


def fit_feature(kind: str, name: str, cells: Sequence, form: str | None = None) -> Number | Category | Date:
    """Fit a feature column to the training rows' `cells`.

    `kind` is `number`, `category` or `date`. `form` is the decimal mark, or the order of a date, of the whole column;
    by default inferred from `cells`.
    """
    if kind == "category":
        values, counts = np.unique([c for c in canonical_cells(cells) if c is not None], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        most = max(MOST_VALUES, min(MANY_VALUES, MOST_CELLS // len(cells)))
        kept = max(min(MOST_VALUES, len(values)), min(most, int((counts >= FEWEST_ROWS).sum())))
        return Category(name, tuple(sorted(str(value) for value in values[order][:kept])))
    given = [cell for cell in cells if cell is not None]
    if form is None:
        form = date_order(given) or "day" if kind == "date" else number_form(given) or ""
    numbers = to_years(cells, form) if kind == "date" else to_numbers(cells, form)
    finite = numbers[np.isfinite(numbers)]
    mean, deviation = (float(finite.mean()), float(finite.std())) if len(finite) else (0.0, 0.0)
    rounded = (float(f"{mean:.7g}"), float(f"{deviation if deviation > SMALLEST else 1.0:.7g}"))
    return Date(name, *rounded, form) if kind == "date" else Number(name, *rounded, form, _edges(finite))


def shared_values(columns: Sequence[Number | Category | Date], training: Mapping[str, Sequence]) -> list[str]:
    """Return a line for each category some of whose values in the rows `training` share a feature."""
    lines = []
    for column in columns:
        if isinstance(column, Category):
            known = len({cell for cell in canonical_cells(list(training[column.name])) if cell is not None})
            if known > len(column.values):
                kept = f"{len(column.values):,} of {known:,} values have a feature each"
                lines.append(f"{column.name}: {kept}; the others share one, as too few training rows have them")
    return lines


def _edges(numbers: np.ndarray) -> tuple[float, ...]:
    """Return at most `BINS` + 1 different quantiles; nothing where bins would have few rows."""
    bins = min(BINS, len(numbers) // PER_BIN)
    if bins < 2:
        return ()
    found = np.unique([float(f"{x:.7g}") for x in np.quantile(numbers, np.linspace(0, 1, bins + 1))])
    return tuple(found.tolist()) if len(found) > 2 else ()


def feature_names(columns: Sequence[Number | Category | Date]) -> tuple[str, ...]:
    """Name each feature, in the order of `features`."""
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
    """Return mean and variance `(F,)` for scaling.

    Unscaled features have 0 and 1.
    """
    size = len(feature_names(columns))
    mean, variance = np.zeros(size), np.ones(size)
    start = 0
    for column in columns:
        if not isinstance(column, Category):
            mean[start], variance[start] = column.mean, column.deviation**2
        start += len(feature_names([column]))
    return mean, variance


def edges(columns: Sequence[Number | Category | Date]) -> tuple[tuple[float, ...], ...]:
    """Return the edges of each feature `(F,)` for its piecewise linear encoding; () for one without."""
    found = []
    for column in columns:
        own = column.edges if isinstance(column, Number) else ()
        found += [own, *[()] * (len(feature_names([column])) - 1)]
    return tuple(found)


def empty_cells(columns: Sequence[Number | Category | Date]) -> tuple[np.ndarray, np.ndarray]:
    """Return the features `(F,)` of an empty row, and their column indices."""
    sizes = [len(feature_names([column])) for column in columns]
    return features(columns, {column.name: [None] for column in columns})[0], np.repeat(np.arange(len(sizes)), sizes)


def spread(columns: Sequence[Number | Category | Date]) -> tuple[float, float]:
    """Return a range that contains most feature values: lowest, highest."""
    mean, variance = figures(columns)
    wide = 2 * np.sqrt(variance)
    return (float(np.min(mean - wide, initial=0)), float(np.max(mean + wide, initial=1)))


def features(columns: Sequence[Number | Category | Date], cells: Mapping[str, Sequence]) -> np.ndarray:
    """Compute features `(N, F)` float32 from `{column: N cells}`.

    None is a missing cell.
    A number has two features: its value and 0, or the mean and 1 if missing. A category is one-hot, all zeros if
    missing. A date has six features: years since 2000, sine and cosine of the position in the year and in the week, and
    1 if missing.
    """
    parts = []
    for column in columns:
        values = cells[column.name]
        if isinstance(column, Category):
            parts.append(_one_hot(values, column.values))
            continue
        numbers = read_column(column, values)
        missing = ~np.isfinite(numbers)
        filled = np.where(missing, column.mean, numbers)
        circles = [] if isinstance(column, Number) else _circles(filled, missing)
        parts.append(np.stack([filled, *circles, missing], axis=1))
    return np.concatenate(parts, axis=1).astype(np.float32)


def present(columns: Sequence[Number | Category | Date], cells: Mapping[str, Sequence]) -> np.ndarray:
    """Return `(N,)` bool: whether a row has any usable cell in `columns`: a number, a date or any category."""
    there = (
        [cell is not None for cell in cells[column.name]]
        if isinstance(column, Category)
        else np.isfinite(read_column(column, cells[column.name]))
        for column in columns
    )
    return np.any(list(there), axis=0)


def read_column(column: Number | Date, cells: Sequence) -> np.ndarray:
    """Convert cells of a column to numbers, or to years since 2000, `(N,)` float64; NaN where that is impossible."""
    return to_numbers(cells, column.decimal) if isinstance(column, Number) else to_years(cells, column.order)


def to_numbers(cells: Sequence, decimal: str = "") -> np.ndarray:
    """Convert cells to numbers, `(N,)` float64.

    NaN means missing, no number, or beyond `LARGEST`.
    """
    numbers = np.array([None if cell is None else to_number(cell, decimal) for cell in cells], np.float64)
    return np.where(np.abs(numbers) <= LARGEST, numbers, np.nan)


def to_years(cells: Sequence, order: str) -> np.ndarray:
    """Convert cells to years since 2000, `(N,)` float64.

    NaN means missing or no date.
    """
    dates = [None if cell is None else to_date(cell, order) for cell in cells]
    return np.array([None if date is None else (date - START) / YEAR for date in dates], np.float64)


def _one_hot(cells: Sequence, values: Sequence[str]) -> np.ndarray:
    place = Lookup(values)
    rows = np.zeros((len(cells), len(values) + 1), np.float32)
    for row, cell in zip(rows, cells, strict=True):
        if cell is not None:
            found = place(cell)
            row[len(values) if found is None else found] = 1
    return rows


def _circles(years: np.ndarray, missing: np.ndarray) -> list[np.ndarray]:
    turns = (2 * np.pi * years, 2 * np.pi * years * (YEAR / timedelta(days=7)))
    return [np.where(missing, 0, wave(turn)) for turn in turns for wave in (np.sin, np.cos)]
