"""The values of a table's recipe as a card holds them: with them the recipe is made again, without its file."""

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from mmzoo.data.tables.description import Columns, Source
from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.series import Series

COLUMNS = {
    **dict.fromkeys(("image", "audio", "video", "text"), (str,)),
    "series": (Series,),
    "tabular": (Number, Category, Date),
}
MOST_MODALITIES = 256
MOST_STEPS = 1_000_000  # of a time series
NETWORK = re.compile(r"[A-Z][A-Za-z0-9]*")  # of keras.applications


@dataclass(frozen=True)
class TableValues:
    """The table that a model was trained on, and what its recipe has besides `Card.config`.

    `mmzoo.automl.table_recipe.TableRecipe` has fields of the same names. Numbers are written with all
    their digits.

    Raises:
        ValueError: a modality is unknown or has columns of another kind, or a value is out of its range.
    """

    __pydantic_config__ = {"extra": "forbid", "allow_inf_nan": False}  # noqa: RUF012
    source: Source
    encoders: dict[str, dict[str, Any]] = field(default_factory=dict)
    teachers: dict[str, dict[str, Any]] = field(default_factory=dict)
    class_weight: tuple[float, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    scale: Literal["", "log", "log1p"] = ""
    highest: float = 0.0
    prior: tuple[float, ...] = ()
    patience: int = 8
    bytes_limit: int = 0

    def __post_init__(self) -> None:
        names = self.source.modalities
        if not names or len(names) > MOST_MODALITIES or len(set(names)) < len(names):
            raise ValueError(f"`inputs` must be 1 to {MOST_MODALITIES} different modalities, got {len(names)}")
        for name, columns in self.source.inputs:
            _check_columns(name, columns)
        for name, arguments in (*self.encoders.items(), *self.teachers.items()):
            handle, weights = arguments.get("handle"), arguments.get("weights")
            known = isinstance(handle, str) and NETWORK.fullmatch(handle) and isinstance(weights, str | None)
            if name not in names or set(arguments) - {"handle", "weights", "trainable"} or not known:
                raise ValueError(f"`encoders` must be published networks of the modalities, got {name} = {arguments}")
        for name in ("class_weight", "prior"):
            if len(getattr(self, name)) not in (0, len(self.source.classes)):
                raise ValueError(f"`{name}` must be a number per class, got {len(getattr(self, name))}")


def _check_columns(name: str, columns: Columns) -> None:
    """Raise ValueError unless modality `name` is known and its `columns` are of its kind."""
    expected = COLUMNS.get(name if name == "tabular" else name.split("_")[0], ())
    if (
        not name.isidentifier()
        or name.startswith("tabular_")
        or not columns
        or not all(isinstance(column, expected) for column in columns)
    ):
        raise ValueError(f"`inputs` must be known modalities with columns of their kind, got {name!r:.40}")
    for column in columns:
        if isinstance(column, Series):
            _check_series(column)


def _check_series(column: Series) -> None:
    counts = {len(column.channels), len(column.mean), len(column.deviation)}
    if not 0 < column.steps <= MOST_STEPS or len(counts) > 1 or not column.rate > 0:
        said = f"{column.steps} steps of {len(column.channels)} channels"
        raise ValueError(f"`inputs` must be series of 1 to {MOST_STEPS} steps and a mean per channel, got {said}")
