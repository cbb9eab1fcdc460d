"""Decoding of audio files to waveforms, and one-line errors."""

import io

import numpy as np
import pytest
import soundfile

from mmzoo.data.decode import audio
from mmzoo.data.decode.audio import (
    decode_audio,
    fit_length,
    pink_noise,
    read_audio,
    resample,
    resample_scipy,
    to_int16,
)
from mmzoo.errors import BadInputError

RATE = 8000


def tone(rate=RATE, seconds=0.5, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def encoded(waveform, rate=RATE, **how):
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, **({"format": "WAV"} | how))
    return file.getvalue()


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"format": "WAV", "subtype": "PCM_16"}, 4e-5),
        ({"format": "WAV", "subtype": "PCM_24"}, 1e-6),
        ({"format": "WAV", "subtype": "FLOAT"}, 0),
        ({"format": "WAV", "subtype": "ULAW"}, 0.02),
        ({"format": "FLAC"}, 4e-5),
        ({"format": "OGG", "subtype": "VORBIS"}, 0.05),
    ],
)
def test_formats(tmp_path, how, error):
    path = tmp_path / "tone"
    path.write_bytes(encoded(tone(), **how))
    waveform = read_audio(path, RATE)
    assert waveform.dtype == np.float32
    assert waveform.shape == (4000,)
    np.testing.assert_allclose(waveform, tone(), atol=error)


def test_int16_survives():
    samples = np.random.default_rng(0).integers(-32768, 32768, 1000).astype(np.int16)
    np.testing.assert_array_equal(to_int16(decode_audio(encoded(samples), RATE)), samples)
    np.testing.assert_array_equal(to_int16([-1.5, -1, 0, 1, 1.5]), [-32768, -32768, 0, 32767, 32767])


def test_float_beyond_full_scale_is_clipped():
    waveform = decode_audio(encoded(np.array([2.0, -3.0, 0.5]), subtype="FLOAT"), RATE)
    np.testing.assert_array_equal(waveform, np.float32([1, -1, 0.5]))


def test_channels():
    stereo = np.stack([tone(), np.zeros(4000)], axis=1)
    np.testing.assert_allclose(decode_audio(encoded(stereo), RATE), tone() / 2, atol=3e-5)
    with pytest.raises(BadInputError, match=r"loud\.wav: expected one or two channels. Received: 3 channels"):
        decode_audio(encoded(np.zeros((100, 3))), RATE, name="loud.wav")


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 44100])
def test_read_audio_resamples_and_warns_once(caplog, rate):
    audio._warn_resampled.cache_clear()
    for _ in range(2):
        waveform = decode_audio(encoded(tone(rate), rate), RATE)
    assert len(waveform) == pytest.approx(4000, abs=1)
    middle = slice(200, 3800)  # the filter sees silence beyond the ends
    np.testing.assert_allclose(waveform[middle], tone()[middle], atol=2e-3)
    assert [record.getMessage() for record in caplog.records] == [f"audio at {rate} Hz is resampled to 8000 Hz"]


def test_resample_removes_aliases():
    assert np.abs(resample(tone(16000, hertz=6000.0), 16000, RATE)[200:-200]).max() < 5e-3


def test_decode_audio_with_scipy_differs_by_rounding():
    content = encoded(tone(11025), 11025)
    one, other = decode_audio(content, RATE), decode_audio(content, RATE, resampler=resample_scipy)
    np.testing.assert_allclose(one, other, rtol=0, atol=3e-7)


@pytest.mark.parametrize("how", [{"format": "WAV"}, {"format": "FLAC"}, {"format": "OGG"}])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.95])
def test_truncated(how, part):
    whole = encoded(np.random.default_rng(0).uniform(-1, 1, 80000), **how)
    with pytest.raises(BadInputError, match=r"cut\.wav: expected") as raised:
        decode_audio(whole[: int(len(whole) * part)], RATE, name="cut.wav")
    assert "\n" not in str(raised.value)


def streamed(content):
    """Return a FLAC file without its number of samples and checksum, as one written to a pipe."""
    content = bytearray(content)
    content[21] &= 0xF0
    content[22:42] = bytes(20)
    return bytes(content)


def test_streamed_flac_of_unknown_length_is_whole():
    samples = np.random.default_rng(0).integers(-32768, 32768, 100_000).astype(np.int16)
    content = streamed(encoded(samples, format="FLAC"))
    np.testing.assert_array_equal(to_int16(decode_audio(content, RATE)), samples)
    with pytest.raises(BadInputError, match=r"cut\.flac: expected WAV, FLAC or Ogg audio. Received: .") as raised:
        decode_audio(content[:-1000], RATE, name="cut.flac")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("how", [{"format": "FLAC"}, {"format": "OGG", "subtype": "VORBIS"}, {"format": "AIFF"}])
def test_blocks_are_read_as_a_whole(how, monkeypatch):
    content = encoded(np.random.default_rng(0).uniform(-1, 1, (50_000, 2)), **how)
    expected = soundfile.read(io.BytesIO(content), dtype="float32")[0].mean(axis=1).clip(-1, 1)
    monkeypatch.setattr(audio, "BLOCK", 999)
    np.testing.assert_array_equal(decode_audio(content, RATE), expected)


@pytest.mark.parametrize("error", [MemoryError(), ValueError("array is\ntoo big"), RuntimeError("lost sync")])
def test_any_error_of_the_decoder_is_one_line(error, monkeypatch):
    def fail(*given, **named):
        raise error

    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(BadInputError, match=r"a\.flac: expected WAV, FLAC or Ogg audio. Received: .") as raised:
        decode_audio(encoded(tone(), format="FLAC"), RATE, name="a.flac")
    assert "\n" not in str(raised.value)


def test_streamed_wav_of_unknown_length_is_whole():
    content = bytearray(encoded(tone()))
    content[4:8] = content[40:44] = b"\xff\xff\xff\xff"
    np.testing.assert_allclose(decode_audio(bytes(content), RATE), tone(), atol=4e-5)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"hello, world" * 100, encoded(np.zeros(0))], ids=range(4))
def test_read_audio_bad_content_raises(content):
    with pytest.raises(BadInputError, match=r"notes\.txt: expected") as raised:
        decode_audio(content, RATE, name="notes.txt")
    assert "\n" not in str(raised.value)


def test_not_finite():
    with pytest.raises(BadInputError, match="NaN or infinity"):
        decode_audio(encoded(np.array([0.0, np.nan]), subtype="FLOAT"), RATE)


def test_no_file(tmp_path):
    for path in (tmp_path / "missing.wav", tmp_path):
        with pytest.raises(BadInputError, match="expected a readable audio file") as raised:
            read_audio(path, RATE)
        assert str(path) in str(raised.value)


def test_fit_length():
    np.testing.assert_array_equal(fit_length(np.array([3, 4]), 4), [3, 4, 0, 0])
    np.testing.assert_array_equal(fit_length(np.array([1, 2, 3]), 3), [1, 2, 3])
    long = np.zeros(20000, np.int16)
    long[9000:16000] = 20000  # whose square does not fit int16
    window = fit_length(long, 8000)
    assert window.dtype == np.int16
    assert window.shape == (8000,)
    assert (window != 0).sum() == 7000


def test_pink_noise():
    noise = pink_noise(64, 8000, 3)
    assert noise.dtype == np.float32
    np.testing.assert_array_equal(noise, pink_noise(64, 8000, 3))
    assert not np.array_equal(noise, pink_noise(64, 8000, 4))
    np.testing.assert_allclose(np.sqrt(np.square(noise).mean(axis=1)), 1, atol=1e-4)
    np.testing.assert_allclose(noise.mean(axis=1), 0, atol=1e-4)
    power = np.square(np.abs(np.fft.rfft(noise))).mean(axis=0)
    slope = np.polyfit(np.log(np.arange(1, 4001)), np.log(power[1:]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.02)


def test_small_file_of_long_silence_is_refused(monkeypatch):
    from mmzoo.device import media

    file = io.BytesIO()
    soundfile.write(file, np.zeros(1_000_000), 8000, format="FLAC")
    assert len(file.getvalue()) < 20_000
    assert len(decode_audio(file.getvalue(), 8000)) == 1_000_000
    monkeypatch.setattr(media, "LONGEST", 999_999)
    with pytest.raises(BadInputError, match=r"a\.flac: expected at most 999,999 samples. Received: 1,000,000 samples"):
        decode_audio(file.getvalue(), 8000, "a.flac")
