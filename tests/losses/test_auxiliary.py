"""Auxiliary losses and fused accuracy against their formulas, in training and validation."""

import keras
import numpy as np

from mmzoo.losses import auxiliary

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 1, 1], "float32")
PREDICTED = RNG.dirichlet(np.ones(3), (4, 3)).astype("float32")  # of 4 rows: fused, then two unimodal


def entropy(shares):
    return -np.log(shares[np.arange(4), LABELS.astype(int)])


def test_with_auxiliary_adds_the_mean_unimodal_loss():
    loss = auxiliary.with_auxiliary(keras.losses.sparse_categorical_crossentropy, 3)
    found = loss(LABELS[:, None], PREDICTED.reshape(4, 9))
    expected = entropy(PREDICTED[:, 0]) + (entropy(PREDICTED[:, 1]) + entropy(PREDICTED[:, 2])) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(loss(LABELS[:, None], PREDICTED[:, 0]), entropy(PREDICTED[:, 0]), rtol=1e-5)


def test_fused_accuracy_uses_the_fused_prediction():
    for labels in (LABELS, LABELS[:, None]):
        right = np.asarray(auxiliary.fused_accuracy(3)(labels, PREDICTED.reshape(4, 9)))
        np.testing.assert_array_equal(right, PREDICTED[:, 0].argmax(axis=1) == LABELS)
    half = auxiliary.fused_accuracy(3, lambda y_true, y_pred: y_pred.max(axis=-1) > 0.5)
    np.testing.assert_array_equal(half(LABELS, PREDICTED.reshape(4, 9)), PREDICTED[:, 0].max(axis=1) > 0.5)
    assert auxiliary.fused_accuracy(3).__name__ == "accuracy"
