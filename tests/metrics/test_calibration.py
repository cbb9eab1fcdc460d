"""The calibration error against a loop over the equation, and against values worked out by hand."""

import numpy as np
import pytest

from mmzoo.errors import BadInputError
from mmzoo.metrics.calibration import expected_calibration_error, risk_coverage


def by_equation(probabilities, labels, bins):
    """Guo et al. 2017, equation 3, written interval by interval."""
    total, n = 0.0, len(labels)
    for m in range(1, bins + 1):
        inside = [i for i in range(n) if (m - 1) / bins < max(probabilities[i]) <= m / bins]
        if inside:
            accuracy = sum(int(np.argmax(probabilities[i])) == labels[i] for i in inside) / len(inside)
            confidence = sum(max(probabilities[i]) for i in inside) / len(inside)
            total += len(inside) / n * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("bins", [1, 10, 15])
@pytest.mark.parametrize("classes", [2, 10])
def test_equals_the_equation(bins, classes):
    rng = np.random.default_rng(bins * classes)
    probabilities = rng.dirichlet(np.full(classes, 0.4), size=400)
    labels = np.where(rng.random(400) < 0.6, probabilities.argmax(1), rng.integers(0, classes, 400))
    expected = by_equation(probabilities.tolist(), labels.tolist(), bins)
    assert expected_calibration_error(probabilities, labels, bins) == pytest.approx(expected, abs=1e-12)


def test_values_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.3, 0.7]])
    # confidence 0.9 with accuracy 0.5, confidence 0.7 with accuracy 1: (0.4 + 0.3) / 2
    assert expected_calibration_error(probabilities, [0, 1, 1, 1]) == pytest.approx(0.35)
    assert expected_calibration_error(np.eye(3), [0, 1, 2]) == 0.0
    assert expected_calibration_error(np.eye(3), [1, 2, 0]) == 1.0


@pytest.mark.parametrize("bad", [((2, 3), 3, 15), ((2,), 2, 15), ((0, 3), 0, 15), ((2, 3), 2, 0)])
def test_bad_shapes_say_what_was_expected(bad):
    shape, n, bins = bad
    with pytest.raises(ValueError, match="expected"):
        expected_calibration_error(np.full(shape, 0.5), np.zeros(n, int), bins)


def test_risk_coverage_is_the_accuracy_above_each_confidence():
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet(np.full(3, 0.6), size=200).round(1)  # many confidences are equal
    labels = np.where(rng.random(200) < 0.7, probabilities.argmax(1), rng.integers(0, 3, 200))
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    least = sorted(set(confidence), reverse=True)
    share, accuracy = risk_coverage(probabilities, labels)
    assert share.tolist() == pytest.approx([np.mean(confidence >= one) for one in least])
    assert accuracy.tolist() == pytest.approx([right[confidence >= one].mean() for one in least])
    assert share[-1] == 1
    assert accuracy[-1] == right.mean()


def test_risk_coverage_without_rows_raises():
    with pytest.raises(BadInputError, match=r"for N > 0 labels. Received: \(0, 3\) and \(0,\)"):
        risk_coverage(np.zeros((0, 3)), np.zeros(0))
