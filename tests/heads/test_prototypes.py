"""Soft assignments against the formulas of DEC and SwAV in NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import check_on_device, randomize

from mmzoo.heads.prototypes import prototypes
from mmzoo.models.transfer import read_model

X = np.random.default_rng(0).normal(size=(5, 8)).astype("float32")
KINDS = {"student": {"alpha": 1.0}, "student_3": {"alpha": 3.0}, "cosine": {"kernel": "cosine", "temperature": 0.2}}


def head(kind):
    x = keras.Input((8,), name="embedding")
    model = keras.Model({"embedding": x}, {"probabilities": prototypes(x, 6, **KINDS[kind])})
    randomize(model)
    return model


def formula(x, centers, kernel="student", alpha=1.0, temperature=0.1):
    if kernel == "student":
        squared = ((x[:, None] - centers[None]) ** 2).sum(axis=-1)
        q = (1 + squared / alpha) ** (-(alpha + 1) / 2)
    else:
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        q = np.exp(x @ (centers / np.linalg.norm(centers, axis=1, keepdims=True)).T / temperature)
    return q / q.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("kind", KINDS)
def test_formula(kind):
    model = head(kind)
    (centers,) = model.get_weights()
    answer = np.asarray(model({"embedding": X})["probabilities"])
    np.testing.assert_allclose(answer, formula(X, centers[0], **KINDS[kind]), atol=1e-5)
    np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_prototype_is_assigned_to_itself(kind):
    model = head(kind)
    (centers,) = model.get_weights()
    assert centers.shape == (1, 6, 8)
    model.get_layer("prototypes").set_weights([10 * centers])
    answer = np.asarray(model({"embedding": 10 * centers[0]})["probabilities"])
    assert answer.argmax(axis=1).tolist() == list(range(6))


@pytest.mark.parametrize("kind", KINDS)
def test_every_prototype_gets_a_gradient(kind):
    model = head(kind)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(tf.math.log(model({"embedding": X})["probabilities"][:, :2]))
    (gradient,) = tape.gradient(loss, [w.value for w in model.trainable_variables])
    assert np.abs(gradient[0]).max(axis=1).min() > 0


@pytest.mark.parametrize("kind", ["student_3", "cosine"])
def test_on_device(kind, tmp_path, gpu):
    check_on_device(head(kind), {"embedding": X}, tmp_path, gpu)


def test_survives_save_and_load(tmp_path):
    model = head("student")
    model.save(tmp_path / "m.keras")
    again = read_model(tmp_path / "m.keras")({"embedding": X})
    np.testing.assert_array_equal(again["probabilities"], model({"embedding": X})["probabilities"])


def test_prototypes_unknown_kernel_raises():
    with pytest.raises(ValueError, match=r"student or cosine. Received: kernel='gauss'"):
        prototypes(keras.Input((8,)), 6, kernel="gauss")
