"""Losses of all together and of each alone: their value, and that validation asks of all together."""

import keras
import numpy as np

from mmzoo.losses import auxiliary

RNG = np.random.default_rng(0)
LABELS = np.array([2, 0, 1, 1], "float32")
TOLD = RNG.dirichlet(np.ones(3), (4, 3)).astype("float32")  # of 4 rows: together, and by each of two alone


def entropy(shares):
    return -np.log(shares[np.arange(4), LABELS.astype(int)])


def test_loss_is_that_of_all_and_the_mean_of_each():
    loss = auxiliary.with_auxiliary(keras.losses.sparse_categorical_crossentropy, 3)
    found = loss(LABELS[:, None], TOLD.reshape(4, 9))
    expected = entropy(TOLD[:, 0]) + (entropy(TOLD[:, 1]) + entropy(TOLD[:, 2])) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(loss(LABELS[:, None], TOLD[:, 0]), entropy(TOLD[:, 0]), rtol=1e-5)


def test_accuracy_is_that_of_all_together():
    for labels in (LABELS, LABELS[:, None]):
        right = np.asarray(auxiliary.fused_accuracy(3)(labels, TOLD.reshape(4, 9)))
        np.testing.assert_array_equal(right, TOLD[:, 0].argmax(axis=1) == LABELS)
    half = auxiliary.fused_accuracy(3, lambda y_true, y_pred: y_pred.max(axis=-1) > 0.5)
    np.testing.assert_array_equal(half(LABELS, TOLD.reshape(4, 9)), TOLD[:, 0].max(axis=1) > 0.5)
    assert auxiliary.fused_accuracy(3).__name__ == "accuracy"
