"""Box reasoning: encoders invariant to position, and the reasoner by its formula."""

import numpy as np
import pytest
from on_device import randomize

from mmzoo.data.sources import nlvr
from mmzoo.models.box_reasoning import box_encoder, reasoner, sentence_encoder

SHAPE = (nlvr.HEIGHT, nlvr.WIDTH, 3)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, *SHAPE), np.uint8)
    images[:, :, 50:75] = images[:, :, 125:150] = 128
    return images


@pytest.fixture
def seeing():
    model = box_encoder(SHAPE, nlvr.COLUMNS, 8)
    randomize(model)
    return model


def test_box_encoder_is_invariant_to_box_position(seeing, pictures):
    boxes = [pictures[:, :, first:last] for first, last in nlvr.COLUMNS]
    other, between = [boxes[i] for i in (2, 0, 1)], pictures[:, :, 50:75]
    moved = np.concatenate([other[0], between, other[1], between, other[2]], axis=2)
    held, again = (np.asarray(seeing(x)) for x in (pictures, moved))
    assert held.shape == (2, 1, 3, 8)
    np.testing.assert_allclose(again, held[:, :, [2, 0, 1]], rtol=1e-5, atol=1e-5)
    assert np.abs(held[:, :, 0] - held[:, :, 1]).max() > 1e-3


def test_box_encoder_mean_output_averages_boxes(seeing, pictures):
    mean = box_encoder(SHAPE, nlvr.COLUMNS, 8, output="mean")
    mean.set_weights(seeing.get_weights())
    held = np.asarray(seeing(pictures))[:, 0].mean(axis=1)
    np.testing.assert_allclose(np.asarray(mean(pictures)), held, rtol=1e-4, atol=1e-5)


def test_box_encoder_sums_over_cells(seeing, pictures):
    by_place = box_encoder(SHAPE, nlvr.COLUMNS, 8, output="places")
    by_place.set_weights(seeing.get_weights())
    logits = np.asarray(by_place(pictures)).reshape(2, 7, 3, 7, 8)
    held = (1 / (1 + np.exp(-logits))).sum(axis=(1, 3))
    np.testing.assert_allclose(np.asarray(seeing(pictures))[:, 0], held, rtol=1e-4)


def test_sentence_encoder_is_invariant_to_padding_content():
    model = sentence_encoder(32, 8, units=24)
    randomize(model)
    ids = np.random.default_rng(0).integers(3, 259, (1, 32)).astype("int32")
    ids[:, 12:] = 0
    other = ids.copy()
    other[:, 3] += 1
    told, changed = (np.asarray(model(x)) for x in (ids, other))
    assert told.shape == (1, 8)
    assert np.abs(told - changed).max() > 1e-4


def asked(x, question, weights, name):
    """Scale and shift `x` `(..., D)`, with ReLU."""
    scale, shift = (
        question @ weights[f"{name}_{role}"][0] + weights[f"{name}_{role}"][1] for role in ("scale", "shift")
    )
    return np.maximum(x * (1 + scale) + shift, 0)


def test_reasoner_formula():
    model = reasoner(2, (3, 5), 4, units=6, counts=2)
    randomize(model)
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}
    rng = np.random.default_rng(0)
    holds, question = rng.normal(size=(1, 2, 3, 5)).astype("float32"), rng.normal(size=(1, 4)).astype("float32")
    told = np.asarray(model([holds, question]))
    assert told.shape == (1, 2, 1, 4)
    q = question[0]

    def dense(x, name):
        return x @ weights[name][0] + weights[name][1]

    sums = holds[0] @ dense(q, "weights").reshape(5, 2) + dense(q, "offset")
    x = np.maximum(np.concatenate([sums, -sums], axis=-1), 0)
    first = asked(dense(x, "judge1"), q, weights, "asked1")
    x = asked(dense(first, "judge2"), q, weights, "asked2")
    over = np.concatenate([x.max(axis=1), x.mean(axis=1), x.min(axis=1), first.mean(axis=1)], axis=-1)
    x = np.maximum(dense(asked(dense(over, "judge3"), q, weights, "asked3"), "told"), 0)
    np.testing.assert_allclose(told[0, :, 0], x, rtol=1e-4, atol=1e-5)
    turned = np.asarray(model([holds[:, :, [1, 2, 0]], question]))
    np.testing.assert_allclose(turned, told, rtol=1e-4, atol=1e-5)


def test_reasoner_one_scene_equals_many():
    many, one = (reasoner(scenes, (3, 5), 4) for scenes in (2, 1))
    randomize(many)
    one.set_weights(many.get_weights())
    rng = np.random.default_rng(0)
    holds, question = rng.normal(size=(2, 2, 3, 5)).astype("float32"), rng.normal(size=(2, 4)).astype("float32")
    both = np.asarray(many([holds, question]))
    np.testing.assert_allclose(np.asarray(one([holds[:, :1], question])), both[:, :1], rtol=1e-5, atol=1e-6)
