"""Tests of audio decoding: every PCM width, resampling against exact tones and SciPy, waveform length."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from mmzoo.device.media import fit_length, read_wav, resample


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_read_wav_any_width_round_trips(write_wav, tmp_path, width, channels):
    samples = np.random.default_rng(width).uniform(-1, 0.98, (500, channels))
    samples[0], samples[1] = -1, 0
    got, rate = read_wav(write_wav(tmp_path / "a.wav", samples, width, 11025))
    assert (rate, got.dtype, got.shape) == (11025, np.float32, (500,))
    np.testing.assert_allclose(got, samples.mean(axis=1), rtol=0, atol=2.0 ** -(8 * width) + 1e-7)


def test_fit_length_crops_to_highest_energy():
    np.testing.assert_array_equal(fit_length(np.arange(1, 4), 6), [0, 1, 2, 3, 0, 0])
    np.testing.assert_array_equal(fit_length(np.array([0, 1, 5, 4, 3, 2, 0]), 4), [5, 4, 3, 2])


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 8000), (16000, 8000), (8000, 16000), (11025, 8000)])
def test_resample_tones_equal_exact_and_scipy(rate, wanted):
    nyquist = min(rate, wanted) / 2

    def tones(hz):
        return sum(0.2 * np.sin(2 * np.pi * share * nyquist * hz + share) for share in (0.05, 0.3, 0.6, 0.85))

    got = resample(tones(np.arange(rate) / rate), rate, wanted)
    middle = slice(wanted // 10, -wanted // 10)
    np.testing.assert_allclose(got[middle], tones(np.arange(wanted) / wanted)[middle], atol=1e-4)
    reference = resample_poly(tones(np.arange(rate) / rate), wanted, rate)
    assert got.shape == reference.shape
    np.testing.assert_allclose(got[middle], reference[middle], atol=1e-2)
    if wanted < rate:  # frequencies above the new Nyquist frequency must vanish, not alias
        high = resample(np.sin(2 * np.pi * 1.05 * nyquist * np.arange(rate) / rate), rate, wanted)
        assert np.abs(high[middle]).max() < 1e-3
