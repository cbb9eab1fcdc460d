"""The projector against NumPy: vectors of length 1."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import check_on_device, randomize

from mmzoo.heads.projector import projector

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")


def head(hidden):
    x = keras.Input((8,), name="embedding")
    model = keras.Model({"embedding": x}, {"projection": projector(x, 12, hidden)})
    randomize(model)
    return model


@pytest.mark.parametrize("hidden", [0, 16])
def test_formula(hidden):
    model = head(hidden)
    weights = model.get_weights()
    x = np.maximum(X @ weights[0] + weights[1], 0) if hidden else X
    expected = x @ weights[-2] + weights[-1]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    answer = np.asarray(model({"embedding": X})["projection"])
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(answer, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("hidden", [0, 16])
def test_gradients(hidden):
    model = head(hidden)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model({"embedding": X})["projection"][:, 0])
    assert all(np.any(g) for g in tape.gradient(loss, [w.value for w in model.trainable_variables]))


def test_on_device_linear(tmp_path, gpu):
    check_on_device(head(0), {"embedding": X}, tmp_path, gpu)
