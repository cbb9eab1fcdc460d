"""Audio encoders: shapes, receptive fields of first layers, gradients, learning, and the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device
from training_checks import check_gradients, check_memorizes

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.mfcc import Mfcc
from mmzoo.commands.catalogue import randomize
from mmzoo.encoders.audio_conv1d import audio_conv1d
from mmzoo.encoders.audio_transformer import audio_transformer
from mmzoo.encoders.ds_cnn import ds_cnn
from mmzoo.encoders.mfcc_cnn import mfcc_cnn

ENCODERS = {
    "mfcc_cnn": lambda: mfcc_cnn(2000, 8000, 24, widths=(16, 16)),
    "ds_cnn": lambda: ds_cnn(4000, 8000, 24, width=16, num_layers=2),
    "ds_cnn_log_mel": lambda: ds_cnn(4000, 16000, 24, 16, 1, "log_mel", name="ds_cnn_log_mel"),
    "audio_conv1d": lambda: audio_conv1d(2000, 24, widths=(8, 16, 16)),
    "audio_transformer": lambda: audio_transformer(2000, 8000, 24, units=32, num_layers=2, dropout=0.1),
}


@pytest.fixture(params=ENCODERS)
def encoder(request):
    keras.utils.set_random_seed(0)
    model = ENCODERS[request.param]()
    assert model.name == request.param
    return model


def sounds(encoder, count=3):
    """Return tones of different pitch in noise, `(count, samples)`."""
    rng, samples = np.random.default_rng(0), encoder.input.shape[1]
    tones = np.sin(np.arange(samples) * rng.uniform(0.1, 2.5, (count, 1))) * 0.3
    return (tones + rng.normal(0, 0.05, tones.shape)).astype("float32")


def until(encoder, layer):
    return keras.Model(encoder.input, encoder.get_layer(layer).output)


def test_audio_encoder_first_layer_is_the_front_end(encoder):
    assert encoder.input.dtype == "float32"
    assert encoder.output.shape == (None, 24)
    assert encoder.get_layer("front_end").input is encoder.input
    assert encoder.get_layer("embedding").output is encoder.output


def test_audio_encoder_log_mel_front_end_gradients_reach_every_weight():
    model = ENCODERS["ds_cnn_log_mel"]()
    randomize(model)
    check_gradients(model, sounds(model))


def test_audio_encoder_memorizes_sixteen_clips(encoder):
    check_memorizes(encoder, sounds(encoder, 16), np.arange(16) % 4)


def test_on_device(encoder, tmp_path, gpu):
    randomize(encoder)
    model = keras.Model({"audio": encoder.input}, {"embedding": encoder.output})
    check_on_device(model, {"audio": sounds(encoder)}, tmp_path, gpu)


def test_mfcc_cnn_frames_are_25_ms_every_10():
    model = mfcc_cnn(2000, 8000, 24, widths=(16, 16), num_coefficients=12)
    expected = Mfcc(8000, 200, 80, 40, 12)(sounds(model))
    np.testing.assert_allclose(np.asarray(until(model, "front_end")(sounds(model))), np.asarray(expected), atol=1e-5)
    assert model.get_layer("stage0").kernel.shape == (5, 1, 12, 16)


def test_mfcc_cnn_more_coefficients_than_bands_raise():
    with pytest.raises(ValueError, match="Received: num_coefficients=41"):
        mfcc_cnn(2000, 8000, 24, num_coefficients=41)


class TestDsCnn:
    def test_parameters_equal_the_paper(self):
        model = ds_cnn(16000, 16000, 64)
        assert model.get_layer("front_end").output.shape == (None, 49, 10)
        assert model.get_layer("stem").kernel.shape == (10, 4, 1, 64)
        assert model.get_layer("stage3_pointwise").output.shape == (None, 25, 5, 64)

    @pytest.mark.parametrize(("front_end", "layer"), [("mfcc", Mfcc(8000, 320, 160, 40, 10)), ("log_mel", None)])
    def test_frames_are_40_ms_every_20(self, front_end, layer):
        model = ds_cnn(4000, 8000, 24, 16, 1, front_end)
        expected = (layer or LogMel(8000, 320, 160, 40))(sounds(model))
        answer = np.asarray(until(model, "front_end")(sounds(model)))
        np.testing.assert_allclose(answer, np.asarray(expected), atol=1e-5)

    def test_unknown_front_end_raises(self):
        with pytest.raises(ValueError, match=r"one of mfcc, log_mel. Received: front_end='fft'"):
            ds_cnn(8000, 8000, 24, front_end="fft")


class TestAudioConv1d:
    def test_first_layer_is_a_convolution_of_80_samples_every_4(self):
        model = audio_conv1d(2000, 24, widths=(8, 16, 16))
        randomize(model)
        x = sounds(model, 1)
        scaled = (x[0] - x.mean()) / np.sqrt(x.var() + 1e-5)
        (kernel,) = model.get_layer("stage0").get_weights()
        answer = np.asarray(until(model, "stage0")(x))[0, :, 0]
        assert answer.shape == (500, 8)
        # of 20 hops, `same` puts 9 before a step and 10 behind it
        for step in (9, 100, 489):
            heard = scaled[(step - 9) * 4 : (step + 11) * 4]
            np.testing.assert_allclose(answer[step], heard @ kernel.reshape(80, 8), atol=1e-4)

    def test_invariant_to_loudness_and_offset_above_the_floor(self):
        model = audio_conv1d(2000, 24, widths=(8, 16, 16))
        randomize(model)
        x = sounds(model)
        quiet = np.asarray(model(x * 0.5 + 0.2))
        np.testing.assert_allclose(quiet, np.asarray(model(x)), atol=2e-3 * np.abs(quiet).max())

    def test_silence_stays_silence(self):
        front_end = until(audio_conv1d(2000, 24, widths=(8,)), "front_end")
        assert np.abs(front_end(np.zeros((1, 2000), "float32"))).max() == 0
        hiss = np.random.default_rng(0).normal(0, 1e-4, (1, 2000)).astype("float32")
        assert np.std(front_end(hiss)) < 0.05

    @pytest.mark.parametrize("samples", [2001, 252])
    def test_bad_lengths_raise(self, samples):
        with pytest.raises(ValueError, match=f"multiple of 4 samples, at least 256. Received: samples={samples}"):
            audio_conv1d(samples, 24, widths=(8, 8, 8))


class TestAudioTransformer:
    def test_tokens_are_patches_of_the_spectrum_time_by_time(self):
        model = audio_transformer(2000, 8000, 24, units=32, num_layers=1)
        randomize(model)
        x = sounds(model)
        normed = np.asarray(until(model, "mel_norm")(x))
        assert normed.shape == (3, 23, 40)
        kernel, bias = model.get_layer("patches").get_weights()
        (positions,) = model.get_layer("positions").get_weights()
        cut = normed[:, :16].reshape(3, 2, 8, 5, 8).transpose(0, 1, 3, 2, 4).reshape(3, 10, 64)
        expected = cut @ kernel.reshape(64, 32) + bias + positions
        scale = np.abs(expected).max()
        np.testing.assert_allclose(np.asarray(until(model, "positions")(x)), expected, atol=1e-5 * scale)

    def test_click_changes_only_tokens_of_its_time(self):
        model = audio_transformer(2000, 8000, 24, units=32, num_layers=1)
        x = sounds(model, 1)
        changed = x.copy()
        changed[0, 400] = 1.0  # in the frames 3 to 5, of the first 8
        tokens = until(model, "positions")
        moved = np.abs(np.asarray(tokens(x)) - np.asarray(tokens(changed))).max((0, 2)) > 1e-4
        assert list(np.flatnonzero(moved)) == [0, 1, 2, 3, 4]

    def test_frames_are_25_ms_every_10(self):
        model = audio_transformer(4000, 16000, 24, units=32, num_layers=1)
        expected = LogMel(16000, 400, 160, 40)(sounds(model))
        answer = np.asarray(until(model, "front_end")(sounds(model)))
        np.testing.assert_allclose(answer, np.asarray(expected), atol=1e-5)

    @pytest.mark.parametrize("units", [0, 40])
    def test_bad_units_raise(self, units):
        with pytest.raises(ValueError, match=f"multiples of 16. Received: units={units}"):
            audio_transformer(8000, 8000, 24, units=units)

    def test_less_than_a_patch_raises(self):
        with pytest.raises(ValueError, match=r"at least 8 frames. Received: samples=700, sample_rate=8000"):
            audio_transformer(700, 8000, 24)
