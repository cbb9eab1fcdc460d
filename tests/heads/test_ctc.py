"""The CTC head against NumPy, the loss of Keras, and decoding."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import randomize

from mmzoo.heads.ctc import ctc
from mmzoo.metrics.decode import beam_ctc, greedy_ctc

X = np.random.default_rng(0).normal(size=(3, 6, 8)).astype("float32")
TARGET = np.array([[1, 2, 0], [2, 2, 0], [4, 1, 3]], "int32")  # 0 pads
LENGTH = np.array([2, 2, 3], "int32")


def head():
    x = keras.Input((6, 8), name="frames")
    model = keras.Model(x, ctc(x, 4))
    randomize(model)
    return model


def loss(answer):
    return keras.ops.ctc_loss(TARGET, answer, LENGTH, np.full(3, 6, "int32"))


def test_formula():
    model = head()
    kernel, bias = model.get_weights()
    logits = (X @ kernel + bias).astype("float64")
    expected = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    answer = np.asarray(model(X))
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    np.testing.assert_allclose(np.exp(answer).sum(axis=-1), 1, atol=1e-5)


def test_far_logits_stay_finite():
    answer = np.asarray(head()(1e4 * X))
    assert np.isfinite(answer).all()
    np.testing.assert_allclose(answer.max(axis=-1), 0, atol=1e-5)


def test_ctc_loss_of_keras_equals_beam_probability():
    answer = np.asarray(head()(X))
    for row, target, length, expected in zip(answer, TARGET, LENGTH, np.asarray(loss(answer)), strict=True):
        found = {tuple(labels): score for labels, score in beam_ctc(row, width=10**6)}
        assert -found[tuple(target[:length])] == pytest.approx(expected, rel=1e-4)


def test_every_weight_gets_a_gradient():
    model = head()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(model(X)))
    assert all(np.any(g) for g in tape.gradient(total, [w.value for w in model.trainable_variables]))


def test_ctc_learns_labels():
    model = head()
    model.compile(keras.optimizers.Adam(0.1), loss=lambda _, answer: loss(answer), jit_compile=False)
    frames, target = np.tile(X, (60, 1, 1)), np.tile(TARGET, (60, 1))
    model.fit(frames, target, batch_size=3, shuffle=False, verbose=0)
    for row, target, length in zip(np.asarray(model(X)), TARGET, LENGTH, strict=True):
        assert greedy_ctc(row) == target[:length].tolist()
