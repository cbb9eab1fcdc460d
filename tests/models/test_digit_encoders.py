"""The encoders of the digit recipes, and the decoders of their pretraining."""

import keras
import numpy as np
import pytest
from on_device import randomize

from mmzoo.data.sources.digit_facts import SIZES, sizes_of
from mmzoo.models.digit_encoders import digit_encoders, with_map
from mmzoo.models.patch_decoder import map_decoder, patch_decoder
from mmzoo.recipes import spoken_digits


def shapes(model):
    return [weight.shape for weight in model.weights]


def test_names_and_shapes():
    encoders = digit_encoders(SIZES, 24)
    assert {name: encoder.name for name, encoder in encoders.items()} == {
        "image": "image_encoder",
        "audio": "audio_encoder",
        "text": "text_encoder",
    }
    assert all(encoder.output.shape == (None, 24) for encoder in encoders.values())
    with pytest.raises(ValueError, match="video"):
        digit_encoders({"video": (8,)})


def test_digit_encoders_equal_spoken_digits():
    theirs = spoken_digits.build(spoken_digits.Config())
    for encoder in digit_encoders(sizes_of(("image", "audio"))).values():
        other = theirs.get_layer(encoder.name)
        assert [layer.name for layer in encoder.layers] == [layer.name for layer in other.layers]
        assert shapes(encoder) == shapes(other)


@pytest.mark.parametrize("modality", ["image", "audio"])
def test_with_map_is_the_same_encoder(modality):
    encoder = digit_encoders(sizes_of((modality,)), 16)[modality]
    randomize(encoder)
    twin = with_map(encoder)
    assert twin.name == encoder.name
    assert [w.path for w in twin.weights] == [w.path for w in encoder.weights]
    rng = np.random.default_rng(0)
    x = {"image": rng.integers(0, 256, (2, 28, 28, 1)).astype("uint8"), "audio": rng.normal(0, 0.2, (2, 8000))}[
        modality
    ]
    seen = twin(x)
    np.testing.assert_array_equal(seen["embedding"], encoder(x))
    pooled = np.asarray(seen["map"]).mean(axis=(1, 2))
    dense = encoder.get_layer("embedding")
    np.testing.assert_allclose(
        seen["embedding"], np.maximum(0, pooled @ dense.kernel + dense.bias), rtol=1e-3, atol=1e-3
    )


def relu(x):
    return np.maximum(x, 0)


def test_patch_decoder_is_its_formula():
    z = keras.Input((3,))
    model = keras.Model(z, patch_decoder(z, 5, 6, units=4))
    randomize(model)
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    places, hidden, patches = (model.get_layer(f"decoder_{n}").get_weights() for n in ("places", "hidden", "patches"))
    expected = relu(x @ places[0] + places[1]).reshape(2, 5, 4)
    expected = relu(expected @ hidden[0] + hidden[1]) @ patches[0] + patches[1]
    np.testing.assert_allclose(model(x), expected, atol=1e-5)


def test_map_decoder_depends_on_its_cell_and_the_embedding():
    z, features = keras.Input((3,)), keras.Input((13, 1, 8))
    model = keras.Model([z, features], map_decoder(z, features, 14, 6, units=8))
    randomize(model)
    rng = np.random.default_rng(0)
    x, there = rng.normal(size=(1, 3)).astype("float32"), rng.normal(size=(1, 13, 1, 8)).astype("float32")
    before = np.asarray(model([x, there]))
    assert before.shape == (1, 14, 6)
    there[:, 6] += 5
    moved = np.abs(np.asarray(model([x, there])) - before).max(axis=(0, 2)) > 1e-6
    assert moved.nonzero()[0].tolist() == [5, 6, 7], "a place tells its own patch and those beside it"
    assert (np.abs(np.asarray(model([x + 1, there])) - np.asarray(model([x, there]))).max(axis=(0, 2)) > 1e-6).all()
    with pytest.raises(ValueError, match="at most 12 places"):
        map_decoder(z, features, 12, 6)
