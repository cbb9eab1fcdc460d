"""The tonality of bands, against NumPy, noise and tones, and on the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, reread

from mmzoo.blocks.log_mel import FLOOR
from mmzoo.blocks.spectral_flatness import NOISE, SpectralFlatness

RATE = 16000


def noise(seconds, seed=0, count=2):
    return np.random.default_rng(seed).normal(0, 0.1, (count, int(seconds * RATE))).astype("float32")


def tone(hz, seconds=5, loud=0.05):
    return (loud * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype("float32")


def reference(waveform, decimation, bands):
    """Return `(bands,)` of one waveform by NumPy's FFT, frame by frame."""
    slow = waveform.astype("float64").reshape(-1, decimation).mean(axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(512) / 512)
    frames = [np.abs(np.fft.rfft(slow[i : i + 512] * window)) ** 2 / 512 for i in range(0, len(slow) - 511, 256)]
    power = np.maximum(np.mean(frames, axis=0)[1:], FLOOR).reshape(bands, -1)
    flatness = np.exp(np.log(power).mean(axis=1)) / power.mean(axis=1)
    return np.log(NOISE - np.log(flatness))


@pytest.mark.parametrize(("decimation", "bands"), [(4, 64), (2, 32), (1, 128), (4, 1)])
def test_equals_numpy(decimation, bands):
    sounds = noise(1.28) + tone(440, 1.28)
    told = np.asarray(SpectralFlatness(decimation, bands)(sounds))
    expected = np.stack([reference(one, decimation, bands) for one in sounds])
    np.testing.assert_allclose(told, expected, atol=2e-3)


@pytest.mark.parametrize("hz", [100, 440, 1500])
def test_flatness_tone_peaks_only_in_its_band(hz):
    plain = noise(5, count=1)
    without, within = (np.asarray(SpectralFlatness()(x))[0] for x in (plain, plain + tone(hz)))
    raised = within - without
    band = int((hz / (4000 / 512) - 0.5) // 4)
    assert raised[band] > 2
    others = np.delete(raised, [max(band - 1, 0), band, min(band + 1, 63)])
    assert np.abs(others).max() < 0.2


def test_flatness_aliased_tone_still_peaks():
    plain = noise(5, count=1)
    without, within = (np.asarray(SpectralFlatness()(x))[0] for x in (plain, plain + tone(2900, loud=0.2)))
    assert (within - without).max() > 1


def test_flatness_of_noise_is_invariant_to_loudness():
    told = np.asarray(SpectralFlatness()(np.concatenate([noise(5, count=1), 4 * noise(5, count=1)])))
    assert told.max() < -2
    np.testing.assert_allclose(told[0], told[1], atol=1e-3)


def test_flatness_of_silence_is_flat():
    told = np.asarray(SpectralFlatness()(np.zeros((1, 8000), "float32")))
    np.testing.assert_allclose(told, np.log(NOISE), rtol=1e-3)


@pytest.mark.parametrize("bands", [0, 3, 256])
def test_flatness_bad_bands_raise(bands):
    with pytest.raises(ValueError, match=f"a power of 2 up to 128 as num_bands. Received: num_bands={bands}"):
        SpectralFlatness(4, bands)


@pytest.mark.parametrize("shape", [(1, 2044), (1, 2049), (1, 8000, 1)])
def test_flatness_bad_shapes_raise(shape):
    with pytest.raises(ValueError, match=r"of at least 2048 samples, a multiple of 4. Received: input_shape="):
        SpectralFlatness()(np.zeros(shape, "float32"))


def test_file_holds_integers_and_no_constants(tmp_path):
    model, again = reread(SpectralFlatness(2, 32), 16000, tmp_path)
    np.testing.assert_array_equal(again(noise(1)), model(noise(1)))


def test_on_device(tmp_path, gpu):
    x = keras.Input((16000,), name="audio")
    model = keras.Model({"audio": x}, {"told": SpectralFlatness()(x)})
    check_on_device(model, {"audio": noise(1, 3, 3) + tone(440, 1)}, tmp_path, gpu)
