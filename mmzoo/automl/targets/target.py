"""The contract of a target: how a column of a table becomes a task, and predictions become cells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmzoo.data.tables.source import Source
from mmzoo.tasks.task import Task


@dataclass(frozen=True)
class Target:
    """The values of a target column; `spread` `(N,)` or `(N, K)` is stratified by `split_rows`."""

    kind: str
    name: str
    spread: np.ndarray
    classes: tuple[str, ...] = ()
    separator: str = ""


@dataclass(frozen=True)
class TargetKind:
    """How targets of one kind are read, shown, scored and predicted.

    Attributes:
        task: the task of the model.
        described: the kind in an error message, as "a number".
        balanced: whether classes can be weighted.
        own_heads: whether each modality has an auxiliary head that learns from every row.
        read: `(cells, name)` to a `Target`.
        values: `(Target, training rows (N,) bool, balance)` to values of the recipe.
        rows: `(labels, source)` to the distribution of a split, in a line.
        constant: `(training labels, test labels, source)` to the scores of the best constant prediction.
        constant_name: these scores to the constant prediction, in words.
        scores: `(predictions, labels, source)` to metrics.
        gain: `(predictions, predictions of a baseline, labels, source)` to the gain in the primary metric with its
            interval; classes of a baseline may be indices `(N,)`.
        interval: `(predictions, labels, source)` to the 95 % interval of the primary metric.
        repeated: `(scores of the constant prediction, rows, source)` to its predictions.
        predict: `(predictions, source)` to one value for each row.
        cells: `(predictions, source)` to `{column: cells}` of a table of predictions.
        score: `(predictions, cells of the true target, source)` to the score of scikit-learn's convention.
        probabilities: whether the predictions are probabilities.
        threshold: `(predictions, labels)` of validation rows to the probability from which on a label is predicted;
            None where no labels are.
    """

    task: Task
    described: str
    read: Callable[[list, str], Target]
    values: Callable[[Target, np.ndarray, bool], dict[str, Any]]
    rows: Callable[[np.ndarray, Source], str]
    constant: Callable[[np.ndarray, np.ndarray, Source], dict[str, Any]]
    constant_name: Callable[[Mapping[str, Any]], str]
    scores: Callable[[np.ndarray, np.ndarray, Source], dict[str, Any]]
    gain: Callable[[np.ndarray, np.ndarray, np.ndarray, Source], dict[str, Any]]
    interval: Callable[[np.ndarray, np.ndarray, Source], tuple[float, float]]
    repeated: Callable[[Mapping[str, Any], int, Source], np.ndarray]
    predict: Callable[[np.ndarray, Source], np.ndarray]
    cells: Callable[[np.ndarray, Source], dict[str, list]]
    score: Callable[[np.ndarray, list, Source], float]
    balanced: bool = False
    own_heads: bool = False
    probabilities: bool = True
    threshold: Callable[[np.ndarray, np.ndarray], float] | None = None


SHOWN = 8  # classes whose rows are counted in a line


def counts_line(counts: np.ndarray, source: Source) -> str:
    """Return the rows of the first `SHOWN` classes."""
    pairs = list(zip(source.classes, counts.astype(int).tolist(), strict=True))[:SHOWN]
    shown = ", ".join(f"{label} {count}" for label, count in pairs)
    return shown + (" ..." if len(source.classes) > SHOWN else "")
