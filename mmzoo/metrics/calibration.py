"""Calibration metrics: confidence of a classifier against its accuracy."""

import numpy as np

from mmzoo.errors import BadInputError

BINS = 15  # of confidence, as in metrics/calibration.py


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> float:
    """Compute the expected calibration error, in [0, 1].

    Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 2, equation 3. `probabilities` are
    `(N, C)`, `labels` `(N,)`. Examples fall into `bins` equal intervals `((m - 1) / bins, m / bins]` of the highest
    probability. The error is the mean of `|accuracy - confidence|` over the intervals, weighted by their examples.

    Raises:
        ValueError: the shapes do not fit, there is no example, or `bins` is below 1.
    """
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels):
        raise ValueError(
            "expected probabilities (N, C) and labels (N,), N > 0. "
            f"Received: probabilities.shape={probabilities.shape}, labels.shape={labels.shape}"
        )
    if bins < 1:
        raise ValueError(f"expected bins >= 1. Received: bins={bins}")
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    interval = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # |B_m| / n * |acc - conf| is |sum of (correct - confidence) over B_m| / n
    gaps = np.bincount(interval, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Compute examples, mean confidence and accuracy of each confidence interval, `(bins, 3)`.

    The intervals are the same as in `expected_calibration_error`. An empty one has 0 in all three.
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    correct = np.argmax(probabilities, axis=1) == labels
    interval = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count, sure, right = (np.bincount(interval, weights=w, minlength=bins) for w in (None, confidence, correct))
    some = np.maximum(count, 1)
    return np.stack([count, sure / some, right / some], axis=1)


def risk_coverage(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage and accuracy `(M,)` of a classifier that answers only its most confident rows.

    `probabilities` are `(N, C)`, `labels` class indices `(N,)`. The confidence of a row is its largest probability;
    there is a point for each distinct confidence, as rows of equal confidence are answered together. Coverage is the
    fraction of rows answered; the last point is all rows.

    Raises:
        BadInputError: there is not one label for each row, or no row.

    Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification (2010), section 2: risk is 1
    less this accuracy.
    """
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or len(probabilities) != len(labels) or not len(labels):
        shapes = f"{probabilities.shape} and {labels.shape}"
        raise BadInputError(f"probabilities: expected the shape (N, C) for N > 0 labels. Received: {shapes}")
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = np.cumsum(probabilities.argmax(axis=1)[order] == labels[order])
    answered = np.arange(1, len(labels) + 1)
    ends = np.append(np.diff(confidence[order]) < 0, True)
    return answered[ends] / len(labels), right[ends] / answered[ends]
