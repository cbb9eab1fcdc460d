"""Scores of several labels against scikit-learn, and the interval of a difference against a plain bootstrap."""

import numpy as np
import pytest
from sklearn import metrics

from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import best_threshold, label_gain, label_interval, label_scores, predicted_labels


def draw(size, count, seed=0):
    rng = np.random.default_rng(seed)
    labels = (rng.random((size, count)) < 0.3).astype(np.float32)
    return np.clip(0.6 * labels + rng.random((size, count)) * 0.6, 0, 1), labels


@pytest.mark.parametrize(("size", "count"), [(3, 2), (40, 5), (300, 9)])
def test_label_scores_equal_scikit_learn(size, count):
    probabilities, labels = draw(size, count)
    labels[:, 0] = [1, *[0] * (size - 1)]
    found = label_scores(probabilities, labels, [f"l{k}" for k in range(count)])
    told = probabilities >= 0.5
    there = labels.any(axis=0)
    expected = {
        "micro_f1": metrics.f1_score(labels, told, average="micro", zero_division=0),
        "macro_f1": metrics.f1_score(labels, told, average="macro", zero_division=0),
        "map": metrics.average_precision_score(labels[:, there], probabilities[:, there]),
        "exact": metrics.accuracy_score(labels, told),
    }
    assert {key: found[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    columns = metrics.precision_recall_fscore_support(labels, told, average=None, zero_division=0)
    for row, values in zip(found["per_class"], zip(*columns, strict=True), strict=True):
        np.testing.assert_allclose([row[key] for key in ("precision", "recall", "f1", "support")], values, atol=1e-12)


def test_one_label_and_none_at_all():
    found = label_scores(np.array([[0.9], [0.2]]), np.array([[1], [0]]), ["a"])
    assert [found[key] for key in ("micro_f1", "macro_f1", "map", "exact")] == [1, 1, 1, 1]
    found = label_scores(np.zeros((2, 2)), np.zeros((2, 2)), "ab")
    assert [found[key] for key in ("micro_f1", "macro_f1", "map", "exact")] == [0, 0, 0, 1]
    assert predicted_labels([[0.5, 0.49]]).tolist() == [[True, False]]


def test_label_gain_equals_paired_bootstrap():
    fused, labels = draw(90, 4)
    single = np.random.default_rng(9).permutation(fused)
    gain = label_gain(fused, single, labels)
    rng, drawn = np.random.default_rng(5), []
    f1 = lambda given, rows: metrics.f1_score(labels[rows], given[rows] >= 0.5, average="micro")  # noqa: E731
    for _ in range(1000):
        rows = rng.integers(0, 90, 90)
        drawn.append(100 * (f1(fused, rows) - f1(single, rows)))
    assert gain["micro_f1"] == pytest.approx(100 * (f1(fused, np.arange(90)) - f1(single, np.arange(90))))
    assert [gain["low"], gain["high"]] == pytest.approx(np.percentile(drawn, [2.5, 97.5]).tolist(), abs=2.5)
    assert label_gain(fused, fused, labels)["high"] == 0
    assert label_gain(fused, single, labels, np.arange(90) // 3)["groups"] == 30


def test_label_scores_bad_arguments_raise():
    with pytest.raises(BadInputError, match=r"expected the shape \(N, 2\), as of labels"):
        label_scores(np.zeros((3, 2)), np.zeros((3, 3)), "ab")
    with pytest.raises(BadInputError, match="expected finite values"):
        label_scores(np.full((3, 2), np.nan), np.zeros((3, 2)), "ab")


def test_best_threshold_has_the_highest_micro_f1():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 7)) < 0.15).astype("float32")
    likely = np.clip(0.2 * labels + rng.normal(0.15, 0.1, labels.shape), 0.001, 0.999).astype("float32")
    tried = np.arange(5, 96) / 100
    f1 = [label_scores(likely, labels, range(7), float(t))["micro_f1"] for t in tried]
    found = best_threshold(likely, labels)
    assert label_scores(likely, labels, range(7), found)["micro_f1"] == max(f1) > 2 * f1[45]
    assert found in tried


def test_best_threshold_of_equal_ones_is_next_to_one_half():
    labels = np.array([[1, 0], [0, 1]])
    assert best_threshold(np.array([[0.9, 0.1], [0.1, 0.9]]), labels) == 0.5
    assert best_threshold(np.array([[0.4, 0.1], [0.1, 0.4]]), labels) == 0.4
    assert best_threshold(np.array([[0.9, 0.7], [0.7, 0.9]]), labels) == 0.71
    assert best_threshold(np.array([[0.9, 0.7]]), np.zeros((1, 2))) == 0.5


def test_label_interval_is_the_bootstrap_of_micro_f1():
    rng = np.random.default_rng(3)
    labels = rng.random((250, 4)) < 0.4
    probabilities = np.clip(0.5 * labels + 0.8 * rng.random((250, 4)), 0, 1)
    rows = rng.integers(0, 250, (1000, 250))
    drawn = [metrics.f1_score(labels[one], probabilities[one] >= 0.5, average="micro") for one in rows]
    assert label_interval(probabilities, labels) == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.01)
