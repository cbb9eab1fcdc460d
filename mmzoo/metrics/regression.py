"""Regression metrics, and the error reduction of one model over another."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite

SUMMARY = ("mae", "rmse", "r2")
DRAWN = 100  # bootstrap samples in memory at a time


def number_scores(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Score predicted numbers `(N,)` against `truth` `(N,)`.

    `mae` and `rmse` are in the unit of the numbers. `r2` is 1 minus the squared error as a fraction of the squared
    error of the mean of `truth`; 0 if all true values are equal.

    Raises:
        BadInputError: the shapes differ, there is no example, or a number is not finite.
    """
    predicted, truth = finite("predicted", predicted, 1), finite("truth", truth, 1)
    _of_one_length(predicted, truth)
    error, spread = predicted - truth, float(np.square(truth - truth.mean()).sum())
    squared = float(np.square(error).sum())
    r2 = 1 - squared / spread if spread > 0 else 0.0
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt(squared / len(error))), "r2": r2}


def error_gain(
    fused: np.ndarray,
    single: np.ndarray,
    truth: np.ndarray,
    groups: np.ndarray | None = None,
    seed: int = 0,
    samples: int = 2000,
) -> dict[str, float]:
    """Compute the reduction in mean absolute error of `fused` over `single`.

    All arrays are `(N,)`. `mae` is the difference, in the unit of the numbers; `low` and `high` are its 95 % interval
    from `samples` paired bootstrap draws. With `groups` `(N,)`, whole groups are drawn: examples with a shared image
    are not independent. `groups` in the result is the number of groups.

    Raises:
        BadInputError: the shapes differ, there is no example, or a number is not finite.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile interval).
    """
    fused, single, truth = (finite(n, x, 1) for n, x in (("fused", fused), ("single", single), ("truth", truth)))
    groups = np.arange(len(truth)) if groups is None else np.asarray(groups)
    _of_one_length(fused, single, truth, groups)
    ahead = np.abs(single - truth) - np.abs(fused - truth)
    group = np.unique(groups, return_inverse=True)[1].ravel()
    count, sums = np.bincount(group), np.bincount(group, weights=ahead)
    rng, gains = np.random.default_rng(seed), []
    for start in range(0, samples, DRAWN):
        size = min(DRAWN, samples - start)
        drawn = rng.multinomial(len(count), np.full(len(count), 1 / len(count)), size=size)
        gains.append(drawn @ sums / (drawn @ count))
    low, high = np.percentile(np.concatenate(gains), [2.5, 97.5])
    return {"mae": float(ahead.mean()), "low": float(low), "high": float(high), "groups": len(count)}


def error_interval(predicted: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean absolute error: of its reduction by a perfect prediction."""
    found = error_gain(truth, predicted, truth)
    return found["low"], found["high"]


def _of_one_length(*arrays: np.ndarray) -> None:
    lengths = sorted({len(array) for array in arrays})
    if len(lengths) > 1:
        raise BadInputError(f"numbers: expected one for each example. Received: {lengths}")
