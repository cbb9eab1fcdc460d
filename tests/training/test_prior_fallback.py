"""Tests of the class-prior fallback for modality subsets that do not beat the majority class."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from epochs import small_recipe

from mmzoo.blocks.presence import SharesWhereUnknown
from mmzoo.experiment import Experiment
from mmzoo.training.prior_fallback import fit_prior_fallback

LABELS = np.array([0, 0, 0, 1, 1, 2])


def model_of(*layers):
    """Return a model that predicts from `good` if present, else from `noise`."""
    good, noise = keras.Input((3,), name="good"), keras.Input((3,), name="noise")
    present = keras.Input((2,), name="present")
    first = present[:, :1]
    output = keras.layers.Softmax(name="probabilities")(9 * (good * first + noise * present[:, 1:] * (1 - first)))
    for layer in layers:
        output = layer([output, present])
    return keras.Model({"good": good, "noise": noise, "present": present}, output)


def test_fit_prior_fallback_uninformative_pattern_is_unknown():
    there = np.ones((6, 2), np.float32)
    there[5, 1] = 0
    inputs = {"good": np.eye(3)[LABELS], "noise": np.eye(3)[[1, 1, 1, 0, 0, 2]], "present": there}
    recipe = small_recipe(dataset=lambda split, config, epoch: tf.data.Dataset.from_tensors((inputs, LABELS)))
    layer = SharesWhereUnknown(name="answer")
    model, history = fit_prior_fallback(model_of(layer), {"loss": [1]}, Experiment(recipe, None))
    assert history == {"loss": [1]}
    known, shares = layer.get_weights()
    np.testing.assert_allclose(shares, [3 / 6, 2 / 6, 1 / 6])
    assert known.tolist() == [0, 0, 1, 1]  # nothing, noise, good, both
    answer = model.predict({**inputs, "present": np.tile([[0.0, 1.0]], (6, 1))}, verbose=0)
    np.testing.assert_allclose(answer, np.tile(shares, (6, 1)))


@pytest.mark.parametrize(("rows", "known"), [(30, [0, 0, 1, 1]), (300, [0, 1, 1, 1])])
def test_fit_prior_fallback_chance_gain_is_unknown(rows, known):
    """Check significance: 17 of 30 against 15 of 30 is chance, ten times as many rows are not."""
    labels = np.tile([0] * 15 + [1] * 15, rows // 30)
    wrong = np.tile([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1] + [1] * 11 + [0] * 4, rows // 30)
    inputs = {"good": np.eye(3)[labels], "noise": np.eye(3)[wrong], "present": np.ones((rows, 2), np.float32)}
    recipe = small_recipe(dataset=lambda split, config, epoch: tf.data.Dataset.from_tensors((inputs, labels)))
    layer = SharesWhereUnknown(name="answer")
    fit_prior_fallback(model_of(layer), {}, Experiment(recipe, None))
    assert layer.get_weights()[0].tolist() == known


def test_fit_prior_fallback_only_modality_is_known():
    """An unimodal model returns the prior where its modality is missing, and only there."""
    noise, present = keras.Input((3,), name="noise"), keras.Input((1,), name="present")
    layer = SharesWhereUnknown(name="answer")
    model = keras.Model({"noise": noise, "present": present}, layer([keras.layers.Softmax()(noise), present]))
    inputs = {"noise": np.eye(3)[[1, 1, 1, 0, 0, 2]], "present": np.ones((6, 1), np.float32)}
    recipe = small_recipe(dataset=lambda split, config, epoch: tf.data.Dataset.from_tensors((inputs, LABELS)))
    fit_prior_fallback(model, {}, Experiment(recipe, None))
    assert layer.get_weights()[0].tolist() == [0, 1]


def test_fit_prior_fallback_model_without_layer_is_unchanged():
    model = model_of()
    assert fit_prior_fallback(model, {}, None) == (model, {})
