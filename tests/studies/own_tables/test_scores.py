"""Scores match scikit-learn; intervals and differences use the same rows for all models."""

import numpy as np
import pytest
from sklearn import metrics

from mmzoo.studies.own_tables.scores import difference, encode, interval, names_of, primary, score


@pytest.fixture
def classes():
    rng = np.random.default_rng(0)
    truth = rng.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    return truth, np.where(rng.random(300) < 0.7, truth, rng.integers(0, 4, 300))


def test_class_scores_equal_scikit_learn(classes):
    truth, answers = classes
    found = score(answers, truth, "class")
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, answers))
    assert found["weighted_f1"] == pytest.approx(metrics.f1_score(truth, answers, average="weighted"))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, answers, average="macro"))


def test_answer_that_is_no_class_is_wrong():
    truth = np.array([0, 1, 1, 0])
    found = score(np.array([0, -1, 1, 0]), truth, "class")
    assert found["accuracy"] == 0.75
    assert found["weighted_f1"] == pytest.approx((1 + 2 / 3) / 2)


def test_class_without_rows_counts_only_where_it_is_answered():
    assert score(np.array([0, 1]), np.array([0, 1]), "class")["macro_f1"] == 1
    assert score(np.array([0, 3]), np.array([0, 1]), "class")["macro_f1"] == pytest.approx(1 / 3)


def test_number_scores_equal_scikit_learn():
    rng = np.random.default_rng(1)
    truth = rng.normal(5, 2, 200)
    answers = truth + rng.normal(0, 1, 200)
    found = score(answers, truth, "number")
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(truth, answers))
    assert found["r2"] == pytest.approx(metrics.r2_score(truth, answers))


def test_label_scores_equal_scikit_learn():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, (100, 5))
    answers = np.where(rng.random((100, 5)) < 0.8, truth, 1 - truth)
    found = score(answers, truth, "labels")
    assert found["micro_f1"] == pytest.approx(metrics.f1_score(truth, answers, average="micro"))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(truth, answers, average="macro"))


def test_weighted_f1_decides_where_classes_are_imbalanced():
    assert primary("class", np.array([0] * 9 + [1])) == "accuracy"
    assert primary("class", np.array([0] * 10 + [1])) == "weighted_f1"
    assert primary("class", np.array([0] * 10 + [2] * 9)) == "accuracy"
    assert (primary("number", np.ones(3)), primary("labels", np.ones((3, 2)))) == ("mae", "micro_f1")


def test_interval_of_accuracy_is_binomial(classes):
    truth, answers = classes
    right = np.mean(truth == answers)
    low, high = interval([answers], truth, "class", "accuracy")
    half = 1.96 * np.sqrt(right * (1 - right) / len(truth))
    assert low == pytest.approx(right - half, abs=0.012)
    assert high == pytest.approx(right + half, abs=0.012)


def test_interval_of_several_runs_is_of_their_mean(classes):
    truth, answers = classes
    wrong = (truth + 1) % 4
    low, high = interval([answers, wrong], truth, "class", "accuracy")
    one = interval([answers], truth, "class", "accuracy")
    assert [low, high] == pytest.approx([one[0] / 2, one[1] / 2])


def test_difference_is_paired(classes):
    truth, answers = classes
    assert difference([answers], [answers], truth, "class", "accuracy") == (0, 0)
    better = answers.copy()
    better[np.flatnonzero(answers != truth)[:30]] = truth[answers != truth][:30]
    gain, error = difference([better], [answers], truth, "class", "accuracy")
    assert gain == pytest.approx(0.1)
    assert error == pytest.approx(np.sqrt(0.1 * 0.9 / 300), rel=0.1)


def test_smaller_error_is_a_gain():
    truth = np.arange(50.0)
    gain, _ = difference([truth + 1], [truth + 3], truth, "number", "mae")
    assert gain == pytest.approx(2)


def test_cells_of_targets_are_encoded():
    assert names_of(["b", "a", "b"], "class") == ["a", "b"]
    assert names_of(["x|y", "y"], "labels") == ["x", "y"]
    assert names_of([1.0], "number") == []
    np.testing.assert_array_equal(encode(["b", "?", "a"], "class", ["a", "b"]), [1, -1, 0])
    np.testing.assert_array_equal(encode(["y", "x|y", "", "z"], "labels", ["x", "y"]), [[0, 1], [1, 1], [0, 0], [0, 0]])
    np.testing.assert_array_equal(encode(["1.5", 2], "number", []), [1.5, 2])
