"""The Keras losses recommended by `mmzoo.losses`, against their equations."""

import keras
import numpy as np
import pytest

import mmzoo.losses


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_named_keras_losses_exist():
    quoted = mmzoo.losses.__doc__.split("`")[1::2]
    named = {word.split("(")[0] for word in quoted if word[0].isupper()}
    assert "BinaryFocalCrossentropy" in named
    assert named <= set(vars(keras.losses))


def test_binary_focal_equals_its_equation():
    y, p = (draw(4, 3) > 0).astype("float32"), 1 / (1 + np.exp(-draw(4, 3, seed=1)))
    sure = np.where(y == 1, p, 1 - p)
    expected = np.mean(-((1 - sure) ** 2) * np.log(sure), axis=1)
    np.testing.assert_allclose(keras.losses.BinaryFocalCrossentropy(reduction=None)(y, p), expected, rtol=1e-4)


def test_smoothed_labels_equal_torch():
    from torch import tensor
    from torch.nn.functional import cross_entropy

    logits, label = draw(4, 3), np.array([0, 2, 1, 1])
    own = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
    expected = float(cross_entropy(tensor(logits), tensor(label), label_smoothing=0.1))
    assert float(own(np.eye(3)[label], logits)) == pytest.approx(expected, rel=1e-5)


def test_features_of_a_teacher():
    a, b = draw(4, 6), draw(4, 6, seed=1)
    cosines = np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert float(keras.losses.CosineSimilarity()(a, b)) == pytest.approx(-cosines.mean(), rel=1e-4)
    assert float(keras.losses.MeanSquaredError()(a, b)) == pytest.approx(np.mean((a - b) ** 2), rel=1e-5)
    assert np.isfinite(float(keras.losses.CosineSimilarity()(a, 0 * b)))
