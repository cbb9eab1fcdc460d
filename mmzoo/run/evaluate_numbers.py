"""What a model that tells a number scores: output `value` `(N, 1)`, in the unit of the target."""

from collections.abc import Iterable

import numpy as np

from mmzoo.metrics.regression import SUMMARY, error_gain, number_scores
from mmzoo.run.evaluate_subsets import Kind
from mmzoo.run.readme_numbers import number_gain

OUTPUT = "value"


def measures(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs tells a number."""
    return OUTPUT in set(outputs)


def _scores(answers: np.ndarray, truth: np.ndarray) -> dict:
    return number_scores(np.reshape(answers, -1), truth)


def _gain(fused: np.ndarray, single: np.ndarray, truth: np.ndarray, groups: np.ndarray | None) -> dict:
    return error_gain(np.reshape(fused, -1), np.reshape(single, -1), truth, groups)


NUMBERS = Kind(OUTPUT, SUMMARY, "mae", -1, _scores, _gain, number_gain)
