"""Where what is present tells nothing on the validation rows, a model answers with the shares of the classes."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.blocks.presence import SharesWhereUnknown
from mmzoo.training.prior_fallback import settle

LABELS = np.array([0, 0, 0, 1, 1, 2])


def model_of(*layers):
    """Return a model that answers what `good` says where it is there, else what `noise` says."""
    good, noise = keras.Input((3,), name="good"), keras.Input((3,), name="noise")
    present = keras.Input((2,), name="present")
    first = present[:, :1]
    told = keras.layers.Softmax(name="probabilities")(9 * (good * first + noise * present[:, 1:] * (1 - first)))
    for layer in layers:
        told = layer([told, present])
    return keras.Model({"good": good, "noise": noise, "present": present}, told)


def test_a_pattern_that_tells_nothing_is_unknown():
    there = np.ones((6, 2), np.float32)
    there[5, 1] = 0
    inputs = {"good": np.eye(3)[LABELS], "noise": np.eye(3)[[1, 1, 1, 0, 0, 2]], "present": there}
    recipe = SimpleNamespace(dataset=lambda split, config: tf.data.Dataset.from_tensors((inputs, LABELS)))
    layer = SharesWhereUnknown(name="answer")
    model, history = settle(model_of(layer), {"loss": [1]}, recipe, None)
    assert history == {"loss": [1]}
    known, shares = layer.get_weights()
    np.testing.assert_allclose(shares, [3 / 6, 2 / 6, 1 / 6])
    assert known.tolist() == [0, 0, 1, 1]  # nothing, noise, good, both
    answer = model.predict({**inputs, "present": np.tile([[0.0, 1.0]], (6, 1))}, verbose=0)
    np.testing.assert_allclose(answer, np.tile(shares, (6, 1)))


@pytest.mark.parametrize(("rows", "known"), [(30, [0, 0, 1, 1]), (300, [0, 1, 1, 1])])
def test_what_is_right_more_often_by_chance_is_unknown(rows, known):
    """`noise` is right in 17 of 30 rows, the most frequent class in 15; of ten times as many it is no chance."""
    labels = np.tile([0] * 15 + [1] * 15, rows // 30)
    wrong = np.tile([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1] + [1] * 11 + [0] * 4, rows // 30)
    inputs = {"good": np.eye(3)[labels], "noise": np.eye(3)[wrong], "present": np.ones((rows, 2), np.float32)}
    recipe = SimpleNamespace(dataset=lambda split, config: tf.data.Dataset.from_tensors((inputs, labels)))
    layer = SharesWhereUnknown(name="answer")
    settle(model_of(layer), {}, recipe, None)
    assert layer.get_weights()[0].tolist() == known


def test_a_model_without_the_layer_stays():
    model = model_of()
    assert settle(model, {}, None, None) == (model, {})
