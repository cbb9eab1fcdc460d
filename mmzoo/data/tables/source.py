"""A table as the source of a recipe: its rows as inputs, labels and splits."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.column_types import labeled_rows, to_labels
from mmzoo.data.tables.description import Source
from mmzoo.data.tables.formats import Lookup, number_form, plain_text, to_number
from mmzoo.data.tables.long_format import Gathered, gather_recordings, is_gathered
from mmzoo.data.tables.read import abbreviated, read_table, root_of
from mmzoo.data.tables.rows import Rows, Sizes, decode_rows
from mmzoo.data.tables.split import SPLITS, fold_splits, split_rows
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def gathered(source: Source, frame: "pd.DataFrame", constant: Sequence[str] = ()) -> Gathered:
    """Gather the rows of each `source.id`; the columns of `constant` must not change within one.

    Raises:
        BadInputError: as `gather_recordings`.
    """
    if not source.id:
        return Gathered(frame, (), ())
    (column,) = (one for _, columns in source.inputs for one in columns if is_gathered(one))
    channels = [*column.channels, *([column.time] if column.time != source.time else [])]
    return gather_recordings(frame, source.id, source.time, [name for name in constant if name], channels)


def read_rows(source: Source, place: str | Path) -> "pd.DataFrame":
    """Read the table at `place`; with an id a row for each.

    Raises:
        BadInputError: as `read_table` and `gather_recordings`.
    """
    return gathered(source, read_table(place, source.target), (source.target, source.split, source.group)).frame


def locate(path: str, data_dir: str, recipe_folder: str | Path) -> Path:
    """Find the table `path` in several places.

    The places are `data_dir`, `path`, and the parent of `recipe_folder`.

    Raises:
        BadInputError: the table is in none of these places.
    """
    name = Path(path).name
    places = [Path(data_dir) / name] if data_dir else []
    places += [Path(path), Path(recipe_folder).absolute().parent / name]
    for place in places:
        if place.exists():
            return place
    raise BadInputError(f"`data_dir` must be the folder of {name}, which is not at {', '.join(map(str, places))}")


@functools.lru_cache(maxsize=4)
def load_splits(source: Source, place: Path, sizes: Sizes, fold: str = "") -> dict[str, Examples]:
    """Load the table at `place` as `{split: Examples}`.

    Class labels index `source.classes`; for other targets see `target_labels` and `target_numbers`. A `fold` such as
    `2/5` selects the test fold; see `fold_splits`.

    Raises:
        BadInputError: the table cannot be read, split or decoded, or a target is an unknown class or no number.
    """
    frame, _ = labeled_rows(read_rows(source, place), source.target)
    labels, strata = _targets(frame[source.target].tolist(), source, place)
    splits = _splits(source, frame, strata, fold)
    rows = decode_rows(frame, root_of(place), dict(source.inputs), sizes, source.skip_bad)
    splits[list(rows.bad)] = ""
    return {split: _examples(rows, splits == split, labels) for split in SPLITS}


def _targets(cells: list, source: Source, place: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's label, and the labels by which `split_rows` stratifies."""
    if source.kind == "number":
        numbers = target_numbers(cells, place)
        return numbers, numbers
    if source.kind == "labels":
        marked = target_labels(cells, source.classes, source.separator)
        return marked, marked
    labels = class_numbers(cells, source.classes, place)
    return labels, np.array(source.classes)[labels]


def target_numbers(cells: list, place: str | Path) -> np.ndarray:
    """Convert the cells of a target to numbers, `(N,)` float32.

    Raises:
        BadInputError: a cell is no number, or exceeds the range of float32.
    """
    form = number_form(cells) or ""
    numbers = np.array([np.nan if (n := to_number(cell, form)) is None else n for cell in cells], np.float64)
    (bad,) = np.nonzero(~(np.abs(numbers) < np.finfo(np.float32).max))
    if len(bad):
        shown = abbreviated([str(cells[i]) for i in bad])
        raise BadInputError(f"{place}: expected target numbers in the range of float32. Received: {shown}")
    return numbers.astype(np.float32)


def _splits(source: Source, frame: "pd.DataFrame", strata: np.ndarray, fold: str) -> np.ndarray:
    time = "" if source.id else source.time
    if not fold:
        return split_rows(frame, strata, by=source.split, group=source.group, time=time, seed=source.seed)
    given = [name for name, column in (("split", source.split), ("time", time)) if column]
    if given:
        raise BadInputError(f"`fold` and `{given[0]}` exclude each other: folds are of shuffled rows, or of a `group`")
    number, _, count = fold.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise BadInputError(f"`fold` must be a fold and the number of folds, such as 2/5, got {fold}")
    return fold_splits(frame, strata, int(number), int(count), source.group, source.seed)


def target_labels(cells: list, classes: tuple[str, ...], separator: str) -> np.ndarray:
    """Encode cells as multi-hot labels `(N, K)` float32; unknown labels are ignored."""
    place = {name: i for i, name in enumerate(classes)}
    marked = np.zeros((len(cells), len(classes)), np.float32)
    for row, cell in zip(marked, cells, strict=True):
        row[[place[label] for label in to_labels(cell, separator) if label in place]] = 1
    return marked


def class_numbers(cells: list, classes: tuple[str, ...], place: str | Path) -> np.ndarray:
    """Encode cells as indices into `classes`, `(N,)` int32.

    Raises:
        BadInputError: a cell is not in `classes`.
    """
    place_of = Lookup(classes)
    numbers = [place_of(cell) for cell in cells]
    if other := sorted({plain_text(cell) for cell, number in zip(cells, numbers, strict=True) if number is None}):
        shown = f"{', '.join(other[:5])}{' ...' if len(other) > 5 else ''}"
        raise BadInputError(f"{place}: expected the classes {', '.join(classes)}. Received: {shown}")
    return np.array(numbers, np.int32)


def _examples(rows: Rows, chosen: np.ndarray, labels: np.ndarray) -> Examples:
    (index,) = np.nonzero(chosen)
    return Examples(rows, index, labels[index])
