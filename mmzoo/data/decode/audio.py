"""Decoding of audio files to mono float32 waveforms, and generated noise."""

import functools
import io
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmzoo.device.media import STREAMED, WAV_CODES, check_length, decode_wav, resample, to_mono, wav_encoding
from mmzoo.device.media import fit_length as fit_length
from mmzoo.device.media import to_int16 as to_int16
from mmzoo.errors import BadInputError

BLOCK = 1 << 20  # samples read at a time
UNKNOWN = 1 << 40  # samples: a larger number in a header means that the length is not known


def read_audio(path: str | Path, sample_rate: int) -> np.ndarray:
    """Read a WAV, FLAC or Ogg file as float32 `(T,)`.

    The result is in [-1, 1], at `sample_rate` Hz. Two channels are averaged. Another rate is resampled, with one
    warning for each rate. `mmzoo.device.media` decodes WAV files and resamples, as on the device.

    Raises:
        BadInputError: the file is missing, truncated, empty, not audio, or has more than two channels.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable audio file. Received: {error.strerror}.") from None
    return decode_audio(content, sample_rate, name=str(path))


def decode_audio(
    content: bytes, sample_rate: int, name: str = "audio", resampler: Callable[..., np.ndarray] = resample
) -> np.ndarray:
    """Decode the bytes of an audio file as `read_audio` does.

    `name` names the file in error messages. `resampler` maps a waveform `(T,)`, its rate and `sample_rate` to the
    resampled waveform.
    """
    try:
        if wav_encoding(content) in WAV_CODES.values():
            waveform, rate = decode_wav(content, name)
        else:
            waveform, rate = _read_samples(content, name)
        if rate != sample_rate:
            _warn_resampled(rate, sample_rate)
            waveform = resampler(waveform, rate, sample_rate)
    except ValueError as error:
        raise BadInputError(str(error)) from None
    except MemoryError:
        raise BadInputError(f"{name}: expected audio that fits in memory. Received: {len(content)} bytes") from None
    return waveform


def resample_scipy(waveform: np.ndarray, rate: int, sample_rate: int) -> np.ndarray:
    """Resample a waveform `(T,)` from `rate` to `sample_rate` Hz, float32, with SciPy.

    The filter is the same as in `resample`, but sums are rounded otherwise. Sources of published models keep it.
    """
    from scipy.signal import resample_poly  # slow to import, and rarely needed

    divisor = np.gcd(rate, sample_rate)
    return resample_poly(waveform, sample_rate // divisor, rate // divisor).astype(np.float32)


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


def _read_samples(content: bytes, name: str) -> tuple[np.ndarray, int]:
    """Read a file that libsndfile decodes as a mono waveform `(T,)`, and its rate.

    It is read in blocks without seeking: a streamed FLAC file does not know its length, and a small one may decode to
    hours of silence.
    """
    import soundfile  # 30 ms, and not every user reads audio

    class Stream(soundfile.SoundFile):
        def seekable(self) -> bool:
            return False

    _refuse_truncated(content, name)
    try:
        with Stream(io.BytesIO(content)) as file:
            declared, rate, channels, count, blocks = file.frames, file.samplerate, file.channels, 0, []
            while len(block := file.read(BLOCK // channels, dtype="float32", always_2d=True)):
                count += len(block)
                blocks.append(_mono(block, rate, name, count * channels))
    except BadInputError:
        raise
    except Exception as error:  # of any kind: decoders raise what they meet in broken files
        reason = getattr(error, "error_string", "") or str(error) or type(error).__name__  # without an address
        received = " ".join(reason.split())
        raise BadInputError(f"{name}: expected WAV, FLAC or Ogg audio. Received: {received}") from None
    if count < declared < UNKNOWN:
        raise BadInputError(f"{name}: expected {declared} samples. Received: {count}.")
    return np.concatenate(blocks) if blocks else to_mono(np.zeros((0, channels), np.float32), rate, name), rate


def _mono(block: np.ndarray, rate: int, name: str, count: int) -> np.ndarray:
    """Return a block of samples as `to_mono` does; `count` samples of all channels were read so far."""
    try:
        check_length(count, name)
        return to_mono(block, rate, name)
    except ValueError as error:
        raise BadInputError(str(error)) from None


def _refuse_truncated(content: bytes, name: str) -> None:
    """Refuse truncated WAV and Ogg files.

    libsndfile silently reads a WAV that ends early, or an Ogg without its last page.
    """
    if content[:4] == b"RIFF" and len(content) >= 8:
        expected = int.from_bytes(content[4:8], "little") + 8
        if len(content) < expected < STREAMED:
            raise BadInputError(f"{name}: expected {expected} bytes. Received: {len(content)}, truncated.")
    elif content[:4] == b"OggS":
        page = content[content.rfind(b"OggS") :]  # 27 bytes, the sizes of its segments, the segments
        header = 27 + page[26] if len(page) > 26 else len(page) + 1
        if len(page) < header + sum(page[27:header]) or not page[5] & 4:
            raise BadInputError(f"{name}: expected a page that ends the stream. Received: a truncated Ogg file.")


@functools.cache
def _warn_resampled(rate: int, sample_rate: int) -> None:
    logging.getLogger("mmzoo").warning("audio at %d Hz is resampled to %d Hz", rate, sample_rate)
