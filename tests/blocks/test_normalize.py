"""Safe normalization."""

import keras
import numpy as np
from on_device import check_on_device

from mmzoo.blocks.normalize import unit_norm


def test_unit_norm_has_length_one_and_keeps_zero():
    x = np.random.default_rng(0).normal(size=(5, 12)).astype("float32") * 10
    x[2] = 0
    y = np.asarray(unit_norm(x))
    expected = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    assert not y[2].any()


def test_gradient_is_finite_at_zero():
    import tensorflow as tf

    x = tf.zeros((1, 8))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(unit_norm(x))
    assert np.isfinite(tape.gradient(y, x)).all()


def test_on_device_between_dense_layers(tmp_path, gpu):
    x = keras.Input((12,), name="x")
    y = keras.layers.Dense(4)(unit_norm(keras.layers.Dense(16)(x)))
    inputs = {"x": np.random.default_rng(0).normal(size=(4, 12)).astype("float32")}
    operators = check_on_device(keras.Model({"x": x}, {"y": y}), inputs, tmp_path, gpu)
    assert "L2_NORMALIZATION" not in operators
