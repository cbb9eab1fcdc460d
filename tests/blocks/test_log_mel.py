"""The log-mel front end against librosa and NumPy, and on the device."""

import keras
import librosa
import numpy as np
import pytest
from on_device import check_on_device, reread

from mmzoo.blocks.log_mel import FLOOR, LogMel, half_dft, hann, mel_filters

SETTINGS = [(8000, 200, 80, 40), (16000, 400, 160, 64), (8000, 256, 128, 32), (8000, 100, 100, 16)]


def reference(waveform, rate, frame, hop, mels):
    power = librosa.feature.melspectrogram(
        y=waveform, sr=rate, n_fft=frame, hop_length=hop, center=False, n_mels=mels, norm=None
    )
    return np.log(np.maximum(power.T / frame, FLOOR))


@pytest.mark.parametrize(("rate", "frame", "hop", "mels"), SETTINGS)
def test_log_mel_equals_librosa_on_noise(rate, frame, hop, mels):
    noise = np.random.default_rng(0).normal(0, 0.1, (2, rate)).astype("float32")
    answer = np.asarray(LogMel(rate, frame, hop, mels)(noise))
    expected = np.stack([reference(one, rate, frame, hop, mels) for one in noise])
    assert answer.shape == expected.shape
    np.testing.assert_allclose(answer, expected, atol=1e-4)


@pytest.mark.parametrize("samples", [200, 279, 280, 7999, 8000, 8001])
def test_num_frames_equals_librosa(samples):
    tone = np.sin(np.arange(samples, dtype="float32"))[None] * 0.5
    expected = reference(tone[0], 8000, 200, 80, 40)
    np.testing.assert_allclose(np.asarray(LogMel()(tone))[0], expected, atol=1e-3)


def test_log_mel_of_silence_is_the_floor():
    np.testing.assert_allclose(np.asarray(LogMel()(np.zeros((1, 800), "float32"))), np.log(FLOOR), rtol=1e-6)


@pytest.mark.parametrize("length", [200, 202])
@pytest.mark.parametrize("parity", [0, 1])
def test_half_dft_gives_the_bins_of_its_parity(length, parity):
    frame = np.random.default_rng(1).normal(size=length)
    spectrum = np.fft.rfft(frame) / np.sqrt(length)
    first, second = frame[: length // 2], frame[length // 2 :]
    basis, bins = half_dft(length, parity)
    cosines = len(range(parity, length // 2 + 1, 2))
    answer = (first - second if parity else first + second) @ basis
    np.testing.assert_allclose(answer[:cosines], spectrum.real[bins[:cosines]], atol=1e-12)
    np.testing.assert_allclose(answer[cosines:], -spectrum.imag[bins[cosines:]], atol=1e-12)
    assert set(bins) == set(range(parity, length // 2 + 1, 2))


def test_hann_equals_librosa():
    np.testing.assert_allclose(hann(200), librosa.filters.get_window("hann", 200), atol=1e-12)


@pytest.mark.parametrize(("rate", "frame", "hop", "mels"), SETTINGS[:2])
def test_mel_filters_equal_librosa(rate, frame, hop, mels):
    expected = librosa.filters.mel(sr=rate, n_fft=frame, n_mels=mels, norm=None).T
    np.testing.assert_allclose(mel_filters(rate, frame, mels), expected, atol=1e-6)
    assert mel_filters(rate, frame, mels).max(axis=0).min() > 0, "a band that hears nothing"


@pytest.mark.parametrize(("frame", "hop"), [(201, 80), (80, 200), (200, 0)])
def test_log_mel_bad_settings_raise(frame, hop):
    with pytest.raises(ValueError, match=f"Received: frame_length={frame}, hop={hop}"):
        LogMel(8000, frame, hop, 40)


@pytest.mark.parametrize("shape", [(1, 199), (1, 800, 1)])
def test_log_mel_bad_shapes_raise(shape):
    with pytest.raises(ValueError, match="Received: input_shape="):
        LogMel()(np.zeros(shape, "float32"))


def test_file_holds_integers_and_no_constants(tmp_path):
    reread(LogMel(), 8000, tmp_path)


@pytest.mark.parametrize(("frame", "hop"), [(200, 80), (100, 100), (202, 101), (204, 68)])
def test_on_device(tmp_path, gpu, frame, hop):
    x = keras.Input((8000,), name="audio")
    model = keras.Model({"audio": x}, {"log_mel": LogMel(8000, frame, hop, 20)(x)})
    noise = np.random.default_rng(2).normal(0, 0.1, (3, 8000)).astype("float32")
    operators = check_on_device(model, {"audio": noise}, tmp_path, gpu)
    assert not {"GATHER", "RFFT2D", "COMPLEX_ABS"} & set(operators)
