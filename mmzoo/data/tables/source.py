"""A table as the source of a recipe: its columns to inputs, its target to what is learned, its rows to splits."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.column_types import labeled_rows, to_labels, to_number
from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.read import read_table, root_of, some
from mmzoo.data.tables.rows import Rows, Sizes, decode_rows
from mmzoo.data.tables.split import SPLITS, fold_splits, split_rows
from mmzoo.errors import BadInputError

Columns = tuple[str | Number | Category | Date, ...]


@dataclass(frozen=True)
class Source:
    """Where a table lies and what is in it; the target is one of the `classes`, several, or a number.

    `inputs` are pairs of a modality and its columns. Rows are split by the column `split`, or so that no value of
    `group` is in two splits, or by `time`, the oldest for training, or else at random by `seed`. `separator` stands
    between several labels; a table that has lists has none. `left_out` are columns that nothing is learned from,
    each with the reason.
    """

    path: str
    target: str
    kind: str = "class"
    classes: tuple[str, ...] = ()
    separator: str = ""
    inputs: tuple[tuple[str, Columns], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    split: str = ""
    group: str = ""
    time: str = ""
    seed: int = 0
    skip_bad: bool = False

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities of the inputs, in their order."""
        return tuple(name for name, _ in self.inputs)


def locate(path: str, data_dir: str, beside: str | Path) -> Path:
    """Return where the table `path` lies: in `data_dir`, at `path`, or in the folder that holds the folder `beside`.

    Raises:
        BadInputError: it is in none of them.
    """
    name = Path(path).name
    places = [Path(data_dir) / name] if data_dir else []
    places += [Path(path), Path(beside).absolute().parent / name]
    for place in places:
        if place.exists():
            return place
    raise BadInputError(f"`data_dir` must be the folder of {name}, which is not at {', '.join(map(str, places))}")


@functools.lru_cache(maxsize=4)
def load_splits(source: Source, place: Path, sizes: Sizes, fold: str = "") -> dict[str, Examples]:
    """Return `{split: Examples}` of the table at `place`; labels index `source.classes`, or see `target_*`.

    With a `fold`, as `2/5`, that one of so many is the test; see `fold_splits`.

    Raises:
        BadInputError: the table cannot be read, split or decoded, or a row is of another class or no number.
    """
    frame, _ = labeled_rows(read_table(place), source.target)
    labels, strata = _targets(frame[source.target].tolist(), source, place)
    splits = _splits(source, frame, strata, fold)
    rows = decode_rows(frame, root_of(place), dict(source.inputs), sizes, source.skip_bad)
    splits[list(rows.bad)] = ""
    return {split: _examples(rows, splits == split, labels) for split in SPLITS}


def _targets(cells: list, source: Source, place: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what is to be learned of each row, and what of it `split_rows` spreads evenly."""
    if source.kind == "number":
        numbers = target_numbers(cells, place)
        return numbers, numbers
    if source.kind == "labels":
        marked = target_labels(cells, source.classes, source.separator)
        return marked, marked
    labels = class_numbers(cells, source.classes, place)
    return labels, np.array(source.classes)[labels]


def target_numbers(cells: list, place: str | Path) -> np.ndarray:
    """Return `(N,)` float32, the numbers that the cells of a target are.

    Raises:
        BadInputError: a cell is none, or larger than float32 can hold.
    """
    numbers = np.array([np.nan if (number := to_number(cell)) is None else number for cell in cells], np.float64)
    (bad,) = np.nonzero(~(np.abs(numbers) < np.finfo(np.float32).max))
    if len(bad):
        shown = some([str(cells[i]) for i in bad])
        raise BadInputError(f"{place}: expected a target of numbers that float32 can hold. Received: {shown}")
    return numbers.astype(np.float32)


def _splits(source, frame, strata, fold):
    if not fold:
        return split_rows(frame, strata, by=source.split, group=source.group, time=source.time, seed=source.seed)
    said = [name for name in ("split", "time") if getattr(source, name)]
    if said:
        raise BadInputError(f"`fold` and `{said[0]}` exclude each other: folds are of shuffled rows, or of a `group`")
    number, _, count = fold.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise BadInputError(f"`fold` must be a fold and their count, as 2/5, got {fold}")
    return fold_splits(frame, strata, int(number), int(count), source.group, source.seed)


def target_labels(cells: list, classes: tuple[str, ...], separator: str) -> np.ndarray:
    """Return `(N, K)` float32, 1 where a cell has that of `classes`; labels that are none of them do not count."""
    place = {name: i for i, name in enumerate(classes)}
    marked = np.zeros((len(cells), len(classes)), np.float32)
    for row, cell in zip(marked, cells, strict=True):
        row[[place[label] for label in to_labels(cell, separator) if label in place]] = 1
    return marked


def class_name(cell: object) -> str:
    """Return the name of the class that a cell of the target tells: of 3.0 it is `3`."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def class_numbers(cells: list, classes: tuple[str, ...], place: str | Path) -> np.ndarray:
    """Return `(N,)` int32, the places of the cells in `classes`.

    Raises:
        BadInputError: a cell is none of them.
    """
    number = {name: i for i, name in enumerate(classes)}
    names = [class_name(cell) for cell in cells]
    if other := sorted({name for name in names if name not in number}):
        shown = f"{', '.join(other[:5])}{' ...' if len(other) > 5 else ''}"
        raise BadInputError(f"{place}: expected the classes {', '.join(classes)}. Received: {shown}")
    return np.array([number[name] for name in names], np.int32)


def _examples(rows: Rows, chosen: np.ndarray, labels: np.ndarray) -> Examples:
    (index,) = np.nonzero(chosen)
    return Examples(rows, index, labels[index])
