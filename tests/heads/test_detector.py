"""The detection head: boxes against NumPy cell by cell, and learning of object positions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import check_on_device, randomize

from mmzoo.heads.detector import PRIOR, detector
from mmzoo.metrics.boxes import decode_centers, iou

X = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype("float32")


def build():
    x = keras.Input((4, 6, 8), name="features")
    return keras.Model({"features": x}, detector(x, 3, stride=8, units=16))


@pytest.fixture
def head():
    model = build()
    randomize(model)
    return model


def test_starts_with_few_centers():
    answer = np.asarray(build()({"features": 0 * X})["heatmap"])
    np.testing.assert_allclose(answer, PRIOR, rtol=1e-4)


def test_formula(head):
    answer = {name: np.asarray(y) for name, y in head({"features": X}).items()}
    hidden = {
        name: np.asarray(keras.Model(head.input, head.get_layer(f"{name}_hidden_relu").output)({"features": X}))
        for name in ("heatmap", "boxes")
    }

    def points(name, branch):
        kernel, bias = head.get_layer(name).get_weights()
        return 1 / (1 + np.exp(-(hidden[branch] @ kernel[0, 0] + bias)))

    np.testing.assert_allclose(answer["heatmap"], points("heatmap", "heatmap"), atol=1e-5)
    sides = points("sides", "boxes") * 48  # the longer side of a picture of 32x48 pixels
    assert answer["boxes"].shape == (2, 4, 6, 4)
    for row in range(4):
        for column in range(6):
            y, x = row * 8 + 4, column * 8 + 4
            left, top, right, bottom = np.moveaxis(sides[:, row, column], -1, 0)
            expected = np.stack([x - left, y - top, x + right, y + bottom], axis=-1)
            np.testing.assert_allclose(answer["boxes"][:, row, column], expected, atol=1e-4)


def test_learns_a_box(head):
    target = np.zeros((2, 4, 6, 3), "float32")
    target[0, 1, 4, 2] = target[1, 3, 0, 1] = 1
    boxes = np.array([[26.0, 9, 45, 20], [0, 20, 12, 32]], "float32")
    optimizer = keras.optimizers.Adam(0.02)
    variables = head.trainable_variables
    optimizer.build(variables)

    @tf.function
    def learn():
        with tf.GradientTape() as tape:
            answer = head({"features": X}, training=True)
            wrong = keras.losses.binary_crossentropy(target, answer["heatmap"])
            at = tf.stack([answer["boxes"][0, 1, 4], answer["boxes"][1, 3, 0]])
            loss = 10 * tf.reduce_mean(wrong) + tf.reduce_mean(tf.abs(at - boxes)) / 8
        gradients = tape.gradient(loss, [w.value for w in variables])
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return gradients

    assert all(np.any(g) for g in learn())
    for _ in range(80):
        learn()
    answer = head({"features": X}, training=True)
    for k, label in enumerate([2, 1]):
        found, _, labels = decode_centers(answer["heatmap"][k], answer["boxes"][k], threshold=0.5)
        assert labels.tolist() == [label]
        assert iou(found, boxes[k : k + 1]).item() > 0.8


def test_detector_on_device_with_rectangular_image(head, tmp_path, gpu):
    check_on_device(head, {"features": X}, tmp_path, gpu)
