"""Cepstral coefficients match librosa; statistics cover the whole sound and its parts."""

import librosa
import numpy as np
import pytest
import soundfile

from mmzoo.studies.own_tables.peers.sounds import cepstrum, sound_features, statistics


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_cepstrum_equals_librosa(rate):
    wave = np.random.default_rng(0).normal(0, 0.1, rate // 2).clip(-1, 1).astype(np.float32)
    length, hop = 2 * round(0.025 * rate / 2), round(0.010 * rate)
    power = np.abs(librosa.stft(wave, n_fft=length, hop_length=hop, center=False)) ** 2 / length
    filters = librosa.filters.mel(sr=rate, n_fft=length, n_mels=40, norm=None)
    theirs = librosa.feature.mfcc(S=np.log(np.maximum(filters @ power, 1e-6)), n_mfcc=20).T
    np.testing.assert_allclose(cepstrum(wave, rate), theirs, atol=2e-3)


def test_statistics_are_of_the_whole_and_its_parts():
    steps = np.repeat(np.arange(5.0), 4)[:, None]  # 0 0 0 0 1 1 1 1 ... 4
    found = statistics(steps)
    np.testing.assert_allclose(found[:2], [2, np.sqrt(2)], rtol=1e-6)
    np.testing.assert_allclose(found[2:4], [4 / 19, np.diff(steps[:, 0]).std()], rtol=1e-6)
    np.testing.assert_allclose(found[4:], np.arange(5))


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_sounds_of_few_frames_have_statistics(frames):
    assert np.isfinite(statistics(np.ones((frames, 3)))).all()


def test_files_of_any_length_and_rate_are_read(tmp_path):
    for name, count, rate, channels in (("short", 50, 8000, 1), ("stereo", 4000, 16_000, 2)):
        wave = np.random.default_rng(0).uniform(-0.5, 0.5, (count, channels))
        soundfile.write(tmp_path / f"{name}.wav", wave, rate)
    found = sound_features([tmp_path / "short.wav", None, tmp_path / "stereo.wav"])
    assert found.shape == (3, 180)
    assert np.isfinite(found).all()
    assert not found[1].any()
