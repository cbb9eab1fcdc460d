"""Errors of numbers against scikit-learn, and the interval of a difference against a plain bootstrap."""

import numpy as np
import pytest
from sklearn import metrics

from mmzoo.errors import BadInputError
from mmzoo.metrics.regression import error_gain, error_interval, number_scores


@pytest.mark.parametrize("size", [2, 7, 500])
def test_number_scores_equal_scikit_learn(size):
    rng = np.random.default_rng(size)
    truth = rng.normal(1e4, 30, size)
    answers = truth + rng.normal(2, 40, size)
    assert number_scores(answers, truth) == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(truth, answers),
            "rmse": metrics.root_mean_squared_error(truth, answers),
            "r2": metrics.r2_score(truth, answers),
        },
        rel=1e-9,
    )


def test_number_scores_constant_truth_has_r2_zero():
    assert number_scores(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == {"mae": 1.0, "rmse": 1.0, "r2": 0.0}
    assert number_scores(np.array([1.0]), np.array([2.0]))["r2"] == 0


def test_error_gain_equals_paired_bootstrap():
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 3, 80)
    fused, single = truth + rng.normal(0, 1, 80), truth + rng.normal(0, 2, 80)
    gain = error_gain(fused, single, truth)
    ahead = np.abs(single - truth) - np.abs(fused - truth)
    drawn = [ahead[rng.integers(0, 80, 80)].mean() for _ in range(4000)]
    assert gain["mae"] == pytest.approx(ahead.mean())
    assert (gain["low"], gain["high"]) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.04)
    assert gain["groups"] == 80
    assert error_gain(single, fused, truth)["mae"] == pytest.approx(-gain["mae"])


def test_examples_of_a_group_are_drawn_together():
    rng = np.random.default_rng(2)
    truth, groups = np.zeros(60), np.repeat(np.arange(20), 3)
    single = np.repeat(rng.normal(0, 2, 20), 3)
    alone, together = (error_gain(truth, single, truth, given) for given in (None, groups))
    assert together["mae"] == alone["mae"]
    assert together["groups"] == 20
    assert together["high"] - together["low"] > 1.4 * (alone["high"] - alone["low"])


def test_number_scores_bad_arguments_raise():
    with pytest.raises(BadInputError, match=r"expected one for each example. Received: \[2, 3\]"):
        number_scores(np.zeros(2), np.zeros(3))
    with pytest.raises(BadInputError, match="expected finite values"):
        number_scores(np.array([np.nan, 1]), np.zeros(2))


def test_error_interval_is_the_bootstrap_of_the_mean_absolute_error():
    rng = np.random.default_rng(2)
    truth, predicted = rng.normal(size=(2, 300))
    error = np.abs(predicted - truth)
    drawn = error[rng.integers(0, 300, (4000, 300))].mean(axis=1)
    assert error_interval(predicted, truth) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.02)
