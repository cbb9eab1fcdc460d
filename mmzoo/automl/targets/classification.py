"""A column of classes."""

import logging
from typing import Any

import numpy as np

from mmzoo.automl.targets.target import Target, TargetKind, counts_line
from mmzoo.data.tables.source import Source, class_name
from mmzoo.metrics.classification import scores
from mmzoo.tasks.classification import TASK

logger = logging.getLogger(__name__)
IMBALANCE = 3  # ratio of the largest class to the smallest at which classes are weighted


def read(cells: list, name: str) -> Target:
    """Return the classes of the cells, sorted by name."""
    names = [class_name(cell) for cell in cells]
    return Target("class", name, np.array(names), tuple(sorted(set(names))))


def values(target: Target, training: np.ndarray, balance: bool) -> dict[str, Any]:
    """Return the classes, and with `balance` their weights."""
    weight = class_weight(np.searchsorted(target.classes, target.spread[training]), len(target.classes))
    if weight and not balance:
        logger.info("the largest class has over three times the rows of the smallest: `balance` weights rare ones more")
    return {"classes": target.classes, "separator": "", "class_weight": weight if balance else ()}


def class_weight(labels: np.ndarray, num_classes: int) -> tuple[float, ...]:
    """Return class weights, the inverse square root of the frequency; () where classes are balanced."""
    counts = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    if counts.max() < IMBALANCE * counts.min():
        return ()
    weight = np.sqrt(counts.mean() / counts)
    weight /= np.average(weight, weights=counts)
    return tuple(round(float(one), 3) for one in weight)


def cells(probabilities: np.ndarray, source: Source) -> dict[str, list]:
    """Return the predicted class, and its probability as `confidence`."""
    predicted = [source.classes[k] for k in probabilities.argmax(axis=1)]
    confidence = [round(float(value), 4) for value in probabilities.max(axis=1)]
    return {f"predicted {source.target}": predicted, "confidence": confidence}


def predict(probabilities: np.ndarray, source: Source) -> np.ndarray:
    """Return the predicted class of each row, `(N,)`."""
    return np.array(source.classes)[probabilities.argmax(axis=1)]


TARGET = TargetKind(
    task=TASK,
    described="a class",
    balanced=True,
    own_heads=True,
    read=read,
    values=values,
    rows=lambda labels, source: counts_line(np.bincount(labels, minlength=len(source.classes)), source),
    constant=lambda training, truth, source: {},
    constant_name=lambda constant: "",
    scores=lambda predictions, labels, source: scores(predictions, labels, source.classes),
    predict=predict,
    cells=cells,
    score=lambda found, y, source: float(np.mean(predict(found, source) == np.array([class_name(c) for c in y]))),
)
