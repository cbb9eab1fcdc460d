"""Files of sound and pictures, and texts, to arrays, with the standard library, NumPy and (for pictures) Pillow."""

import math
import warnings
import wave
from pathlib import Path

import numpy as np

ZERO_CROSSINGS = 32  # of the sinc on either side of its middle
KAISER_BETA = 9.0  # side lobes of the resampling filter near -90 dB
MIN_RATE, MAX_RATE = 1000, 384000  # Hz; what is outside is a broken header
ROLLOFF = 0.94  # its cutoff, as a share of the lower Nyquist frequency


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """Return a PCM WAV file as a mono waveform, float32 `(T,)` in [-1, 1), and its rate in Hz.

    8-bit samples are unsigned, 16, 24 and 32-bit ones signed; two channels are averaged.

    Raises:
        ValueError: no such file, not PCM WAV, truncated, empty, more than two channels, or a rate outside of
            1 to 384 kHz.
    """
    expected = f"{path}: expected a PCM WAV file of 8, 16, 24 or 32 bits, mono or stereo"
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate, frames = file.getparams()[:4]
            data = file.readframes(frames)
    except (OSError, EOFError, wave.Error) as error:
        reason = getattr(error, "strerror", None) or str(error) or "a truncated file"
        raise ValueError(f"{expected}. Received: {reason}") from None
    if channels > 2 or width not in (1, 2, 3, 4) or not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"{expected}. Received: {channels} channels, {8 * width} bits, {rate} Hz")
    if not frames or len(data) != frames * channels * width:
        raise ValueError(f"{expected}. Received: {len(data)} of {frames * channels * width} bytes of sound")
    return _samples(data, width).reshape(frames, channels).mean(axis=1).astype(np.float32), rate


def _samples(data: bytes, width: int) -> np.ndarray:
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    # the bytes go to the top of a 32-bit integer, which keeps the sign of 24-bit samples
    wide = np.zeros((len(data) // width, 4), np.uint8)
    wide[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return wide.view("<i4")[:, 0] / 2.0**31


def to_rate(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return `(T,)` samples at `wanted` Hz; warn, once for each pair of rates, when that changes them."""
    if rate == wanted:
        return samples
    warnings.warn(f"audio resampled from {rate} to {wanted} Hz", stacklevel=1)
    return np.clip(resample(samples, rate, wanted), -1, 1)  # the filter may overshoot full scale


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return `(T,)` samples taken at `rate` Hz as float32 `(ceil(T * wanted / rate),)` at `wanted` Hz.

    A polyphase filter: a sinc with a Kaiser window, cut off at 0.94 of the lower of the two Nyquist
    frequencies (Smith, Digital Audio Resampling). Outside of the signal there is silence.
    """
    up, down = wanted // math.gcd(rate, wanted), rate // math.gcd(rate, wanted)
    cutoff = ROLLOFF * min(1.0, up / down)
    half = math.ceil(ZERO_CROSSINGS / cutoff)
    length = -(-len(samples) * up // down)
    out = np.empty(length, np.float32)
    padded = np.pad(np.asarray(samples, np.float32), half)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    for first in range(min(up, length)):  # outputs `up` apart share their taps
        start, phase = divmod(first * down, up)
        offsets = np.arange(-half, half + 1) - phase / up
        window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0, 1 - (offsets / (half + 1)) ** 2)))
        taps = cutoff * np.sinc(cutoff * offsets) * window
        share = out[first::up]
        # unit gain at 0 Hz in every phase, or a constant would come out with a ripple
        share[:] = windows[start::down][: len(share)] @ (taps / taps.sum()).astype(np.float32)
    return out


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Return `(T,)` samples as `(length,)`: of a longer signal the window of most energy, a shorter one amid silence.

    It is what training data went through.
    """
    if len(samples) >= length:
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[length:] - energy[:-length])) if len(samples) > length else 0
        return samples[start : start + length]
    before = (length - len(samples)) // 2
    return np.pad(samples, (before, length - len(samples) - before))


def read_picture(path: str | Path, height: int, width: int, channels: int) -> np.ndarray:
    """Return a picture file as uint8 `(height, width, channels)` in 0..255, gray if `channels` is 1.

    It is turned upright as its EXIF data says and resized with an antialiased bilinear filter, the aspect
    ratio not kept; transparency is dropped. Colors stay as they are: for a model of white digits on black,
    a black digit on white has to be inverted first.

    Raises:
        ValueError: no such file, nothing that Pillow decodes, no Pillow, or neither 1 nor 3 channels.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError(
            f"{path}: expected Pillow for picture files: pip install pillow. Received: not installed"
        ) from None
    if channels not in (1, 3):
        raise ValueError(f"{path}: expected an array, not a file, for a picture of {channels} channels")
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
                picture = Image.fromarray((np.asarray(picture) // 256).clip(0, 255).astype(np.uint8))
            picture = picture.convert("L" if channels == 1 else "RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: expected a picture. Received: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:  # SyntaxError: a broken PNG
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ValueError(f"{path}: expected a picture. Received: {reason}") from None
    picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(height, width, channels)


def text_ids(text: str, length: int) -> np.ndarray:
    """Return a text as int32 `(length,)`: its UTF-8 bytes + 3, then 0; a longer one is cut between two code points.

    Lone surrogates become U+FFFD, as in a browser; nothing else is normalized.

    Raises:
        ValueError: it is no string, or says nothing.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"text: expected words. Received: {text!r:.60}")
    content = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    end = min(len(content), length)
    while end < len(content) and content[end] & 0xC0 == 0x80:  # a byte that continues the one before
        end -= 1
    ids = np.zeros(length, np.int32)
    ids[:end] = np.frombuffer(content, np.uint8, end)
    ids[:end] += 3
    return ids
