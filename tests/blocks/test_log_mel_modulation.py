"""Log-mel energies and their modulation, against NumPy and sounds modulated at a known rate, and on the device."""

import itertools

import keras
import numpy as np
import pytest
from on_device import check_on_device, reread

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.log_mel_modulation import FLOOR, RATES, LogMelModulation, modulation_bands

SETTINGS = [(8000, 200, 160, 40), (16000, 400, 320, 64), (8000, 256, 128, 32)]


def noise(samples, seed=0, count=2):
    return np.random.default_rng(seed).normal(0, 0.1, (count, samples)).astype("float32")


@pytest.mark.parametrize(("rate", "frame", "hop", "mels"), SETTINGS)
def test_equals_numpy(rate, frame, hop, mels):
    sounds = noise(5 * rate)
    energies = np.asarray(LogMel(rate, frame, hop, mels)(sounds)).astype("float64")
    told = np.asarray(LogMelModulation(rate, frame, hop, mels)(sounds))
    frames = energies.shape[1]
    np.testing.assert_array_equal(told[:, :frames], energies.astype("float32"))
    power = np.abs(np.fft.rfft(energies - energies.mean(axis=1, keepdims=True), axis=1)) ** 2 / frames
    frequency = np.fft.rfftfreq(frames, hop / rate)
    for i, (low, high) in enumerate(itertools.pairwise(RATES)):
        mean = power[:, (frequency >= low) & (frequency < high)].mean(axis=1)
        np.testing.assert_allclose(told[:, frames + i], np.log(np.maximum(mean, FLOOR)), atol=1e-3)
    assert told.shape[1] == frames + len(RATES) - 1


@pytest.mark.parametrize("rate", [0.75, 1.5, 6.0, 10.0, 20.0])
def test_the_band_of_a_modulation_is_the_loudest(rate):
    time = np.arange(5 * 16000) / 16000
    sound = noise(5 * 16000, count=1) * (1 + 0.9 * np.sin(2 * np.pi * rate * time)).astype("float32")
    modulation = np.asarray(LogMelModulation(16000, 400, 320, 64)(sound))[0, 249:].mean(axis=1)
    assert RATES[modulation.argmax()] <= rate < RATES[modulation.argmax() + 1]


def test_loudness_does_not_change_modulation():
    sound = noise(16000)
    soft, loud = (np.asarray(LogMelModulation(8000, 200, 160, 40)(sound * gain))[:, 99:] for gain in (1.0, 4.0))
    np.testing.assert_allclose(soft, loud, atol=1e-3)


def test_silence_is_not_modulated():
    told = np.asarray(LogMelModulation(8000, 200, 160, 40)(np.zeros((1, 16000), "float32")))
    np.testing.assert_allclose(told[:, 99:], np.log(FLOOR), rtol=1e-6)


@pytest.mark.parametrize(("frames", "bands"), [(249, 8), (99, 7), (25, 5)])
def test_bands_slower_than_the_sound_are_left_out(frames, bands):
    basis, mean = modulation_bands(frames, 50.0)
    assert mean.shape == (basis.shape[1], bands)
    np.testing.assert_allclose(mean.sum(axis=0), 2, err_msg="cosines and sines of a bin weigh as much")
    layer = LogMelModulation(8000, 160, 160, 40)
    assert layer.compute_output_shape((None, 160 * frames)) == (None, frames + bands, 40)


def test_refuses_what_tells_no_modulation():
    with pytest.raises(ValueError, match=r"a modulation of 0.2 to 24.0 Hz. Received: frames=2 at 50.0 Hz"):
        modulation_bands(2, 50.0)
    with pytest.raises(ValueError, match="Received: input_shape="):
        LogMelModulation()(np.zeros((1, 199), "float32"))


def test_file_holds_integers_and_no_constants(tmp_path):
    model, again = reread(LogMelModulation(8000, 200, 160, 40), 16000, tmp_path)
    np.testing.assert_array_equal(again(noise(16000)), model(noise(16000)))


def test_on_device(tmp_path, gpu):
    x = keras.Input((16000,), name="audio")
    model = keras.Model({"audio": x}, {"told": LogMelModulation(8000, 200, 160, 20)(x)})
    operators = check_on_device(model, {"audio": noise(16000, 3, 3)}, tmp_path, gpu)
    assert not {"GATHER", "RFFT2D", "COMPLEX_ABS"} & set(operators)
