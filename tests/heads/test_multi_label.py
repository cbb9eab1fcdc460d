"""The multi-label head against NumPy, with gradients to every weight."""

import keras
import numpy as np
import tensorflow as tf
from on_device import randomize

from mmzoo.heads.multi_label import multi_label

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")


def head():
    x = keras.Input((8,), name="embedding")
    model = keras.Model(x, multi_label(x, 3))
    randomize(model)
    return model


def test_formula():
    model = head()
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(np.asarray(model(X)), 1 / (1 + np.exp(-(X @ kernel + bias))), atol=1e-6)


def test_multi_label_classes_are_independent():
    model = head()
    before = np.asarray(model(X))
    kernel, bias = model.get_weights()
    model.set_weights([kernel, bias + np.array([9, 0, 0], "float32")])
    after = np.asarray(model(X))
    assert (after[:, 0] > before[:, 0]).all()
    np.testing.assert_array_equal(after[:, 1:], before[:, 1:])


def test_gradients():
    model = head()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(X)))
    assert all(np.any(g) for g in tape.gradient(loss, [w.value for w in model.trainable_variables]))
