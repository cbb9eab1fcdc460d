"""Splits of a table's rows into train, validation and test, and folds for cross-validation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from mmzoo.data.arrays import SPLITS
from mmzoo.data.tables.formats import date_order, to_date, to_number
from mmzoo.data.tables.read import SPLITS as SPLIT_NAMES
from mmzoo.data.tables.read import abbreviated
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

ORDER = ("train", "test", "validation")  # order in which the rows of a small class are assigned

QUANTILES = 10  # maximum number of strata of a numeric target
STRATUM = 20  # minimum rows of a stratum
TRIALS = 30  # maximum number of random orders for the assignment of groups
GROUP_TRIALS = 50_000  # maximum number of groups over all trials
URGENT = 1e12  # exceeds any sum of squared row counts
START = datetime(1970, 1, 1)


def split_rows(
    frame: "pd.DataFrame",
    labels: ArrayLike,
    by: str = "",
    group: str = "",
    time: str = "",
    seed: int = 0,
    shares: Sequence[float] = (0.70, 0.15, 0.15),
) -> np.ndarray:
    """Split the rows of a table into train, validation and test.

    At most one of `by`, `group` and `time` is given. Without them the split is random and stratified: a class of at
    least 3 rows is in every split, a class of 2 rows in train and test, a class of 1 row in train.

    Args:
        frame: the table.
        labels: `(N,)` classes; `(N,)` float numbers, stratified by quantile; or `(N, K)` of 0 and 1, stratified by
            the rarest label of a row.
        by: column with the name of each row's split, see `mmzoo.data.tables.read.SPLITS`. Without validation rows,
            they are drawn from train by a stratified random split.
        group: column whose equal values stay together, with classes as even as possible; an empty cell is a group of
            one row.
        time: column of dates or numbers; the oldest rows train, the newest test, equal times stay together.
        seed: random seed.
        shares: fractions of train, validation and test; the sizes are approximate.

    Returns:
        strings `(N,)` of `SPLITS`.

    Raises:
        BadInputError: more than one column is given, or an unknown one; a cell is no split or no time; a split would
            be empty; train or test would hold a single class.
    """
    given = {"column": by, "group": group, "time": time}
    how = [f"{name} {column}" for name, column in given.items() if column]
    if len(how) > 1:
        raise BadInputError(f"split: expected one of a split column, a group and a time. Received: {', '.join(how)}")
    shares = np.asarray(shares, np.float64)
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise BadInputError(f"shares: expected three positive numbers with sum 1. Received: {shares.tolist()}")
    strata = strata_of(labels, len(frame))
    ordered = shares[[SPLITS.index(name) for name in ORDER]]
    rng = np.random.default_rng(seed)
    if by:
        splits = _named(_column(frame, by, "split column"), by, strata, ordered, rng)
    elif group:
        codes = _groups(_column(frame, group, "`group`"))
        splits = np.array(ORDER)[_assign_groups(codes, strata, ordered, rng)]
        how[0] += f" (the largest group has {np.bincount(codes).max()} of {len(codes)} rows)"
    elif time:
        splits = _by_time(column_times(_column(frame, time, "`time`"), time), shares, time)
    else:
        splits = np.array(ORDER)[_assign(strata, ordered, rng)]
    _check_splits(splits, labels, " by ".join(["split", *how]))
    return splits


def folds(
    frame: "pd.DataFrame", labels: ArrayLike, count: int, group: str = "", seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return `count` folds for cross-validation as pairs of row numbers.

    A pair holds the rows of train and validation, and the rows of test. Each row is in one test fold. Folds are
    stratified as in `split_rows`. No value of the column `group` is on both sides of a fold.

    Raises:
        BadInputError: there are fewer than 2 folds, or fewer rows or groups than folds; the column is unknown; a side
            would hold a single class.
    """
    strata = strata_of(labels, len(frame))
    if not 2 <= count <= len(frame):
        raise BadInputError(f"`folds` must be 2 to {len(frame)}, the rows of the table, got {count}")
    rng = np.random.default_rng(seed)
    if group:
        codes = _groups(_column(frame, group, "`group`"))
        fold = _assign_groups(codes, strata, np.full(count, 1 / count), rng)
    else:
        order = np.lexsort((rng.random(len(strata)), strata))
        fold = np.empty(len(strata), np.int64)
        fold[order] = np.arange(len(strata)) % count  # rows sorted by class: each class is spread evenly
    sides = [(np.flatnonzero(fold != part), np.flatnonzero(fold == part)) for part in range(count)]
    for part, (rest, test) in enumerate(sides):
        where = f"fold {part + 1} of {f'group {group}' if group else 'rows'}"
        _check_classes(labels, {"train": rest, "test": test}, where)
    return sides


def fold_splits(
    frame: "pd.DataFrame", labels: ArrayLike, fold: int, count: int, group: str = "", seed: int = 0
) -> np.ndarray:
    """Split the rows with one of `count` folds as test.

    `fold` counts from 1.
    Validation takes 15 of 85 of the other rows, stratified and grouped as in `split_rows`.

    Returns:
        strings `(N,)` of `SPLITS`.

    Raises:
        BadInputError: as `folds`.
    """
    rest, _ = folds(frame, labels, count, group, seed)[fold - 1]
    shares, rng = np.array([70, 15]) / 85, np.random.default_rng([seed, fold])
    strata = strata_of(labels, len(frame))[rest]
    if group:
        codes = np.unique(_groups(frame[group])[rest], return_inverse=True)[1]
        parts = _assign_groups(codes, strata, shares, rng)
    else:
        parts = _assign(strata, shares, rng)
    splits = np.full(len(frame), "test", f"<U{max(map(len, SPLITS))}")
    splits[rest] = np.array(["train", "validation"])[parts]
    _check_splits(splits, labels, f"fold {fold} of {count}")
    return splits


def strata_of(labels: ArrayLike, size: int) -> np.ndarray:
    """Return each row's stratum, int64 `(N,)`.

    It is the class, the quantile of a number, or the rarest label.

    Raises:
        BadInputError: the number of `labels` is not `size`, labels are missing or not finite, or there is one class.
    """
    import pandas as pd

    labels = np.asarray(labels)
    if labels.ndim not in (1, 2) or len(labels) != size or not size:
        raise BadInputError(f"labels: expected one for each of {size} rows. Received: shape {labels.shape}")
    missing = ~np.isfinite(labels) if labels.dtype.kind == "f" else pd.isna(labels)
    if missing.any():
        rows = np.flatnonzero(missing.reshape(size, -1).any(axis=1))
        raise BadInputError(
            f"labels: expected one in every row. Received: none in {abbreviated([f'row {r + 1}' for r in rows])}"
        )
    if labels.ndim == 2:
        rare = np.where(labels > 0, (labels > 0).sum(axis=0), size + 1)
        return np.where(rare.min(axis=1) > size, labels.shape[1], rare.argmin(axis=1))
    if labels.dtype.kind == "f":
        parts = min(QUANTILES, max(1, size // STRATUM))
        inner = np.quantile(labels, np.arange(1, parts) / parts)
        return np.searchsorted(np.unique(inner), labels, side="right")
    classes, strata = np.unique(labels.astype(str), return_inverse=True)
    if len(classes) < 2:
        raise BadInputError(f"labels: expected at least two classes. Received: one, {classes[0]}")
    return strata


def _column(frame: "pd.DataFrame", name: str, where: str) -> "pd.Series":
    if name not in frame.columns:
        columns = [str(column) for column in frame.columns]
        close = get_close_matches(str(name), columns, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise BadInputError(f"{where}: expected one of the columns {abbreviated(columns, 20)}. Received: {name}.{hint}")
    return frame[name]


def _texts(column: "pd.Series") -> list[str]:
    """Return the cells of a column as stripped strings, "" where empty."""
    return ["" if empty else str(cell).strip() for cell, empty in zip(column, column.isna(), strict=True)]


def _named(
    column: "pd.Series", name: str, strata: np.ndarray, shares: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    cells = _texts(column)
    known = [SPLIT_NAMES.get(cell.casefold(), "") for cell in cells]
    if unknown := sorted({cell or "an empty cell" for cell, split in zip(cells, known, strict=True) if not split}):
        names = ", ".join(SPLIT_NAMES)
        raise BadInputError(f"column {name}: expected {names} in every row. Received: {abbreviated(unknown)}")
    splits = np.array(known, f"<U{max(map(len, SPLITS))}")
    if "validation" not in known and (train := np.flatnonzero(splits == "train")).size:
        shares = shares[[ORDER.index("train"), ORDER.index("validation")]]
        parts = _assign(strata[train], shares / shares.sum(), rng)
        splits[train[parts == 1]] = "validation"
    return splits


def _assign(strata: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign each row to a part, `(N,)`, by stratified random sampling.

    Each part gets its share of every stratum within one row, and at least one row. If a stratum has fewer rows than
    there are parts, the first parts get them. Small strata are assigned first, so that large ones compensate rounding.
    """
    parts = np.zeros(len(strata), np.int64)
    carry = np.zeros(len(shares))
    sizes = np.unique(strata, return_counts=True)[1]
    shuffled = rng.permutation(len(strata))
    rows = shuffled[np.argsort(strata[shuffled], kind="stable")]
    starts = np.cumsum(sizes) - sizes
    for stratum in np.argsort(sizes, kind="stable"):
        size, exact = sizes[stratum], shares * sizes[stratum]
        counts = np.clip(np.rint(exact + carry), np.maximum(1, np.floor(exact)), np.maximum(1, np.ceil(exact)))
        while counts[1:].sum() >= size:
            counts[len(counts) - 1 - counts[:0:-1].argmax()] -= 1  # the last of the largest parts
        counts[0] = size - counts[1:].sum()
        carry = np.clip(carry + exact - counts, -1, 1)
        members = rows[starts[stratum] : starts[stratum] + size]
        parts[members] = np.repeat(np.arange(len(shares)), counts.astype(np.int64))
    return parts


def _groups(column: "pd.Series") -> np.ndarray:
    """Return each row's group, int64 `(N,)` from 0.

    Each empty cell is a separate group.
    """
    cells = _texts(column)
    codes = {}
    return np.array([codes.setdefault(cell or (row,), len(codes)) for row, cell in enumerate(cells)])


def _assign_groups(groups: np.ndarray, strata: np.ndarray, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Assign each row to a part, `(N,)`, keeping groups together.

    Groups are assigned greedily, largest first. A group goes to the part where it lowers the sum of
    `(rows - wanted)^2 / wanted` over parts and classes most. If only just enough groups of a class remain, the group
    goes to a part that lacks the class. The best of many random orders is used: the one with the fewest classes missing
    from a part, then the smallest sum.
    """
    count = groups.max() + 1
    if count < len(shares):
        raise BadInputError(f"`group` must have at least {len(shares)} groups, got {count}")
    keys, rows = np.unique(groups * (strata.max() + 1) + strata, return_counts=True)
    of_group, columns = np.divmod(keys, strata.max() + 1)
    starts = np.searchsorted(of_group, np.arange(count + 1))
    sizes = np.bincount(groups)
    wanted = np.outer(shares, np.append(np.bincount(strata), len(strata)))  # the last column counts all rows
    wanted[:, wanted[0] == 0] = 1
    spread = np.append(np.bincount(columns), count)  # groups of each class
    best, best_score = None, None
    for trial in range(max(1, min(TRIALS, GROUP_TRIALS // count))):
        noise = rng.random(count) * trial / TRIALS  # the first order is by size only
        order = np.lexsort((rng.random(count), -sizes * (1 - noise)))
        held, left, part_of = np.zeros_like(wanted), spread.copy(), np.zeros(count, np.int64)
        for group in order:
            classes = np.append(columns[starts[group] : starts[group + 1]], -1)
            add = np.append(rows[starts[group] : starts[group + 1]], sizes[group])
            target, lacking = wanted[:, classes], held[:, classes] == 0
            worse = ((2 * (held[:, classes] - target) + add) * add / target).sum(axis=1)
            urgent = lacking & (left[classes] <= lacking.sum(axis=0))
            part = (worse - URGENT * urgent.sum(axis=1)).argmin()
            held[part, classes] += add
            left[classes] -= 1
            part_of[group] = part
        score = ((held == 0).sum(), ((held - wanted) ** 2 / wanted).sum())
        if best is None or score < best_score:
            best, best_score = part_of, score
    return best[groups]


def column_times(column: "pd.Series", name: str) -> np.ndarray:
    """Convert cells to float64 times `(N,)`: numbers, or dates as in `date_order`, in seconds since 1970.

    Raises:
        BadInputError: a cell is neither; `name` is the column in the message.
    """
    cells = _texts(column)
    numbers = _floats(to_number(cell) for cell in cells)
    if np.isfinite(numbers).all():
        return numbers
    orders = [order] if (order := date_order(cells)) else ["day", "month"]
    dates = [[to_date(cell, order) for cell in cells] for order in orders]
    best = max(dates, key=lambda read: sum(date is not None for date in read))
    seconds = _floats(None if date is None else (date - START).total_seconds() for date in best)
    times = numbers if np.isfinite(numbers).sum() >= np.isfinite(seconds).sum() else seconds
    if not np.isfinite(times).all():
        bad = [f"{cells[row] or 'an empty cell'} in row {row + 1}" for row in np.flatnonzero(~np.isfinite(times))]
        raise BadInputError(f"column {name}: expected a date or a number in every row. Received: {abbreviated(bad)}")
    return times


def _floats(values: Iterable[float | None]) -> np.ndarray:
    return np.array([*values], np.float64)  # None becomes NaN


def _by_time(times: np.ndarray, shares: np.ndarray, name: str) -> np.ndarray:
    """Split rows by rising time, at distinct times closest to `shares`."""
    ordered = np.sort(times)
    cuts = np.flatnonzero(np.diff(ordered)) + 1  # rows before a change of time
    if len(cuts) < 2:
        raise BadInputError(f"column {name}: expected at least three distinct times. Received: {len(cuts) + 1}")
    far = np.abs(cuts - np.cumsum(shares)[:2, None] * len(times))  # distance of both borders from each cut
    before = np.minimum.accumulate(far[0][:-1])  # the best first border up to each cut
    second = 1 + (before + far[1][1:]).argmin()
    first = far[0][:second].argmin()
    borders = ordered[cuts[[first, second]]]
    return np.array(SPLITS)[np.searchsorted(borders, times, side="right")]


def _check_splits(splits: np.ndarray, labels: ArrayLike, how: str) -> None:
    rows = {split: np.flatnonzero(splits == split) for split in SPLITS}
    if empty := [split for split in SPLITS if not len(rows[split])]:
        sizes = ", ".join(f"{len(rows[split])} {split}" for split in SPLITS)
        raise BadInputError(f"{how}: expected rows in {' and '.join(empty)}. Received: {sizes}")
    _check_classes(labels, rows, how)


def _check_classes(labels: ArrayLike, rows: Mapping[str, np.ndarray], where: str) -> None:
    """Raise BadInputError if train or test has a single class."""
    labels = np.asarray(labels)
    if labels.ndim == 2 or labels.dtype.kind == "f":
        return
    for split in ("train", "test"):
        classes = np.unique(labels[rows[split]].astype(str))
        if len(classes) < 2:
            raise BadInputError(
                f"{where}: expected at least two classes in {split}. Received: only {classes[0]}, "
                f"in {len(rows[split])} rows of {len(labels)}"
            )
