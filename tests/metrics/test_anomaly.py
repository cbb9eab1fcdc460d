"""Anomaly scores against counts over pairs, an integrated curve, and a loop over the sorted list."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmzoo.errors import BadInputError
from mmzoo.metrics.anomaly import anomaly_scores, auc_gain, threshold_of


def drawn(ties, seed):
    rng = np.random.default_rng(seed)
    anomalous = rng.random(200) < 0.2
    score = rng.normal(size=200) + 1.5 * anomalous
    return (np.round(score, 1) if ties else score), anomalous


def by_counting(score, anomalous):
    odd, normal = score[anomalous], score[~anomalous]
    auc = np.mean([(a > b) + 0.5 * (a == b) for a in odd for b in normal])
    thresholds = [np.inf, *sorted(set(score.tolist()), reverse=True)]
    alarms = np.array([np.mean(normal >= t) for t in thresholds])
    found = np.array([np.mean(odd >= t) for t in thresholds])
    grid = np.union1d(alarms, [0.1])
    grid = grid[grid <= 0.1]
    # the curve climbs where it stands: the area under it is that of the straight lines from the top of each climb
    tops = np.array([found[alarms == x].max() if (alarms == x).any() else np.nan for x in grid])
    feet = np.array([found[alarms == x].min() if (alarms == x).any() else np.nan for x in grid])
    if np.isnan(tops[-1]):
        tops[-1] = feet[-1] = np.interp(0.1, alarms, found)
    area = np.sum((tops[:-1] + feet[1:]) / 2 * np.diff(grid))
    partial = 0.5 * (1 + (area - 0.1**2 / 2) / (0.1 - 0.1**2 / 2))
    precision = [np.mean(anomalous[score >= t]) for t in score[anomalous]]
    return {"auc": auc, "partial_auc": partial, "average_precision": np.mean(precision), "odd": anomalous.mean()}


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_counting(ties, seed):
    score, anomalous = drawn(ties, seed)
    assert anomaly_scores(score, anomalous) == pytest.approx(by_counting(score, anomalous))


def test_values_by_hand():
    assert anomaly_scores([3, 2, 1, 0], [1, 0, 1, 0]) == pytest.approx(
        {"auc": 0.75, "partial_auc": 0.5 * (1 + (0.05 - 0.005) / 0.095), "average_precision": 5 / 6, "odd": 0.5}
    )
    assert set(anomaly_scores([3, 2, 1, 0], [1, 1, 0, 0]).values()) == {1.0, 0.5}
    alike = {"auc": 0.5, "partial_auc": 0.5, "average_precision": 0.25, "odd": 0.25}
    assert anomaly_scores([7, 7, 7, 7], [0, 0, 1, 0]) == pytest.approx(alike)


def test_anomaly_scores_are_invariant_to_order_and_scale():
    score, anomalous = drawn(ties=True, seed=7)
    order = np.random.default_rng(8).permutation(len(score))
    other = anomaly_scores(np.exp(score[order]), anomalous[order])
    assert other == pytest.approx(anomaly_scores(score, anomalous))
    assert anomaly_scores(-score, anomalous)["auc"] == pytest.approx(1 - other["auc"])


@pytest.mark.parametrize(
    ("score", "anomalous", "words"),
    [
        ([], [], "score: .*shape"),
        ([[1.0, 2.0]], [0, 1], "score: .*shape"),
        ([1.0, np.nan], [0, 1], "score: .*finite"),
        ([1.0, 2.0], [0, 0], "anomalous: .*both"),
        ([1.0, 2.0], [0, 1, 1], "anomalous: .*shape"),
        ([1.0, 2.0], [-1, 1], "anomalous: .*both"),
    ],
)
def test_bad_arguments_are_named(score, anomalous, words):
    with pytest.raises(ValueError, match=words):
        anomaly_scores(score, anomalous)


def test_threshold_of_leaves_the_false_alarms_above():
    score = np.random.default_rng(0).permutation(np.arange(1, 1001)).astype(float)
    assert np.mean(score > threshold_of(score, 0.05)) == pytest.approx(0.05)
    assert threshold_of([1.0, 2.0, 3.0], 0.5) == 2.0
    for share in (0, 1, 1.5):
        with pytest.raises(BadInputError, match="false_alarms: expected a share between 0 and 1"):
            threshold_of(score, share)
    with pytest.raises(BadInputError, match="score: expected finite values"):
        threshold_of([1.0, np.nan], 0.05)


def test_auc_gain_equals_plain_bootstrap():
    rng = np.random.default_rng(0)
    anomalous = np.repeat([0, 1], (60, 40))
    score, other = rng.normal(size=100) + 1.5 * anomalous, np.round(rng.normal(size=100) + 0.5 * anomalous)
    found = auc_gain(score, other, anomalous)
    assert found["points"] == pytest.approx(100 * (roc_auc_score(anomalous, score) - roc_auc_score(anomalous, other)))
    drawn = []
    for _ in range(2000):
        index = np.concatenate([rng.integers(0, 60, 60), rng.integers(60, 100, 40)])
        areas = [roc_auc_score(anomalous[index], x[index]) for x in (score, other)]
        drawn.append(100 * (areas[0] - areas[1]))
    np.testing.assert_allclose([found["low"], found["high"]], np.percentile(drawn, [2.5, 97.5]), atol=1.0)
    assert auc_gain(score, other, anomalous) == found
    assert auc_gain(score, np.exp(score), anomalous) == {"points": 0, "low": 0, "high": 0}


@pytest.mark.parametrize(
    ("score", "other", "anomalous", "said"),
    [
        ([1, 2], [1], [0, 1], "other: expected the shape"),
        ([1, np.nan], [1, 2], [0, 1], "score: expected finite values"),
        ([1, 2], [1, np.inf], [0, 1], "other: expected finite values"),
        ([1, 2], [1, 2], [1, 1], "anomalous: expected both 0 and 1"),
    ],
)
def test_auc_gain_bad_arguments_are_named(score, other, anomalous, said):
    with pytest.raises(BadInputError, match=said):
        auc_gain(np.array(score, float), np.array(other, float), anomalous)
