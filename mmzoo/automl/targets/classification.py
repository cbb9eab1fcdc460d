"""A column of classes."""

import logging
from typing import Any

import numpy as np

from mmzoo.automl.targets.target import Target, TargetKind, counts_line
from mmzoo.data.tables.formats import Lookup, class_names, typed_classes
from mmzoo.data.tables.source import Source
from mmzoo.metrics.classification import fusion_gain, scores, wilson_interval
from mmzoo.tasks.classification import TASK

logger = logging.getLogger(__name__)
IMBALANCE = 3  # ratio of the largest class to the smallest at which classes are weighted


def read(cells: list, name: str) -> Target:
    """Return the classes of the cells, sorted by name."""
    names = class_names(cells)
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
    predicted = predict(probabilities, source).tolist()
    confidence = [round(float(value), 4) for value in probabilities.max(axis=1)]
    return {f"predicted {source.target}": predicted, "confidence": confidence}


def predict(probabilities: np.ndarray, source: Source) -> np.ndarray:
    """Return the predicted class of each row `(N,)`, in the type of the table's classes."""
    return typed_classes(source.classes)[probabilities.argmax(axis=1)]


def score(probabilities: np.ndarray, y: list, source: Source) -> float:
    """Return the accuracy; a cell of another class is wrong."""
    place = Lookup(source.classes)
    truth = [-1 if (found := place(cell)) is None else found for cell in y]
    return float(np.mean(probabilities.argmax(axis=1) == truth))


def gain(predictions: np.ndarray, baseline: np.ndarray, labels: np.ndarray, source: Source) -> dict[str, Any]:
    """Return the gain in accuracy over a baseline's probabilities or class indices."""
    shares = np.eye(len(source.classes))[baseline] if baseline.ndim == 1 else baseline
    return fusion_gain(predictions, shares, labels)


def interval(probabilities: np.ndarray, labels: np.ndarray, source: Source) -> tuple[float, float]:
    """Return Wilson's interval of the accuracy."""
    return wilson_interval(float(np.mean(probabilities.argmax(axis=1) == labels)), len(labels))


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
    gain=gain,
    interval=interval,
    repeated=lambda constant, rows, source: np.zeros(0, int),  # there is no constant prediction
    predict=predict,
    cells=cells,
    score=score,
)
