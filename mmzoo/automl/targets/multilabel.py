"""A column of several labels in each cell."""

import logging
from collections import Counter
from typing import Any

import numpy as np

from mmzoo.automl.targets.target import Target, TargetKind, counts_line
from mmzoo.data.tables.column_types import label_separator, to_labels
from mmzoo.data.tables.read import abbreviated
from mmzoo.data.tables.source import Source, target_labels
from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import SUMMARY, best_threshold, label_gain, label_interval, label_scores, predicted_labels
from mmzoo.tasks.multilabel import TASK, constant_name

logger = logging.getLogger(__name__)


def read(cells: list, name: str) -> Target:
    """Return the labels of the cells; labels of a single row are left out, and printed.

    Raises:
        BadInputError: no label has two rows.
    """
    separator = label_separator(cells)
    rows = Counter(label for cell in cells for label in to_labels(cell, separator))
    classes = tuple(sorted(label for label, count in rows.items() if count > 1))
    if single := sorted(set(rows) - set(classes)):
        if not classes:
            found = abbreviated(single)
            raise BadInputError(f"target {name!r}: expected labels of two rows or more. Received: {found}")
        logger.info(f"left out: labels of a single row, {abbreviated(single)}")
    return Target("labels", name, target_labels(cells, classes, separator), classes, separator)


def values(target: Target, training: np.ndarray, balance: bool) -> dict[str, Any]:
    """Return the labels, their separator, and the frequency of each label in the training rows."""
    prior = tuple(round(float(share), 4) for share in target.spread[training].mean(axis=0))
    return {"classes": target.classes, "separator": target.separator, "prior": prior}


def constant(training: np.ndarray, truth: np.ndarray, source: Source) -> dict[str, Any]:
    """Return the scores of the most frequent labels, as many as have the highest micro F1 on the training rows."""
    shares = np.mean(training, axis=0)
    ranked = np.sort(shares)[::-1]
    f1 = 2 * np.cumsum(ranked) / (np.arange(1, len(ranked) + 1) + ranked.sum())
    frequent = shares >= ranked[int(np.argmax(f1))]
    found = label_scores(np.tile(frequent, (len(truth), 1)), truth, source.classes)
    names = [name for name, often in zip(source.classes, frequent, strict=True) if often]
    return {"labels": names, **{key: found[key] for key in SUMMARY}}


def cells(probabilities: np.ndarray, source: Source) -> dict[str, list]:
    """Return the predicted labels, joined by the separator of the table, or as lists."""
    named = [
        [source.classes[k] for k in np.flatnonzero(row)] for row in predicted_labels(probabilities, source.threshold)
    ]
    return {f"predicted {source.target}": [source.separator.join(row) for row in named] if source.separator else named}


def predict(probabilities: np.ndarray, source: Source) -> np.ndarray:
    """Return 1 for each predicted label, `(N, K)`."""
    return predicted_labels(probabilities, source.threshold).astype(int)


def score(probabilities: np.ndarray, y: list, source: Source) -> float:
    """Return the fraction of rows whose labels are all right."""
    truth = target_labels(list(y), source.classes, source.separator)
    return float(np.mean((predict(probabilities, source) == truth).all(axis=1)))


TARGET = TargetKind(
    task=TASK,
    described="several labels",
    read=read,
    values=values,
    rows=lambda labels, source: counts_line(labels.sum(axis=0), source),
    constant=constant,
    constant_name=constant_name,
    scores=lambda predictions, labels, source: label_scores(predictions, labels, source.classes, source.threshold),
    gain=lambda predictions, baseline, labels, source: label_gain(
        predictions, baseline, labels, threshold=source.threshold
    ),
    interval=lambda predictions, labels, source: label_interval(predictions, labels, source.threshold),
    repeated=lambda constant, rows, source: np.tile(np.isin(source.classes, constant["labels"]), (rows, 1)),
    predict=predict,
    cells=cells,
    score=score,
    threshold=best_threshold,
)
