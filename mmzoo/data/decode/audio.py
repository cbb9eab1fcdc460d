"""Decoding of audio files to mono float32 waveforms, and generated noise."""

import functools
import io
import logging
import struct
from pathlib import Path

import numpy as np

from mmzoo.errors import BadInputError

_STREAMED = 0x7FFF0000  # a RIFF size from here on was written before the length was known


def read_audio(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read a WAV, FLAC or Ogg file as float32 `(T,)`.

    The result is in [-1, 1], at `sample_rate` Hz. Two channels are averaged. Another rate is resampled, with one
    warning for each rate.

    Raises:
        BadInputError: the file is missing, truncated, empty, not audio, or has more than two channels.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable audio file. Received: {error.strerror}.") from None
    return decode_audio(content, sample_rate, name=str(path))


def decode_audio(content: bytes, sample_rate: int, name: str = "audio") -> np.ndarray:
    """Decode the bytes of an audio file as `read_audio` does.

    `name` names the file in error messages.
    """
    import soundfile  # 30 ms, and not every user reads audio

    _refuse_truncated(content, name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            declared, rate = file.frames, file.samplerate
            waveform = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BadInputError(f"{name}: expected WAV, FLAC or Ogg audio. Received: {_one_line(error)}") from None
    if waveform.shape[1] > 2:
        raise BadInputError(f"{name}: expected one or two channels. Received: {waveform.shape[1]} channels.")
    if not len(waveform) or len(waveform) < declared:
        raise BadInputError(f"{name}: expected {declared or 'some'} samples. Received: {len(waveform)}.")
    if not np.isfinite(waveform).all():
        raise BadInputError(f"{name}: expected finite samples. Received: NaN or infinity.")
    return resample(np.clip(waveform.mean(axis=1), -1, 1), rate, sample_rate)


def resample(waveform: np.ndarray, rate: int, sample_rate: int) -> np.ndarray:
    """Resample a waveform `(T,)` from `rate` to `sample_rate` Hz, float32.

    The filter is polyphase.
    """
    if rate == sample_rate:
        return np.asarray(waveform, np.float32)
    from scipy.signal import resample_poly  # slow to import, and rarely needed

    _warn_resampled(rate, sample_rate)
    divisor = np.gcd(rate, sample_rate)
    return resample_poly(waveform, sample_rate // divisor, rate // divisor).astype(np.float32)


def fit_length(waveform: np.ndarray, length: int) -> np.ndarray:
    """Pad or cut a waveform `(T,)` to `(length,)`.

    Zeros pad the right. A longer waveform keeps the window of highest energy.
    """
    if len(waveform) <= length:
        return np.pad(waveform, (0, length - len(waveform)))
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return waveform[start : start + length]


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Round float samples in [-1, 1] to int16.

    The factor is 32768, as in soundfile.
    """
    return np.clip(np.rint(np.asarray(waveform, np.float64) * 32768), -32768, 32767).astype(np.int16)


def pink_noise(count: int, length: int, seed: int) -> np.ndarray:
    """Generate pink noise `(count, length)` float32 of RMS 1.

    Power is proportional to 1/f: white noise is shaped in the frequency domain with amplitude 1/sqrt(f). The mean is
    zero. Samples are rounded to 1/4096, which hides last-bit differences of Fourier transforms between machines.
    """
    white = np.random.default_rng(seed).standard_normal((count, length))
    spectrum = np.fft.rfft(white, axis=1)
    spectrum[:, 0] = 0
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    noise = np.fft.irfft(spectrum, n=length, axis=1)
    noise /= np.sqrt(np.square(noise).mean(axis=1, keepdims=True))
    return (np.rint(noise * 4096) / 4096).astype(np.float32)


def _refuse_truncated(content: bytes, name: str) -> None:
    """Refuse truncated WAV and Ogg files.

    libsndfile silently reads a WAV that ends early, or an Ogg without its last page.
    """
    if content[:4] == b"RIFF" and len(content) >= 8:
        expected = struct.unpack("<I", content[4:8])[0] + 8
        if len(content) < expected < _STREAMED:
            raise BadInputError(f"{name}: expected {expected} bytes. Received: {len(content)}, truncated.")
    elif content[:4] == b"OggS":
        page = content[content.rfind(b"OggS") :]  # 27 bytes, the sizes of its segments, the segments
        header = 27 + page[26] if len(page) > 26 else len(page) + 1
        if len(page) < header + sum(page[27:header]) or not page[5] & 4:
            raise BadInputError(f"{name}: expected a page that ends the stream. Received: a truncated Ogg file.")


@functools.cache
def _warn_resampled(rate: int, sample_rate: int) -> None:
    logging.getLogger("mmzoo").warning("audio at %d Hz is resampled to %d Hz", rate, sample_rate)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
