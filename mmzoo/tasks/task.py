"""The contract of a task."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mmzoo.data.arrays import Arrays

Predict = Callable[[Arrays], Arrays]
Report = dict[str, dict[str, dict]]  # {file: {pattern: scores}}
# the first that a set of scores has: True of a share, of which more is better, False of an error in units of the target
MAIN = {"accuracy": True, "mae": False, "micro_f1": True}


@dataclass(frozen=True)
class Kind:
    """How the answers of a kind of model are scored.

    `scores(answers, truth)` has `keys`, of which `best` tells models apart, more being better where `sign` is 1, and
    what else the card keeps of the full model, `kept`. `gain(fused, single, truth, groups)` compares two, and
    `told_gain` says it.
    """

    output: str
    keys: tuple[str, ...]
    best: str
    sign: int
    scores: Callable[[np.ndarray, np.ndarray], dict]
    gain: Callable[..., dict]
    told_gain: Callable[[dict], str]
    kept: tuple[str, ...] = ()

    def answers(self, predict: Predict, inputs: Arrays) -> np.ndarray:
        """Return what `predict` answers, `(N, K)`."""
        return np.asarray(predict(inputs)[self.output], np.float32)

    def summary(self, found: dict) -> dict:
        """Return those of the scores that were `found` that are told of every model."""
        return {key: found[key] for key in self.keys}


def main_score(found: Mapping[str, object]) -> str:
    """Return the name of the score by which a set of scores is compared, one of `MAIN`."""
    return next(name for name in MAIN if name in found)


def told_score(name: str, value: float) -> str:
    """Return a main score as it is read, a share in percent."""
    return f"{100 * value:.2f} %" if MAIN[name] else f"{value:.4g}"


def told_deviation(name: str, value: float) -> str:
    """Return the standard deviation of a main score as it is read, that of a share in points."""
    return f"{100 * value:.2f}" if MAIN[name] else f"{value:.2g}"
