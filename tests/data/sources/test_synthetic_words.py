"""The words, unknown sounds and noise of `keyword_spotting`."""

import numpy as np
import pytest

from mmzoo.data.sources import digits, synthetic_words
from mmzoo.errors import BadInputError

COUNTS = {"train": 1536, "validation": 384, "test": 384}
CLEAN = 60.0  # dB


@pytest.mark.parametrize("split", digits.SPLITS)
def test_sample_is_balanced_and_of_one_second(split):
    data = synthetic_words.sample(split, 0)
    assert data.clips.shape == (COUNTS[split], 8000)
    assert data.clips.dtype == np.int16
    assert data.num_classes == len(synthetic_words.CLASSES) == 12
    assert set(np.bincount(data.labels)) == {COUNTS[split] // 12}


def test_sample_follows_from_seed_and_snr():
    first, other = (synthetic_words.sample("test", seed).clips for seed in (1, 2))
    synthetic_words.sample.cache_clear()
    np.testing.assert_array_equal(first, synthetic_words.sample("test", 1).clips)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, synthetic_words.sample("test", 1, 10.0).clips)


def correlation(clip, word):
    """Return the highest normalized correlation of `word` with any part of `clip`."""
    word = word / np.linalg.norm(word)
    energy = np.convolve(np.square(clip), np.ones(len(word)), "valid")
    return np.max(np.correlate(clip, word, "valid") / np.sqrt(energy + 1e-9))


def test_clean_words_are_those_of_their_class_and_unknown_ones_are_none():
    bank = digits.sample("test", 0)
    data = synthetic_words.sample("test", 0, CLEAN)
    clips = data.clips[:12] / 32768
    words = [clip[:length] / 32768 for clip, length in zip(bank.clips[:10], bank.lengths[:10], strict=True)]
    found = np.array([[correlation(clip, word) for word in words] for clip in clips[:11]])
    np.testing.assert_allclose(np.diag(found[:10]), 1, atol=1e-2)
    assert (found[10] < 0.9).all()


@pytest.mark.parametrize("snr_db", [0.0, 12.0])
def test_signal_to_noise_ratio_is_that_over_the_word(snr_db):
    rng = np.random.default_rng(0)
    word, noise = rng.standard_normal(3000), rng.standard_normal(8000)
    noise /= np.sqrt(np.mean(np.square(noise)))
    clip = synthetic_words._clip(word, noise, snr_db, rng) / 32768
    scale, _, _, _ = np.linalg.lstsq(noise[:, None], clip, rcond=None)
    for _ in range(20):  # samples without the word have the exact scale of the noise
        outside = np.abs(clip - scale * noise) < 2e-3 * np.abs(clip).max()
        scale = np.linalg.lstsq(noise[outside][:, None], clip[outside], rcond=None)[0] if outside.any() else scale
    power = np.sum(np.square(clip / scale - noise)) / len(word)
    assert 10 * np.log10(power) == pytest.approx(snr_db, abs=0.3)


def test_silence_is_noise_of_random_peak():
    data = synthetic_words.sample("validation", 0)
    peaks = np.abs(data.clips.astype(int)).max(axis=1) / 32768
    assert peaks.min() >= 0.0999
    assert peaks.max() <= 0.7001
    silent = peaks[data.labels == 11]
    assert silent.std() > 0.1


def test_unknown_split_is_refused():
    with pytest.raises(BadInputError, match=r"split: expected .* Received: 'dev'"):
        synthetic_words.sample("dev", 0)
