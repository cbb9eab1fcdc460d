"""The MFCC front end against librosa and scipy, and on the device."""

import keras
import librosa
import numpy as np
import pytest
import scipy.fft
from on_device import check_on_device, reread

from mmzoo.blocks.log_mel import FLOOR, LogMel
from mmzoo.blocks.mfcc import Mfcc, dct_matrix

SETTINGS = [(8000, 200, 80, 40, 20), (16000, 640, 320, 40, 10), (8000, 256, 128, 32, 32), (8000, 100, 100, 16, 1)]
DECIBELS = 10 / np.log(10)  # of one unit of the natural logarithm of a power


@pytest.mark.parametrize(("mels", "count"), [(40, 10), (40, 40), (7, 3)])
def test_dct_matrix_equals_scipy(mels, count):
    x = np.random.default_rng(0).normal(size=(5, mels))
    expected = scipy.fft.dct(x, type=2, norm="ortho", axis=-1)[:, :count]
    np.testing.assert_allclose(x @ dct_matrix(mels, count), expected, atol=1e-12)


def test_whole_matrix_is_orthonormal():
    np.testing.assert_allclose(dct_matrix(40, 40).T @ dct_matrix(40, 40), np.eye(40), atol=1e-12)


@pytest.mark.parametrize(("rate", "frame", "hop", "mels", "count"), SETTINGS)
def test_equals_librosa_on_noise(rate, frame, hop, mels, count):
    noise = np.random.default_rng(1).normal(0, 0.1, (2, rate)).astype("float32")
    answer = np.asarray(Mfcc(rate, frame, hop, mels, count)(noise))
    for one, given in zip(noise, answer, strict=True):
        power = librosa.feature.melspectrogram(
            y=one, sr=rate, n_fft=frame, hop_length=hop, center=False, n_mels=mels, norm=None
        )
        decibels = librosa.power_to_db(power / frame, amin=FLOOR, top_db=None)
        expected = librosa.feature.mfcc(S=decibels, n_mfcc=count).T
        assert given.shape == expected.shape
        np.testing.assert_allclose(given * DECIBELS, expected, atol=5e-3)


def test_mfcc_all_coefficients_invert_to_log_mel():
    noise = np.random.default_rng(2).normal(0, 0.1, (2, 1600)).astype("float32")
    back = np.asarray(Mfcc(num_coefficients=40)(noise)) @ dct_matrix(40, 40).T
    np.testing.assert_allclose(back, np.asarray(LogMel()(noise)), atol=1e-4)


def test_mfcc_of_silence_is_the_floor():
    silence = np.asarray(Mfcc()(np.zeros((1, 800), "float32")))
    np.testing.assert_allclose(silence[..., 0], np.log(FLOOR) * 40**0.5, rtol=1e-5)
    np.testing.assert_allclose(silence[..., 1:], 0, atol=1e-4)


@pytest.mark.parametrize("count", [0, 41])
def test_mfcc_bad_counts_raise(count):
    with pytest.raises(ValueError, match=f"Received: num_coefficients={count}, num_mels=40"):
        Mfcc(num_coefficients=count)


def test_mfcc_bad_log_mel_settings_raise():
    with pytest.raises(ValueError, match="Received: frame_length=201"):
        Mfcc(8000, 201)
    with pytest.raises(ValueError, match="Received: input_shape="):
        Mfcc()(np.zeros((1, 199), "float32"))


def test_file_holds_integers_and_no_constants(tmp_path):
    model, again = reread(Mfcc(8000, 160, 80, 32, 12), 1600, tmp_path)
    noise = np.random.default_rng(3).normal(0, 0.1, (2, 1600)).astype("float32")
    np.testing.assert_allclose(np.asarray(again(noise)), np.asarray(model(noise)), atol=1e-6)


def test_on_device(tmp_path, gpu):
    x = keras.Input((4000,), name="audio")
    model = keras.Model({"audio": x}, {"mfcc": Mfcc(8000, 320, 160, 40, 10)(x)})
    noise = np.random.default_rng(4).normal(0, 0.1, (3, 4000)).astype("float32")
    operators = check_on_device(model, {"audio": noise}, tmp_path, gpu)
    assert not {"GATHER", "RFFT2D", "COMPLEX_ABS"} & set(operators)
