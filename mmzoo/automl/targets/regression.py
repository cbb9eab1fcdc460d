"""A column of numbers."""

from typing import Any

import numpy as np

from mmzoo.automl.targets.number import scale_values
from mmzoo.automl.targets.target import Target, TargetKind
from mmzoo.data.tables.source import Source, target_numbers
from mmzoo.metrics.regression import error_gain, error_interval, number_scores
from mmzoo.tasks.format import figure
from mmzoo.tasks.regression import TASK, constant_name


def values(target: Target, training: np.ndarray, balance: bool) -> dict[str, Any]:
    """Return mean and standard deviation of the training rows, on a linear scale."""
    return {"classes": (), "separator": "", **scale_values(target.spread[training], "")}


def rows(labels: np.ndarray, source: Source) -> str:
    """Return minimum, maximum and median."""
    low, middle, high = (figure(x) for x in np.percentile(labels, [0, 50, 100]))
    return f"{source.target} {low} to {high}, median {middle}"


def constant(training: np.ndarray, truth: np.ndarray, source: Source) -> dict[str, Any]:
    """Return the scores of the median of the training rows."""
    value = float(np.median(training))
    return {"value": value, **number_scores(np.full(len(truth), value), truth)}


def gain(predictions: np.ndarray, baseline: np.ndarray, labels: np.ndarray, source: Source) -> dict[str, Any]:
    """Return the reduction of the mean absolute error over a baseline."""
    return error_gain(predictions.reshape(-1), baseline.reshape(-1), labels)


TARGET = TargetKind(
    task=TASK,
    described="a number",
    read=lambda cells, name: Target("number", name, target_numbers(cells, name)),
    values=values,
    rows=rows,
    constant=constant,
    constant_name=constant_name,
    scores=lambda predictions, labels, source: number_scores(predictions.reshape(-1), labels),
    gain=gain,
    interval=lambda predictions, labels, source: error_interval(predictions.reshape(-1), labels),
    repeated=lambda constant, rows, source: np.full(rows, constant["value"]),
    predict=lambda predictions, source: predictions[:, 0],
    cells=lambda found, source: {f"predicted {source.target}": [float(f"{value:.7g}") for value in found[:, 0]]},
    score=lambda predictions, y, source: number_scores(predictions[:, 0], target_numbers(list(y), "y"))["r2"],
    probabilities=False,
)
