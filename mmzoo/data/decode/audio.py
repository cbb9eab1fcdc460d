"""Sound files to mono float32 waveforms in [-1, 1], and the generated noise that is mixed into them."""

import functools
import io
import logging
import struct
from pathlib import Path

import numpy as np

from mmzoo.errors import BadInputError

_STREAMED = 0x7FFF0000  # a RIFF size from here on was written before the length was known


def read_audio(path, sample_rate):
    """Read a WAV, FLAC or Ogg file as float32 `(T,)` in [-1, 1] at `sample_rate` Hz.

    Two channels are averaged; another rate is resampled, which is said once for each rate.
    Raises BadInputError where the file is missing, truncated, empty, not sound, or has more than two
    channels.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable sound file. Received: {error.strerror}.") from None
    return decode_audio(content, sample_rate, name=str(path))


def decode_audio(content, sample_rate, name="audio"):
    """Decode the bytes of a sound file as `read_audio` does; `name` stands in the messages."""
    import soundfile  # 30 ms, and not everyone reads sound

    _refuse_truncated(content, name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            declared, rate = file.frames, file.samplerate
            waveform = file.read(dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise BadInputError(f"{name}: expected WAV, FLAC or Ogg sound. Received: {_one_line(error)}") from None
    if waveform.shape[1] > 2:
        raise BadInputError(f"{name}: expected one or two channels. Received: {waveform.shape[1]} channels.")
    if not len(waveform) or len(waveform) < declared:
        raise BadInputError(f"{name}: expected {declared or 'some'} samples. Received: {len(waveform)}.")
    if not np.isfinite(waveform).all():
        raise BadInputError(f"{name}: expected finite samples. Received: NaN or infinity.")
    return resample(np.clip(waveform.mean(axis=1), -1, 1), rate, sample_rate)


def resample(waveform, rate, sample_rate):
    """Resample a waveform `(T,)` from `rate` to `sample_rate` Hz with a polyphase filter; float32."""
    if rate == sample_rate:
        return np.asarray(waveform, np.float32)
    from scipy.signal import resample_poly  # slow to import, and rarely needed

    _say_resampled(rate, sample_rate)
    divisor = np.gcd(rate, sample_rate)
    return resample_poly(waveform, sample_rate // divisor, rate // divisor).astype(np.float32)


def fit_length(waveform, length):
    """Bring `(T,)` to `(length,)`: zeros at the right, or the window of most energy where it is longer."""
    if len(waveform) <= length:
        return np.pad(waveform, (0, length - len(waveform)))
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return waveform[start : start + length]


def to_int16(waveform):
    """Round float samples in [-1, 1] to int16, by the factor of 32768 with which soundfile reads them."""
    return np.clip(np.rint(np.asarray(waveform, np.float64) * 32768), -32768, 32767).astype(np.int16)


def pink_noise(count, length, seed):
    """Generate `(count, length)` float32 of noise with power proportional to 1/f, each row of RMS 1.

    White noise is shaped in the frequency domain with amplitude 1/sqrt(f); the mean is zero. Samples are
    rounded to 1/4096, so that the last bit of another machine's Fourier transform does not show.
    """
    white = np.random.default_rng(seed).standard_normal((count, length))
    spectrum = np.fft.rfft(white, axis=1)
    spectrum[:, 0] = 0
    spectrum[:, 1:] /= np.sqrt(np.arange(1, spectrum.shape[1]))
    noise = np.fft.irfft(spectrum, n=length, axis=1)
    noise /= np.sqrt(np.square(noise).mean(axis=1, keepdims=True))
    return (np.rint(noise * 4096) / 4096).astype(np.float32)


def _refuse_truncated(content, name):
    """libsndfile reads a WAV that ends early, or an Ogg without its last page, without a word."""
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
def _say_resampled(rate, sample_rate):
    logging.getLogger("mmzoo").warning("sound at %d Hz is resampled to %d Hz", rate, sample_rate)


def _one_line(error):
    return " ".join(str(error).split())
