"""Log-mel texture statistics against NumPy, on clips of known modulation, and on the device."""

import itertools
import zipfile

import keras
import numpy as np
import pytest
from on_device import check_on_device

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.log_mel_texture import (
    FLOOR,
    OCTAVES,
    OUTLIER,
    RATES,
    SMALLEST,
    STATISTICS,
    LogMelTexture,
    band_means,
    modulation_basis,
)
from mmzoo.blocks.spectral_flatness import NOISE, SpectralFlatness
from mmzoo.models.transfer import read_model

SETTINGS = [(8000, 200, 160, 32), (16000, 400, 320, 64), (24000, 512, 480, 16)]


def noise(samples, seed=0, count=2):
    return np.random.default_rng(seed).normal(0, 0.1, (count, samples)).astype("float32")


def parts(rows, frames):
    """Split `rows` `(B, R, M)` into energies, statistics, modulation power, and both tonalities."""
    behind = frames + STATISTICS
    return rows[:, :frames], rows[:, frames:behind], rows[:, behind:-2], rows[:, -2], rows[:, -1]


def told(sounds, rate=16000, frame=400, hop=320, mels=64):
    """Compute the five parts before normalization."""
    layer = LogMelTexture(rate, frame, hop, mels)
    layer.build(sounds.shape)
    rows = np.concatenate([np.asarray(x) for x in layer.measure(sounds)], axis=1)
    assert layer.compute_output_shape((None, sounds.shape[1])) == (None, *rows.shape[1:])
    return parts(rows, layer.num_frames(sounds.shape[1]))


@pytest.mark.parametrize(("rate", "frame", "hop", "mels"), SETTINGS)
def test_equals_numpy(rate, frame, hop, mels):
    sounds = noise(5 * rate)
    energies, statistics, modulation, regular, lines = told(sounds, rate, frame, hop, mels)
    np.testing.assert_allclose(energies, LogMel(rate, frame, hop, mels)(sounds), atol=1e-5)
    np.testing.assert_allclose(lines, SpectralFlatness(rate // 4000, mels)(sounds), atol=1e-4)
    energies = energies.astype("float64")
    mean = energies.mean(axis=1)
    expected = [
        mean - mean.mean(axis=1, keepdims=True),
        np.log(energies.var(axis=1) + SMALLEST),
        energies.max(axis=1) - mean,
        np.log(np.abs(np.diff(energies, axis=1)).mean(axis=1) + SMALLEST),
    ]
    np.testing.assert_allclose(statistics, np.stack(expected, axis=1), atol=1e-3)
    frames = energies.shape[1]
    power = np.abs(np.fft.rfft(energies - energies.mean(axis=1, keepdims=True), axis=1)) ** 2 / frames
    frequency = np.fft.rfftfreq(frames, hop / rate)
    for i, (low, high) in enumerate(itertools.pairwise(RATES)):
        mean = power[:, (frequency >= low) & (frequency < high)].mean(axis=1)
        np.testing.assert_allclose(modulation[:, i], np.log(np.maximum(mean, FLOOR)), atol=1e-3)
    assert modulation.shape[1] == len(RATES) - 1
    together = np.maximum(power.reshape(2, -1, mels // 4, 4).mean(axis=3), FLOOR)
    for i, (low, high) in enumerate(itertools.pairwise(OCTAVES)):
        band = together[:, (frequency >= low) & (frequency < high)]
        flatness = np.exp(np.log(band).mean(axis=1)) / band.mean(axis=1)
        found = regular.reshape(2, mels // 4, 4)[..., i]
        np.testing.assert_allclose(found, np.log(NOISE - np.log(flatness)), atol=1e-2)


@pytest.mark.parametrize("rate", [0.75, 1.5, 6.0, 10.0, 20.0])
def test_modulation_power_peaks_in_the_band_of_its_rate(rate):
    time = np.arange(5 * 16000) / 16000
    sound = noise(5 * 16000, count=1) * (1 + 0.9 * np.sin(2 * np.pi * rate * time)).astype("float32")
    modulation = told(sound)[2][0].mean(axis=1)
    assert RATES[modulation.argmax()] <= rate < RATES[modulation.argmax() + 1]


@pytest.mark.parametrize("rate", [3.0, 6.0, 12.0, 20.0])
def test_modulation_tonality_peaks_in_the_octave_of_a_regular_beat(rate):
    time = np.arange(5 * 16000) / 16000
    plain = noise(5 * 16000, count=1)
    beating = plain * (1 + 0.9 * np.sin(2 * np.pi * rate * time)).astype("float32")
    without, within = (told(x)[3].reshape(16, 4).mean(axis=0) for x in (plain, beating))
    raised = within - without
    assert OCTAVES[raised.argmax()] <= rate < OCTAVES[raised.argmax() + 1]
    assert raised.max() > 1


def test_texture_is_invariant_to_loudness():
    sound = noise(16000)
    for soft, loud in zip(*(told(sound * gain, 8000, 200, 160, 32)[1:] for gain in (1.0, 4.0)), strict=True):
        np.testing.assert_allclose(soft, loud, atol=2e-3)


def test_texture_of_silence_is_constant():
    _, statistics, modulation, regular, lines = told(np.zeros((1, 16000), "float32"), 8000, 200, 160, 32)
    np.testing.assert_allclose(statistics[0, [0, 2]], 0, atol=1e-5)
    np.testing.assert_allclose(statistics[0, [1, 3]], np.log(SMALLEST), rtol=1e-4)
    np.testing.assert_allclose(modulation, np.log(FLOOR), rtol=1e-6)
    np.testing.assert_allclose(np.stack([regular, lines]), np.log(NOISE), rtol=1e-3)


@pytest.mark.parametrize(("frames", "bands"), [(249, 8), (99, 7), (25, 5)])
def test_texture_drops_bands_slower_than_the_clip(frames, bands):
    basis, frequency = modulation_basis(frames, 50.0)
    assert basis.shape == (frames, 2 * len(frequency))
    mean = band_means(frequency, RATES)
    assert mean.shape == (len(frequency), bands)
    np.testing.assert_allclose(mean.sum(axis=0), 1)
    layer = LogMelTexture(8000, 160, 160, 32)
    assert layer.compute_output_shape((None, 160 * frames)) == (None, frames + STATISTICS + bands + 2, 32)


def test_texture_bad_settings_and_shapes_raise():
    with pytest.raises(ValueError, match="num_bands=40"):
        LogMelTexture(8000, 200, 80, 40)
    with pytest.raises(ValueError, match=r"num_mels of at least 4. Received: num_mels=2"):
        LogMelTexture(8000, 200, 80, 2)
    with pytest.raises(ValueError, match="LogMel expects an even frame_length"):
        LogMelTexture(8000, 201, 80, 64)
    for shape, said in (((1, 16001), r"a multiple of 2\. Received"), ((1, 4100), r"over 0\.5 s of audio\. Received")):
        with pytest.raises(ValueError, match=said):
            LogMelTexture()(np.zeros(shape, "float32"))


def test_texture_shortest_clip_has_all_octaves():
    assert np.isfinite(np.concatenate(told(noise(4400), 8000, 200, 160, 32), axis=None)).all()


def test_texture_is_normalized_by_training_statistics():
    sounds = noise(16000, count=64) * np.linspace(0.1, 1, 64, dtype="float32")[:, None]
    layer = LogMelTexture(8000, 200, 160, 32)
    trained = np.asarray(layer(sounds, training=True))
    frames = layer.num_frames(16000)
    np.testing.assert_allclose(trained[:, :frames].mean(axis=(0, 1)), 0, atol=1e-3)
    np.testing.assert_allclose(trained[:, :frames].std(axis=(0, 1)), 1, atol=1e-2)
    np.testing.assert_allclose(trained[:, frames:].mean(axis=0), 0, atol=1e-3)
    for _ in range(100):
        layer(sounds, training=True)
    np.testing.assert_allclose(layer(sounds), trained, atol=0.05)
    assert np.abs(layer(np.zeros((1, 16000), "float32"))).max() == OUTLIER
    assert len(layer.weights) == 4
    assert not layer.trainable_weights


def test_texture_file_holds_integers_and_training_statistics(tmp_path):
    x = keras.Input((16000,), name="audio")
    layer = LogMelTexture(8000, 200, 160, 32)
    model, path = keras.Model(x, layer(x)), tmp_path / "m.keras"
    layer(noise(16000), training=True)
    model.save(path)
    config = zipfile.ZipFile(path).read("config.json")
    assert len(config) < 5_000
    again = read_model(path)
    np.testing.assert_array_equal(again(noise(16000)), model(noise(16000)))


def test_on_device(tmp_path, gpu):
    x = keras.Input((16000,), name="audio")
    layer = LogMelTexture(8000, 200, 160, 32)
    model = keras.Model({"audio": x}, {"told": layer(x)})
    layer(noise(16000, 4, 8), training=True)
    operators = check_on_device(model, {"audio": noise(16000, 3, 3)}, tmp_path, gpu)
    assert not {"GATHER", "RFFT2D", "COMPLEX_ABS"} & set(operators)
