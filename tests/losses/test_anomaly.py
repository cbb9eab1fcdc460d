"""Loss and accuracy of the logits of synthetic anomalies, example by example in NumPy."""

import numpy as np

from mmzoo.losses import anomaly


def test_kind_loss_and_accuracy_formula():
    rng = np.random.default_rng(0)
    for kinds in ((1, 2, 3), (2,)):
        kind = rng.integers(0, 4, (20, 1))
        output = rng.normal(0, 2, (20, len(kinds) + 1)).astype("float32")
        expected, right = [], []
        for (label,), row in zip(kind, output, strict=True):
            probabilities = 1 / (1 + np.exp(-row[:-1].astype(float)))
            there = [label == k for k in kinds]
            expected.append(-sum(np.log(p if yes else 1 - p) for p, yes in zip(probabilities, there, strict=True)))
            right.append(np.mean([(p > 0.5) == yes for p, yes in zip(probabilities, there, strict=True)]))
        np.testing.assert_allclose(anomaly.kind_loss(kinds)(kind, output), expected, rtol=1e-5)
        np.testing.assert_allclose(anomaly.kind_accuracy(kinds)(kind, output), right, rtol=1e-6)


def test_kind_loss_ignores_the_score():
    output = np.array([[1.0, -1.0, 3.0]], "float32")
    other = np.array([[1.0, -1.0, -3.0]], "float32")
    np.testing.assert_array_equal(anomaly.kind_loss((1, 2))([1], output), anomaly.kind_loss((1, 2))([1], other))
