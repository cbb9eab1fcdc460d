"""Encoders cut before their pooling, and streams over their tokens."""

from functools import partial

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_gradients

from mmzoo.encoders.audio_transformer import audio_transformer
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.text_transformer import text_transformer
from mmzoo.encoders.vit_tiny import vit_tiny
from mmzoo.fusion.concat import concat
from mmzoo.heads.classifier import classifier
from mmzoo.models.multi_stream import multi_stream
from mmzoo.models.single_stream import single_stream
from mmzoo.models.tokens import tokens_of

HEAD = partial(classifier, num_classes=4)
IDS = np.array([[5, 9, 2, 0, 0, 0], [7, 2, 0, 0, 0, 0], [4, 4, 4, 4, 4, 2]], "int32")


def encoders():
    small = {"units": 32, "num_layers": 1}
    return {
        "image": vit_tiny((8, 8, 1), 16, name="image_encoder", **small),
        "audio": audio_transformer(4000, 8000, 16, name="audio_encoder", **small),
        "text": text_transformer(6, 16, name="text_encoder", **small),
    }


def examples():
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (3, 8, 8, 1)).astype("uint8"),
        "audio": rng.normal(0, 0.3, (3, 4000)).astype("float32"),
        "text": IDS,
        "present": np.array([[1, 1, 1], [1, 0, 0], [0, 1, 1]], "float32"),
    }


def test_pooled_tokens_are_the_embedding():
    for name, encoder in encoders().items():
        randomize(encoder)
        given = examples()[name]
        tokens = np.asarray(tokens_of(encoder)(given))
        count = (IDS > 0).sum(axis=1, keepdims=True) if name == "text" else tokens.shape[1]
        kernel, bias = encoder.get_layer("embedding").get_weights()
        expected = np.maximum((tokens.sum(axis=1) / count) @ kernel + bias, 0)
        np.testing.assert_allclose(np.asarray(encoder(given)), expected, atol=2e-5)
        assert tokens_of(encoder).name == encoder.name


def test_tokens_of_text_padding_are_zero():
    tokens = np.asarray(tokens_of(encoders()["text"])(IDS))
    np.testing.assert_array_equal((tokens == 0).all(axis=-1), IDS == 0)


@pytest.mark.parametrize("wire", [single_stream, partial(multi_stream, fuse=concat)], ids=["single", "multi"])
def test_streams_join_real_encoders(wire, tmp_path, gpu):
    model = wire({name: tokens_of(encoder) for name, encoder in encoders().items()}, head=HEAD, num_layers=1)
    randomize(model)
    check_gradients(keras.Model(model.input, {"probabilities": model.output}), examples())
    check_on_device(keras.Model(model.input, {"probabilities": model.output}), examples(), tmp_path, gpu)


def test_tokens_of_bad_layer_raises():
    with pytest.raises(ValueError, match=r"tokens_of expects a layer of light_cnn: .*Received: layer='norm'"):
        tokens_of(light_cnn((8, 8, 1), 8))
    with pytest.raises(ValueError, match=r"\(B, T, D\)\. Received: layer='pool' of shape \(None, 32\)"):
        tokens_of(encoders()["image"], "pool")
