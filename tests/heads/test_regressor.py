"""The regressor against NumPy, and its range."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import check_on_device, randomize

from mmzoo.heads.regressor import regressor

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")


def head(**given):
    x = keras.Input((8,), name="embedding")
    model = keras.Model({"embedding": x}, {"values": regressor(x, 3, **given)})
    randomize(model)
    return model


def test_formula():
    model = head()
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(np.asarray(model({"embedding": X})["values"]), X @ kernel + bias, atol=1e-6)


def test_formula_within_a_range():
    model = head(low=-3, high=5)
    kernel, bias = model.get_weights()
    expected = -3 + 8 / (1 + np.exp(-(X @ kernel + bias)))
    np.testing.assert_allclose(np.asarray(model({"embedding": X})["values"]), expected, atol=1e-5)
    far = np.asarray(model({"embedding": 1e3 * X})["values"])
    assert far.min() >= -3
    assert far.max() <= 5
    assert np.ptp(far) > 7.9


@pytest.mark.parametrize("given", [{}, {"low": 0, "high": 1}])
def test_gradients(given):
    model = head(**given)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model({"embedding": X})["values"]))
    assert all(np.any(g) for g in tape.gradient(loss, [w.value for w in model.trainable_variables]))


@pytest.mark.parametrize("given", [{"low": 0}, {"high": 1}, {"low": 1, "high": 1}])
def test_regressor_incomplete_range_raises(given):
    with pytest.raises(ValueError, match=r"low < high, or neither. Received: low="):
        head(**given)


def test_on_device_without_a_range(tmp_path, gpu):
    check_on_device(head(), {"embedding": X}, tmp_path, gpu)
