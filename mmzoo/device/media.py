"""Decoding of audio files, image files and texts, with the standard library, NumPy and (for images) Pillow."""

import math
import warnings
import wave
from pathlib import Path

import numpy as np

ZERO_CROSSINGS = 32  # of the sinc, on each side of its center
KAISER_BETA = 9.0  # side lobes of the resampling filter near -90 dB
MIN_RATE, MAX_RATE = 1000, 384000  # Hz; a rate outside this range means a broken header
ROLLOFF = 0.94  # cutoff of the resampling filter, as a fraction of the lower Nyquist frequency


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a PCM WAV file as a mono waveform and its rate.

    Samples of 8 bits are unsigned, samples of 16, 24 and 32 bits are signed. Two channels are averaged.

    Returns:
        the waveform, float32 `(T,)` in [-1, 1), and its rate in Hz.

    Raises:
        ValueError: the file is missing, not PCM WAV, truncated or empty, has more than two channels, or has a rate
            outside 1 to 384 kHz.
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
        raise ValueError(f"{expected}. Received: {len(data)} of {frames * channels * width} bytes of audio")
    return _samples(data, width).reshape(frames, channels).mean(axis=1).astype(np.float32), rate


def _samples(data: bytes, width: int) -> np.ndarray:
    if width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float64) - 128) / 128
    # the bytes go to the top of a 32-bit integer, which keeps the sign of 24-bit samples
    wide = np.zeros((len(data) // width, 4), np.uint8)
    wide[:, 4 - width :] = np.frombuffer(data, np.uint8).reshape(-1, width)
    return wide.view("<i4")[:, 0] / 2.0**31


def to_rate(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Resample `(T,)` samples from `rate` to `wanted` Hz, with a warning.

    The warning appears once for each pair of rates. Equal rates return the samples unchanged.
    """
    if rate == wanted:
        return samples
    warnings.warn(f"audio resampled from {rate} to {wanted} Hz", stacklevel=1)
    return np.clip(resample(samples, rate, wanted), -1, 1)  # the filter may overshoot full scale


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Resample `(T,)` samples from `rate` to `wanted` Hz with a polyphase filter.

    The filter is a Kaiser-windowed sinc (Smith, Digital Audio Resampling). Its cutoff is 0.94 of the lower of the two
    Nyquist frequencies. The signal is padded with silence.

    Returns:
        float32 `(ceil(T * wanted / rate),)`.
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
        part = out[first::up]
        # unit gain at 0 Hz in every phase; otherwise a constant signal would get a ripple
        part[:] = windows[start::down][: len(part)] @ (taps / taps.sum()).astype(np.float32)
    return out


def fit_length(samples: np.ndarray, length: int) -> np.ndarray:
    """Crop or zero-pad `(T,)` samples to `(length,)`.

    A longer signal is cropped to the window of highest energy. A shorter signal is centered in silence. Training
    data is processed in the same way.
    """
    if len(samples) >= length:
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[length:] - energy[:-length])) if len(samples) > length else 0
        return samples[start : start + length]
    before = (length - len(samples)) // 2
    return np.pad(samples, (before, length - len(samples) - before))


def read_image(path: str | Path, height: int, width: int, channels: int) -> np.ndarray:
    """Read an image file as uint8 `(height, width, channels)` in 0..255.

    The image is rotated by its EXIF orientation and resized with an antialiased bilinear filter. The aspect ratio is
    not kept, transparency is dropped, and `channels` of 1 converts to gray. Colors are not inverted: for a model of
    white digits on black, invert a black digit on white first.

    Raises:
        ValueError: the file is missing, Pillow cannot decode it or is not installed, or `channels` is neither 1 nor 3.
    """
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError(f"{path}: Pillow is not installed, which image files need: pip install pillow") from None
    if channels not in (1, 3):
        raise ValueError(f"{path}: expected an array, not a file, for an image of {channels} channels")
    try:
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):  # 16 bits, which Pillow would clip at 255
                image = Image.fromarray((np.asarray(image) // 256).clip(0, 255).astype(np.uint8))
            image = image.convert("L" if channels == 1 else "RGB")
    except Image.DecompressionBombError as error:
        raise ValueError(f"{path}: expected an image file. Received: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:  # SyntaxError: a broken PNG
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ValueError(f"{path}: expected an image file. Received: {reason}") from None
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, channels)


def text_ids(text: str, length: int) -> np.ndarray:
    """Encode a text as int32 ids `(length,)`.

    The ids are UTF-8 bytes + 3, padded with 0.
    A longer text is cut between two code points. Lone surrogates become U+FFFD, as in a browser. No other
    normalization is applied.

    Raises:
        ValueError: the text is not a string, or is blank.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"text: expected a string that is not blank. Received: {text!r:.60}")
    content = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    end = min(len(content), length)
    while end < len(content) and content[end] & 0xC0 == 0x80:  # a UTF-8 continuation byte
        end -= 1
    ids = np.zeros(length, np.int32)
    ids[:end] = np.frombuffer(content, np.uint8, end)
    ids[:end] += 3
    return ids
