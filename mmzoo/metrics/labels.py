"""Multi-label classification metrics, and the gain of one model over another."""

from collections.abc import Sequence

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite

SUMMARY = ("micro_f1", "macro_f1", "map", "exact")
THRESHOLD = 0.5  # probability from which on a label is predicted
STEPS = np.linspace(0.05, 0.95, 91).round(2)  # thresholds that are tried
DRAWN = 100  # bootstrap samples in memory at a time


def predicted_labels(probabilities: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """Return which of `probabilities` `(N, K)` are at `threshold` or above: the predicted labels, bool."""
    return np.asarray(probabilities) >= threshold


def best_threshold(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the threshold of the highest micro F1, from 0.05 to 0.95 in steps of 0.01; of equal ones that next to 0.5.

    One threshold for all labels: one for each of many rare labels would fit chance (Lipton et al. 2014, Optimal
    thresholding of classifiers to maximize F1 measure, sections 4 and 6).

    Args:
        probabilities: `(N, K)` of rows that were not trained on.
        labels: multi-hot `(N, K)`.

    Raises:
        BadInputError: the shapes do not fit, there is no example, or a probability is not finite.
    """
    probabilities, truth = _checked(probabilities, labels, np.shape(labels)[1])
    every, right = np.sort(probabilities, axis=None), np.sort(probabilities[truth])
    positives, hits = (len(x) - np.searchsorted(x, STEPS) for x in (every, right))
    f1 = _f1(hits, positives + truth.sum())
    best = STEPS[f1 >= f1.max() - 1e-9]
    return float(best[np.argmin(np.abs(best - THRESHOLD))])


def label_scores(
    probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str], threshold: float = THRESHOLD
) -> dict:
    """Score `probabilities` `(N, K)` against multi-hot `labels` `(N, K)`.

    `names` are the K labels, predicted at a probability of `threshold` or more. The keys are `SUMMARY`, all in [0, 1]:
    micro F1, macro F1, the mean average precision over labels with positive examples, and the exact match ratio.
    `per_class` is a list of label, precision, recall, f1, support. A label without predictions or without examples
    counts as 0. `threshold` is kept.

    Raises:
        BadInputError: the shapes do not fit, there is no example, or a probability is not finite.
    """
    from sklearn.metrics import average_precision_score

    probabilities, labels = _checked(probabilities, labels, len(names))
    predicted = predicted_labels(probabilities, threshold)
    right, positives, support = (x.sum(axis=0) for x in (predicted & labels, predicted, labels))
    f1 = _f1(right, positives + support)
    there = np.flatnonzero(support)
    precisions = [average_precision_score(labels[:, k], probabilities[:, k]) for k in there] or [0.0]
    both = _f1(right.sum(), positives.sum() + support.sum())
    summary = (both, f1.mean(), np.mean(precisions), (predicted == labels).all(axis=1).mean())
    columns = (right / np.maximum(positives, 1), right / np.maximum(support, 1), f1, support)
    keys = ("precision", "recall", "f1", "support")
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    return {
        **{key: float(value) for key, value in zip(SUMMARY, summary, strict=True)},
        "per_class": [dict(zip(("label", *keys), row, strict=True)) for row in rows],
        "threshold": threshold,
    }


def label_gain(
    fused: np.ndarray,
    single: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    threshold: float = THRESHOLD,
    seed: int = 0,
    samples: int = 2000,
) -> dict[str, float]:
    """Compute the micro-F1 gain of `fused` over `single`, in points.

    Both are probabilities `(N, K)`, with one `threshold`. `micro_f1` is the difference; `low` and `high` are its 95 %
    interval from `samples` paired bootstrap draws. Whole `groups` `(N,)` are drawn if given, as in
    `mmzoo.metrics.classification.fusion_gain`.

    Raises:
        BadInputError: the shapes do not fit, there is no example, or a probability is not finite.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile interval).
    """
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    group = np.unique(groups, return_inverse=True)[1].ravel()
    sums = []
    for probabilities in (fused, single):
        probabilities, truth = _checked(probabilities, labels, np.shape(labels)[1])
        counts = _counts(predicted_labels(probabilities, threshold), truth)
        sums.append(np.stack([np.bincount(group, weights=column) for column in counts.T], axis=1))
    size = len(sums[0])
    rng, gains = np.random.default_rng(seed), []
    for start in range(0, samples, DRAWN):
        drawn = rng.multinomial(size, np.full(size, 1 / size), size=min(DRAWN, samples - start))
        gains.append(np.subtract(*(_f1(*(drawn @ one).T) for one in sums)))
    low, high = np.percentile(100 * np.concatenate(gains), [2.5, 97.5])
    points = 100 * float(np.subtract(*(_f1(*one.sum(axis=0)) for one in sums)))
    return {"micro_f1": points, "low": float(low), "high": float(high), "groups": size}


def label_interval(probabilities: np.ndarray, labels: np.ndarray, threshold: float = THRESHOLD) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of micro F1, in [0, 1]: 1 less the gain of a perfect prediction."""
    found = label_gain(np.asarray(labels, np.float64), probabilities, labels, threshold=threshold)
    return 1 - found["high"] / 100, 1 - found["low"] / 100


def _counts(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count true positives, and predicted plus actual labels, in each row: `(N, 2)`."""
    return np.stack([(predicted & labels).sum(axis=1), predicted.sum(axis=1) + labels.sum(axis=1)], axis=1)


def _f1(right: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Compute F1 as `2 right / both`, 0 if `both` is 0.

    `right` counts true positives; `both` counts predicted plus actual labels.
    """
    return 2 * np.asarray(right, np.float64) / np.maximum(both, 1)


def _checked(probabilities: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = finite("probabilities", probabilities, 2), np.asarray(labels) > 0
    if probabilities.shape != labels.shape or labels.shape[1] != count:
        shapes = f"{probabilities.shape} and {labels.shape}"
        raise BadInputError(f"probabilities: expected the shape (N, {count}), as of labels. Received: {shapes}")
    return probabilities, labels
