"""Auxiliary unimodal predictions: selection by presence, and the training output."""

import itertools

import keras
import numpy as np
import pytest

from mmzoo.blocks.auxiliary import Beside, MeanAnswer, MeanOfAvailable, OnlyOne

RNG = np.random.default_rng(0)
CLASSES = 4


def told(count, rows):
    """Draw `count` predictions of `rows` rows."""
    return [RNG.dirichlet(np.ones(CLASSES), rows).astype("float32") for _ in range(count)]


@pytest.mark.parametrize("modalities", [2, 3])
def test_only_one_selects_unimodal_prediction_of_single_modality(modalities):
    present = np.array([*itertools.product((0, 1), repeat=modalities)], "float32")
    together, *alone = told(1 + modalities, len(present))
    answer = np.asarray(OnlyOne()([together, *alone, present]))
    for i, row in enumerate(present):
        expected = alone[row.argmax()][i] if row.sum() == 1 else together[i]
        np.testing.assert_allclose(answer[i], expected, atol=1e-7)


def test_mean_of_available_counts_models_of_available_modalities():
    present = np.array([*itertools.product((0, 1), repeat=2)], "float32")
    together, first, second = told(3, len(present))
    answer = np.asarray(MeanOfAvailable([-1, 0, 1])([together, first, second, present]))
    alone = np.asarray(MeanOfAvailable([0, 1])([first, second, present]))
    for i, row in enumerate(present):
        taken = [one[i] for one, there in zip((first, second), row, strict=True) if there]
        np.testing.assert_allclose(answer[i], np.mean([together[i], *taken], axis=0), atol=1e-6)
        np.testing.assert_allclose(alone[i], np.mean(taken, axis=0) if taken else 0, atol=1e-6)
    layer = MeanOfAvailable([-1, 0])
    assert MeanOfAvailable.from_config(layer.get_config()).modalities == [-1, 0]


def test_beside_appends_auxiliary_predictions_in_training_only():
    present = np.array([[1, 1], [1, 0], [0, 1]], "float32")
    answer, together, first, second = told(4, 3)
    inputs = [answer, together, first, second, present]
    np.testing.assert_array_equal(Beside()(inputs), answer)
    np.testing.assert_array_equal(Beside()(inputs, training=False), answer)
    seen = np.asarray(Beside()(inputs, training=True)).reshape(3, 3, CLASSES)
    np.testing.assert_array_equal(seen[:, 0], together)
    np.testing.assert_allclose(seen[:, 1], [first[0], first[1], together[2]], atol=1e-7)
    np.testing.assert_allclose(seen[:, 2], [second[0], together[1], second[2]], atol=1e-7)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_mean_answer_averages_and_appends_members_in_training(count):
    answers = told(count, 5)
    np.testing.assert_allclose(MeanAnswer()(answers), np.mean(answers, axis=0), atol=1e-6)
    seen = np.asarray(MeanAnswer()(answers, training=True)).reshape(5, 1 + count, CLASSES)
    np.testing.assert_allclose(seen[:, 0], np.mean(answers, axis=0), atol=1e-6)
    np.testing.assert_array_equal(seen[:, 1:], np.stack(answers, axis=1))


def test_layers_in_a_graph_keep_the_prediction_shape():
    answer, together, alone = (keras.Input((CLASSES,)) for _ in range(3))
    present = keras.Input((1,))
    assert MeanAnswer()([answer, together]).shape == (None, CLASSES)
    assert OnlyOne()([together, alone, present]).shape == (None, CLASSES)
    assert Beside()([answer, together, alone, present]).shape == (None, CLASSES)
