"""Which rows of a table train a model, which choose among models, and which test it."""

from datetime import datetime
from difflib import get_close_matches

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.tables.column_types import date_order, to_date, to_number
from mmzoo.data.tables.read import SPLITS as SPLIT_NAMES
from mmzoo.data.tables.read import some
from mmzoo.errors import BadInputError

ORDER = ("train", "test", "validation")  # in which a class of few rows gets them

QUANTILES = 10  # strata of a number, at most, of `STRATUM` rows at least
STRATUM = 20
TRIALS = 30  # orders in which groups are dealt out, fewer where there are many
DEALT = 50_000  # groups over all trials
URGENT = 1e12  # more than any sum of squares of rows
START = datetime(1970, 1, 1)


def split_rows(frame, labels, by="", group="", time="", seed=0, shares=(0.70, 0.15, 0.15)):
    """Return the split of each row of a table, strings `(N,)` of `SPLITS`, in parts of about `shares`.

    `labels` `(N,)` are classes, or float numbers, then stratified by quantile, or `(N, K)` 0 and 1, then by the
    rarest of a row. At most one column says how: without any, each class of 3 rows or more is in every split, one of
    2 in train and test, one of 1 in train.

    Args:
        by: the column that names each row's split, as `mmzoo.data.tables.read.SPLITS` has them. Without validation in
            it, that is taken from train as if there were no column.
        group: rows with one value stay together, and classes are as even as that allows; an empty cell is alone.
        time: the oldest rows train, the newest test; rows of one time stay together.

    Raises:
        BadInputError: more than one column is given, or one that is not there; a cell names no split or no time; a
            split would be empty; train or test would hold one class alone.
    """
    given = {"column": by, "group": group, "time": time}
    said = [f"{name} {column}" for name, column in given.items() if column]
    if len(said) > 1:
        raise BadInputError(f"split: expected one of a split column, a group and a time. Received: {', '.join(said)}")
    shares = np.asarray(shares, np.float64)
    if shares.shape != (3,) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise BadInputError(f"shares: expected three above 0 that add up to 1. Received: {shares.tolist()}")
    strata = strata_of(labels, len(frame))
    ordered = shares[[SPLITS.index(name) for name in ORDER]]
    rng = np.random.default_rng(seed)
    if by:
        splits = _named(_column(frame, by, "split column"), by, strata, ordered, rng)
    elif group:
        codes = _groups(_column(frame, group, "`group`"))
        splits = np.array(ORDER)[_deal_groups(codes, strata, ordered, rng)]
        said[0] += f" (the largest holds {np.bincount(codes).max()} of {len(codes)} rows)"
    elif time:
        splits = _by_time(_times(_column(frame, time, "`time`"), time), shares, time)
    else:
        splits = np.array(ORDER)[_deal(strata, ordered, rng)]
    _check_splits(splits, labels, " by ".join(["split", *said]))
    return splits


def folds(frame, labels, count, group="", seed=0):
    """Return `count` pairs of row numbers, of train with validation and of test, for cross-validation.

    Each row is in one test fold; classes, or quantiles of a number, are spread as `split_rows` does, and no value of
    the column `group` is on both sides.

    Raises:
        BadInputError: there are fewer than 2 folds, or fewer rows or groups than folds; no such column; a side would
            hold one class alone.
    """
    strata = strata_of(labels, len(frame))
    if not 2 <= count <= len(frame):
        raise BadInputError(f"`folds` must be 2 to {len(frame)}, the rows of the table, got {count}")
    rng = np.random.default_rng(seed)
    if group:
        codes = _groups(_column(frame, group, "`group`"))
        fold = _deal_groups(codes, strata, np.full(count, 1 / count), rng)
    else:
        order = np.lexsort((rng.random(len(strata)), strata))
        fold = np.empty(len(strata), np.int64)
        fold[order] = np.arange(len(strata)) % count  # one class after another: each is dealt out evenly, and all are
    sides = [(np.flatnonzero(fold != part), np.flatnonzero(fold == part)) for part in range(count)]
    for part, (rest, test) in enumerate(sides):
        where = f"fold {part + 1} of {f'group {group}' if group else 'rows'}"
        _check_classes(labels, {"train": rest, "test": test}, where)
    return sides


def fold_splits(frame, labels, fold, count, group="", seed=0):
    """Return the split of each row, strings `(N,)` of `SPLITS`, where the `fold`-th of `count` folds is the test.

    Of the other rows, classes and groups as even as in `split_rows`, 15 of 85 are for validation; errors as `folds`.
    """
    rest, _ = folds(frame, labels, count, group, seed)[fold - 1]
    shares, rng = np.array([70, 15]) / 85, np.random.default_rng([seed, fold])
    strata = strata_of(labels, len(frame))[rest]
    if group:
        codes = np.unique(_groups(frame[group])[rest], return_inverse=True)[1]
        parts = _deal_groups(codes, strata, shares, rng)
    else:
        parts = _deal(strata, shares, rng)
    splits = np.full(len(frame), "test", f"<U{max(map(len, SPLITS))}")
    splits[rest] = np.array(["train", "validation"])[parts]
    _check_splits(splits, labels, f"fold {fold} of {count}")
    return splits


def strata_of(labels, size):
    """Return the stratum of each row, int64 `(N,)`: its class, its quantile of a number, or its rarest label.

    Raises:
        BadInputError: `labels` are not `size` rows, some are missing or not finite, or all are of one class.
    """
    import pandas as pd

    labels = np.asarray(labels)
    if labels.ndim not in (1, 2) or len(labels) != size or not size:
        raise BadInputError(f"labels: expected one for each of {size} rows. Received: shape {labels.shape}")
    missing = ~np.isfinite(labels) if labels.dtype.kind == "f" else pd.isna(labels)
    if missing.any():
        rows = np.flatnonzero(missing.reshape(size, -1).any(axis=1))
        raise BadInputError(
            f"labels: expected one in every row. Received: none in {some([f'row {r + 1}' for r in rows])}"
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
        raise BadInputError(f"labels: expected two classes or more. Received: one, {classes[0]}")
    return strata


def _column(frame, name, where):
    if name not in frame.columns:
        columns = [str(column) for column in frame.columns]
        close = get_close_matches(str(name), columns, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise BadInputError(f"{where}: expected one of the columns {some(columns, 20)}. Received: {name}.{hint}")
    return frame[name]


def _texts(column):
    """Return the cells of a column as stripped strings, "" where empty."""
    return ["" if gone else str(cell).strip() for cell, gone in zip(column, column.isna(), strict=True)]


def _named(column, name, strata, shares, rng):
    cells = _texts(column)
    known = [SPLIT_NAMES.get(cell.casefold(), "") for cell in cells]
    if strange := sorted({cell or "an empty cell" for cell, split in zip(cells, known, strict=True) if not split}):
        raise BadInputError(f"column {name}: expected {', '.join(SPLIT_NAMES)} in every row. Received: {some(strange)}")
    splits = np.array(known, f"<U{max(map(len, SPLITS))}")
    if "validation" not in known and (train := np.flatnonzero(splits == "train")).size:
        shares = shares[[ORDER.index("train"), ORDER.index("validation")]]
        parts = _deal(strata[train], shares / shares.sum(), rng)
        splits[train[parts == 1]] = "validation"
    return splits


def _deal(strata, shares, rng):
    """Return the part of each row, `(N,)`: of a stratum each gets its share, within one row, and one row at least.

    Where a stratum has fewer rows than there are parts, the first parts get them. Small strata go first, so that what
    they round away is given back by the large ones.
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
            counts[len(counts) - 1 - counts[:0:-1].argmax()] -= 1  # the last of the largest
        counts[0] = size - counts[1:].sum()
        carry = np.clip(carry + exact - counts, -1, 1)
        own = rows[starts[stratum] : starts[stratum] + size]
        parts[own] = np.repeat(np.arange(len(shares)), counts.astype(np.int64))
    return parts


def _groups(column):
    """Return the group of each row as int64 `(N,)` from 0 on; empty cells are groups of one row."""
    cells = _texts(column)
    codes = {}
    return np.array([codes.setdefault(cell or (row,), len(codes)) for row, cell in enumerate(cells)])


def _deal_groups(groups, strata, shares, rng):
    """Return the part of each row, `(N,)`, whole groups in one part.

    Groups are dealt out largest first, each to where it lowers the sum of `(rows - wanted)^2 / wanted` over parts and
    classes most, or, while just enough groups of a class are left, to a part that lacks it. The best of many orders
    is taken: that with fewest classes missing from a part, then that with the smallest sum.
    """
    count = groups.max() + 1
    if count < len(shares):
        raise BadInputError(f"`group` must have {len(shares)} groups or more, got {count}")
    keys, rows = np.unique(groups * (strata.max() + 1) + strata, return_counts=True)
    of_group, columns = np.divmod(keys, strata.max() + 1)
    starts = np.searchsorted(of_group, np.arange(count + 1))
    sizes = np.bincount(groups)
    wanted = np.outer(shares, np.append(np.bincount(strata), len(strata)))  # the last column counts all rows
    wanted[:, wanted[0] == 0] = 1
    spread = np.append(np.bincount(columns), count)  # groups of each class
    best, best_score = None, None
    for trial in range(max(1, min(TRIALS, DEALT // count))):
        noise = rng.random(count) * trial / TRIALS  # the first order is that of size alone
        order = np.lexsort((rng.random(count), -sizes * (1 - noise)))
        held, left, part_of = np.zeros_like(wanted), spread.copy(), np.zeros(count, np.int64)
        for group in order:
            own = np.append(columns[starts[group] : starts[group + 1]], -1)
            add = np.append(rows[starts[group] : starts[group + 1]], sizes[group])
            target, lacking = wanted[:, own], held[:, own] == 0
            worse = ((2 * (held[:, own] - target) + add) * add / target).sum(axis=1)
            urgent = lacking & (left[own] <= lacking.sum(axis=0))
            part = (worse - URGENT * urgent.sum(axis=1)).argmin()
            held[part, own] += add
            left[own] -= 1
            part_of[group] = part
        score = ((held == 0).sum(), ((held - wanted) ** 2 / wanted).sum())
        if best is None or score < best_score:
            best, best_score = part_of, score
    return best[groups]


def _times(column, name):
    """Return float64 `(N,)` that rises with the time that a cell says, a number or a date as `date_order` reads it."""
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
        raise BadInputError(f"column {name}: expected a date or a number in every row. Received: {some(bad)}")
    return times


def _floats(values):
    return np.array([*values], np.float64)  # None becomes NaN


def _by_time(times, shares, name):
    """Return the splits of rows by rising time, cut between two times, as near to the shares as there are such."""
    ordered = np.sort(times)
    cuts = np.flatnonzero(np.diff(ordered)) + 1  # rows before a change of time
    if len(cuts) < 2:
        raise BadInputError(f"column {name}: expected three times or more. Received: {len(cuts) + 1}")
    far = np.abs(cuts - np.cumsum(shares)[:2, None] * len(times))  # of both borders from each cut
    before = np.minimum.accumulate(far[0][:-1])  # the best first border up to each cut
    second = 1 + (before + far[1][1:]).argmin()
    first = far[0][:second].argmin()
    borders = ordered[cuts[[first, second]]]
    return np.array(SPLITS)[np.searchsorted(borders, times, side="right")]


def _check_splits(splits, labels, how):
    rows = {split: np.flatnonzero(splits == split) for split in SPLITS}
    if empty := [split for split in SPLITS if not len(rows[split])]:
        sizes = ", ".join(f"{len(rows[split])} {split}" for split in SPLITS)
        raise BadInputError(f"{how}: expected rows in {' and '.join(empty)}. Received: {sizes}")
    _check_classes(labels, rows, how)


def _check_classes(labels, rows, where):
    """Raise BadInputError where train or test has one class alone."""
    labels = np.asarray(labels)
    if labels.ndim == 2 or labels.dtype.kind == "f":
        return
    for split in ("train", "test"):
        classes = np.unique(labels[rows[split]].astype(str))
        if len(classes) < 2:
            raise BadInputError(
                f"{where}: expected two classes or more in {split}. Received: {classes[0]} alone, "
                f"in {len(rows[split])} rows of {len(labels)}"
            )
