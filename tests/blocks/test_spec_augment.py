"""SpecAugment: masks in training, none in inference, and the saved generator state."""

import keras
import numpy as np
import pytest

from mmzoo.blocks.spec_augment import SpecAugment

GIVEN = np.random.default_rng(0).normal(size=(500, 40, 16)).astype("float32")


def hidden_of(layer):
    """Return the mask `(500, 40, 16)` of changed values, which must equal the example's mean."""
    told = np.asarray(layer(GIVEN, training=True))
    hidden = told != GIVEN
    mean = np.broadcast_to(GIVEN.mean(axis=(1, 2), keepdims=True), GIVEN.shape)
    np.testing.assert_allclose(told[hidden], mean[hidden], atol=1e-5)
    return hidden


def test_spec_augment_masks_one_span_and_one_band():
    hidden = hidden_of(SpecAugment(1, frames=10, bands=4))
    frames, bands = hidden.all(axis=2), hidden.all(axis=1)
    np.testing.assert_array_equal(hidden, frames[:, :, None] | bands[:, None])
    for shown, widest in ((frames, 10), (bands, 4)):
        edges = np.abs(np.diff(np.pad(shown, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1)
        assert set(edges) == {0, 2}, "one stretch, or none"
        counts = np.bincount(shown.sum(axis=1), minlength=widest + 1) / len(shown)
        assert len(counts) == widest + 1
        np.testing.assert_allclose(counts, 1 / (widest + 1), atol=0.07)
        np.testing.assert_allclose(shown.mean(axis=0)[[0, -1]] > 0, True)


def test_spec_augment_more_masks_hide_more():
    shares = [hidden_of(SpecAugment(count, frames=10, bands=4)).mean() for count in (1, 3)]
    assert shares[1] > 1.8 * shares[0]
    assert not hidden_of(SpecAugment(0)).any()


def test_spec_augment_inference_changes_nothing():
    np.testing.assert_array_equal(SpecAugment(2, 10, 4)(GIVEN, training=False), GIVEN)
    np.testing.assert_array_equal(SpecAugment(2, 10, 4)(GIVEN), GIVEN)


def test_draws_differ_and_follow_the_seed():
    one, same, other = (SpecAugment(2, 10, 4, seed=seed) for seed in (1, 1, 2))
    first, second = hidden_of(one), hidden_of(one)
    assert (first != second).any()
    np.testing.assert_array_equal(hidden_of(same), first)
    assert (hidden_of(other) != first).any()


def test_spec_augment_saves_the_generator_state(tmp_path):
    def model():
        x = keras.Input(GIVEN.shape[1:])
        return keras.Model(x, SpecAugment(2, 10, 4, seed=5, name="hide")(x))

    one, other = model(), model()
    one(GIVEN, training=True)
    one.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(one(GIVEN, training=True), other(GIVEN, training=True))
    one.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", {"SpecAugment": SpecAugment}, compile=False)
    layer = read.get_layer("hide")
    assert (layer.count, layer.frames, layer.bands, layer.seed) == (2, 10, 4, 5)
    np.testing.assert_array_equal(one(GIVEN, training=True), read(GIVEN, training=True))


@pytest.mark.parametrize("widths", [(1, -1, 4), (1, 41, 4), (1, 10, 17), (-1, 10, 4)])
def test_spec_augment_bad_widths_raise(widths):
    with pytest.raises(ValueError, match=r"SpecAugment expects .* Received:"):
        SpecAugment(*widths)(GIVEN)
