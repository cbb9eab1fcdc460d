"""Models of each kind of target: head, objective, losses of rows, and output."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from mmzoo.automl.targets import number
from mmzoo.blocks.presence import ConstantWhereNothing, SharesWhereUnknown
from mmzoo.heads.classifier import classifier
from mmzoo.heads.multi_label import multi_label
from mmzoo.losses.auxiliary import fused_accuracy, with_auxiliary

SMALLEST = 1e-7  # probability in a logarithm
SMOOTHING = 0.1  # of class labels (Szegedy et al. 2016, section 7)


@dataclass(frozen=True)
class TargetModel:
    """One kind of target: its head, objective, exported output and validation metric.

    `wiring` returns the arguments of `late_fusion` that depend on the target. The layer `answer` yields `output`; the
    first input of the layer `before` is the prediction in front of the fallback for missing modalities. `row_losses`
    returns the loss of each row `(N,)` of such predictions `(N, K)`, `answers` converts them to `output`. `learned` are
    the fields of `TableRecipe` that only this kind has.
    """

    task: str
    summary: str
    output: str
    monitor: str
    learned: tuple[str, ...]
    wiring: Callable[[Any], dict[str, Any]]
    objective: Callable[[Any], dict[str, Any]]
    before: str
    row_losses: Callable[[Any, np.ndarray, np.ndarray], np.ndarray]
    answers: Callable[[Any, np.ndarray], np.ndarray]


def _class_wiring(recipe: Any) -> dict[str, Any]:
    """Return a softmax head, one per modality, and the fallback to the class prior."""
    head = partial(classifier, num_classes=len(recipe.source.classes))
    return {"head": head, "postprocess": SharesWhereUnknown(name="answer"), "unimodal_head": head}


def _class_objective(recipe: Any) -> dict[str, Any]:
    """Return label-smoothed cross-entropy of the fused and the unimodal probabilities."""
    count = len(recipe.source.classes)

    def loss(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        one_hot = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), count)
        return keras.losses.categorical_crossentropy(one_hot, y_pred, label_smoothing=SMOOTHING)

    return {"loss": with_auxiliary(loss, count), "metrics": [fused_accuracy(count)]}


def _class_losses(recipe: Any, labels: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Return label-smoothed cross-entropy, as the objective has it."""
    logs = np.log(np.clip(raw, SMALLEST, 1))
    return -(1 - SMOOTHING) * logs[np.arange(len(labels)), labels.astype(int)] - SMOOTHING * logs.mean(axis=1)


def _labels_wiring(recipe: Any) -> dict[str, Any]:
    """Return a sigmoid head, and the fallback to the frequencies of the labels."""
    count = len(recipe.source.classes)
    prior = ConstantWhereNothing(recipe.prior or [0.0] * count, name="answer")
    return {"head": partial(multi_label, num_classes=count), "postprocess": prior}


def _labels_objective(recipe: Any) -> dict[str, Any]:
    """Return binary cross-entropy and micro F1."""
    score = keras.metrics.F1Score(average="micro", threshold=0.5, name="micro_f1")
    return {"loss": "binary_crossentropy", "metrics": [score]}


def _labels_losses(recipe: Any, labels: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Return binary cross-entropy, averaged over the labels."""
    likely = np.where(labels > 0.5, raw, 1 - raw)
    return -np.log(np.clip(likely, SMALLEST, 1)).mean(axis=1)


KINDS = {
    "class": TargetModel(
        task="classification",
        summary="Classification",
        output="probabilities",
        monitor="val_loss",
        learned=("class_weight",),
        wiring=_class_wiring,
        objective=_class_objective,
        before="answer",
        row_losses=_class_losses,
        answers=lambda recipe, raw: raw,
    ),
    "number": TargetModel(
        task="regression",
        summary="Regression",
        output="value",
        monitor="val_loss",
        learned=("mean", "deviation", "scale", "highest"),
        wiring=number.wiring,
        objective=number.objective,
        before="value_or_mean",
        row_losses=lambda recipe, labels, raw: np.abs(raw[:, 0] - number.scaled(recipe, labels)),
        answers=number.in_unit,
    ),
    "labels": TargetModel(
        task="multilabel",
        summary="Multi-label classification",
        output="label_probabilities",
        monitor="val_loss",
        learned=("prior",),
        wiring=_labels_wiring,
        objective=_labels_objective,
        before="answer",
        row_losses=_labels_losses,
        answers=lambda recipe, raw: raw,
    ),
}
