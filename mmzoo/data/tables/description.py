"""The description of a table, as a recipe and a card hold it: values, without code."""

from dataclasses import dataclass

from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.series import Series
from mmzoo.metrics.labels import THRESHOLD

Columns = tuple[str | Number | Category | Date | Series, ...]


@dataclass(frozen=True)
class Source:
    """Describe a table: its path, inputs, target and splits.

    The target is a class or several labels of `classes`, or a number. `inputs` are pairs of a modality and its columns.
    Rows are split by the column `split`; or so that no value of `group` is in two splits; or by `time`, with the oldest
    rows for training; else at random by `seed`. With `id` the table has a row for each point in time, `time` is its
    column of times, and the rows of equal ids are one row, see `mmzoo.data.tables.long_format`. `separator` separates
    several labels; it is empty for lists. `left_out` lists the unused columns, each with the reason. One of several
    labels is predicted at a probability of `threshold` or more, which is of a trained model, and in its config.
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
    id: str = ""
    seed: int = 0
    skip_bad: bool = False
    threshold: float = THRESHOLD

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities of the inputs, in their order."""
        return tuple(name for name, _ in self.inputs)
