"""The scores of a model that tells a number, and how much smaller its error is than another's, with its interval."""

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.checks import finite

SUMMARY = ("mae", "rmse", "r2")
DRAWN = 100  # bootstrap samples in memory at a time


def number_scores(answers: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the mean absolute and the root mean squared error of `answers` `(N,)`, in their unit, and their R².

    `r2` is 1 less the squared error as a share of that of the mean of `truth` `(N,)`; 0 where all of that are alike.

    Raises:
        BadInputError: the shapes differ, there is no example, or a number is not finite.
    """
    answers, truth = finite("answers", answers, 1), finite("truth", truth, 1)
    _of_one_length(answers, truth)
    error, spread = answers - truth, float(np.square(truth - truth.mean()).sum())
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
    """Return by how much the mean absolute error of `fused` `(N,)` is below that of `single` `(N,)`, in their unit.

    `mae` is the difference, `low` and `high` its 95 % interval from `samples` paired bootstrap draws. With `groups`
    `(N,)`, whole groups are drawn: examples that share a picture are not independent; `groups` in the result is how
    many there are.

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


def _of_one_length(*arrays: np.ndarray) -> None:
    lengths = sorted({len(array) for array in arrays})
    if len(lengths) > 1:
        raise BadInputError(f"numbers: expected one for each example. Received: {lengths}")
