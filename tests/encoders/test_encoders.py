"""Every encoder: shapes, names, a front end to cut at, gradients, and the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_gradients

from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn

ENCODERS = {
    "light_cnn": lambda: light_cnn((28, 28, 1), 24),
    "light_cnn_color": lambda: light_cnn((33, 47, 3), 24, widths=(8, 16, 16)),
    "light_cnn_separable": lambda: light_cnn((28, 28, 1), 24, block="separable"),
    "light_cnn_inverted": lambda: light_cnn((28, 28, 1), 24, block="inverted", excite=True),
    "log_mel_cnn": lambda: log_mel_cnn(8000, 8000, 24),
    "log_mel_cnn_16k": lambda: log_mel_cnn(16000, 16000, 24, widths=(32, 48), num_mels=64),
}


@pytest.fixture(params=ENCODERS)
def encoder(request):
    return ENCODERS[request.param]()


def examples(encoder, count=3):
    rng = np.random.default_rng(0)
    shape = (count, *encoder.input.shape[1:])
    if encoder.input.dtype == "uint8":
        return rng.integers(0, 256, shape).astype("uint8")
    return rng.normal(0, 0.2, shape).astype("float32")


def test_encoder_is_a_named_model_with_one_embedding(encoder):
    assert encoder.name in ("light_cnn", "log_mel_cnn")
    assert encoder.output.shape == (None, 24)
    assert encoder.get_layer("front_end") is not None


def test_every_weight_gets_a_gradient(encoder):
    randomize(encoder)
    check_gradients(encoder, examples(encoder))


def test_on_device(encoder, tmp_path, gpu):
    randomize(encoder)
    given = encoder.input.name
    model = keras.Model({given: encoder.input}, {"embedding": encoder.output})
    check_on_device(model, {given: examples(encoder)}, tmp_path, gpu)


def test_image_encoder_scales_images_in_the_graph():
    model = light_cnn((28, 28, 1), 24)
    scaled = keras.Model(model.input, model.get_layer("front_end").output)
    white = np.full((1, 28, 28, 1), 255, "uint8")
    np.testing.assert_allclose(np.asarray(scaled(white)), 1.0, rtol=1e-6)


def test_light_cnn_unknown_block_raises():
    with pytest.raises(ValueError, match=r"one of conv, separable, inverted. Received: block='dense'"):
        light_cnn((28, 28, 1), 24, block="dense")
