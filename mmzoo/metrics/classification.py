"""Classification metrics, and the accuracy gain of one classifier over another."""

from collections.abc import Sequence

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.calibration import expected_calibration_error

SUMMARY = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "log_loss", "ece")


def scores(probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict:
    """Score `probabilities` `(N, C)` against class indices `labels` `(N,)`.

    `names` are the C classes. The keys are `SUMMARY`, all in [0, 1] except `log_loss` in nats. `per_class` is a list of
    label, precision, recall, f1, support. `confusion` has the true classes as rows. A class without predictions or
    without examples counts as 0.

    Raises:
        BadInputError: the shapes do not fit, there is no example, or a probability is not finite.
    """
    from sklearn import metrics

    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    _check(probabilities, labels, len(names))
    classes, predicted = np.arange(len(names)), probabilities.argmax(axis=1)
    columns = metrics.precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    macro = [float(column.mean()) for column in columns[:3]]
    total = probabilities.sum(axis=1, keepdims=True)  # a quantized softmax sums to 1 only approximately
    summary = (
        float(np.mean(predicted == labels)),
        *macro,
        float(metrics.log_loss(labels, probabilities / np.where(total > 0, total, 1), labels=classes)),
        expected_calibration_error(probabilities, labels),
    )
    keys = ("precision", "recall", "f1", "support")
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return {
        **dict(zip(SUMMARY, summary, strict=True)),
        "per_class": [dict(zip(("label", *keys), row, strict=True)) for row in rows],
        "confusion": metrics.confusion_matrix(labels, predicted, labels=classes).tolist(),
    }


def _check(probabilities: np.ndarray, labels: np.ndarray, classes: int) -> None:
    if probabilities.shape != (len(labels), classes) or not len(labels):
        raise BadInputError(
            f"probabilities: expected the shape (N, {classes}) for N > 0 labels. "
            f"Received: probabilities.shape={probabilities.shape}, labels.shape={labels.shape}"
        )
    if not np.isfinite(probabilities).all():
        rows = int((~np.isfinite(probabilities).all(axis=1)).sum())
        raise BadInputError(f"probabilities: expected finite values. Received: {rows} rows with NaN or infinity")


def kind_scores(answers: dict[str, np.ndarray], labels: np.ndarray, kinds: Sequence[str]) -> dict[str, dict]:
    """Compute the accuracy of predictions for each kind of example.

    `answers` is `{name: classes (N,)}`; `labels` and `kinds` are `(N,)`. The result is
    `{kind: {"n": examples, name: accuracy}}`.

    Raises:
        BadInputError: there is not one kind for each example.
    """
    kinds = np.asarray(kinds)
    if kinds.shape != np.shape(labels):
        raise BadInputError(f"kinds: expected one for each of {len(labels)} examples. Received: {kinds.shape}")
    right = {name: np.asarray(found) == labels for name, found in answers.items()}
    return {
        kind: {"n": int((kinds == kind).sum())} | {name: float(r[kinds == kind].mean()) for name, r in right.items()}
        for kind in np.unique(kinds).tolist()
    }


def fusion_gain(
    fused: np.ndarray,
    single: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    seed: int = 0,
    samples: int = 2000,
) -> dict[str, float]:
    """Compute the accuracy gain of `fused` over `single`, in points.

    `fused` and `single` are probabilities `(N, C)`, `labels` `(N,)`. `points` is the difference; `low` and `high` are
    its 95 % interval from `samples` paired bootstrap draws. With `groups` `(N,)`, whole groups are drawn: examples with
    a shared image are not independent. `groups` in the result is the number of groups.

    Raises:
        BadInputError: the shapes do not fit.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile interval).
    """
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    sizes = {len(fused), len(single), len(labels), len(groups)}
    if len(sizes) != 1 or not len(labels):
        raise BadInputError(f"fusion_gain: expected arrays of one length above 0. Received: {sorted(sizes)}")
    ahead = (np.argmax(fused, axis=1) == labels).astype(int) - (np.argmax(single, axis=1) == labels)
    group = np.unique(groups, return_inverse=True)[1].ravel()
    count = np.bincount(group)
    sums = np.bincount(group, weights=ahead).astype(int)
    # groups with equal sums and counts are interchangeable: only the number of draws of each kind is drawn
    kinds, times = np.unique(np.stack([sums, count], axis=1), axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(count), times / times.sum(), size=samples)
    gains = 100 * (drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1])
    low, high = np.percentile(gains, [2.5, 97.5])
    return {"points": 100 * float(ahead.mean()), "low": float(low), "high": float(high), "groups": len(count)}


def wilson_interval(fraction: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a `fraction` of `count` draws.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    square = 1.96**2 / count
    middle = (fraction + square / 2) / (1 + square)
    half = 1.96 * np.sqrt(fraction * (1 - fraction) / count + square / (4 * count)) / (1 + square)
    return float(middle - half), float(middle + half)
