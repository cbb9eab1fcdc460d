"""Decoding of audio files, image files and texts, with the standard library, NumPy and (for images) Pillow.

Training on files decodes with the same functions: a file gives the same tensor there and on the device.
"""

import contextlib
import functools
import io
import math
import struct
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

MIN_RATE, MAX_RATE = 1000, 384000  # Hz; a rate outside this range means a broken header
ZERO_CROSSINGS = 10  # of the resampling filter, on each side of its center
KAISER_BETA = 5.0  # of its window
STREAMED = 0x7FFF0000  # bytes; a RIFF size from here on was written before the length was known
WAV_CODES = {1: "PCM", 3: "float", 6: "A-law", 7: "mu-law"}
WIDTHS = {"PCM": (8, 16, 24, 32), "float": (32, 64), "A-law": (8,), "mu-law": (8,)}  # bits of a sample
EXTENSIBLE = 0xFFFE  # the code of a WAV file whose real code begins its sub-format, 24 bytes further
PADDED_END = "zeros behind a shorter one"  # in the unit of a waveform: otherwise a shorter one is centered
CUT_END = "start of a longer one"  # in the unit of a waveform: otherwise the window of highest energy
LARGEST = 1_000_000_000  # pixels of a baseline JPEG file that is resized
LARGEST_WHOLE = 250_000_000  # pixels of any other image file, which take 1 GB
SHRUNK = 178_956_970  # pixels; of a larger JPEG file only every 2nd, 4th or 8th frequency is decoded
ALONE = 50_000_000  # pixels; larger images are decoded one at a time, and converted strip by strip
STRIP = 4_000_000  # pixels of a strip
ORIENTATION = 0x0112  # of EXIF
UNSAFE = ("EPS", "WMF")  # formats that Pillow hands to another program
LONGEST = 1 << 28  # samples of a sound: 1.7 hours at 44.1 kHz, 4.7 hours at 16 kHz
SIXTEEN_BITS = ("PNG", "PPM")  # formats of which Pillow's mode "I" holds 16 bits

_one_at_a_time = threading.Lock()


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """Read a WAV file as a mono waveform and its rate, as `decode_wav` does.

    Raises:
        ValueError: the file is missing or does not fit in memory, or as `decode_wav`.
    """
    try:
        return decode_wav(Path(path).read_bytes(), str(path))
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ValueError(f"{path}: expected a readable WAV file. Received: {reason}") from None


def decode_wav(content: bytes, name: str = "audio") -> tuple[np.ndarray, int]:
    """Decode the bytes of a WAV file to a mono waveform and its rate.

    Samples are PCM of 8 (unsigned), 16, 24 or 32 bits, floats of 32 or 64 bits, or 8 bits of A-law or mu-law (ITU-T
    G.711). The format may be WAVE_FORMAT_EXTENSIBLE. Two channels are averaged, samples beyond full scale clipped.
    If the sizes in the header show that the file was streamed or not closed, the samples reach to its end. `name`
    names the file in error messages.

    Returns:
        the waveform, float32 `(T,)` in [-1, 1], and its rate in Hz.

    Raises:
        ValueError: the file has another format, is truncated or empty, has more than two channels, samples that are
            not finite, a rate outside 1 to 384 kHz, or more than 268 million samples.
    """
    encoding, channels, rate, block, bits = _wav_format(content)
    if bits not in WIDTHS.get(encoding, ()) or not channels or block != channels * bits // 8:
        received = f"{encoding} of {bits} bits, {block} bytes a frame" if encoding else f"{content[:12]!r} at its start"
        raise ValueError(f"{name}: expected a WAV file of PCM, float, A-law or mu-law samples. Received: {received}")
    first, size = _wav_data(content, name)
    check_length(size // block * channels, name)
    stored = np.frombuffer(content, np.uint8, size // block * block, first)
    return to_mono(_samples(stored, encoding, bits // 8).reshape(-1, channels), rate, name), rate


def check_length(count: int, name: str) -> None:
    """Raise ValueError if a sound has more than `LONGEST` samples of all channels; the message names the file."""
    if count > LONGEST:
        raise ValueError(f"{name}: expected at most {LONGEST:,} samples. Received: {count:,} samples")


def wav_encoding(content: bytes) -> str:
    """Return the encoding of a WAV file's samples: of `WAV_CODES`, or a hexadecimal code; "" if it is no WAV file."""
    return _wav_format(content)[0]


def _wav_format(content: bytes) -> tuple[str, int, int, int, int]:
    """Return encoding, channels, rate, bytes of a frame and bits of a sample; "" and zeros if it is no WAV file."""
    first, size = _chunks(content).get(b"fmt ", (0, 0))
    if size < 16 or first + size > len(content):
        return "", 0, 0, 0, 0
    code, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", content, first)
    if code == EXTENSIBLE and size >= 40:
        (code,) = struct.unpack_from("<H", content, first + 24)
    return WAV_CODES.get(code, f"format 0x{code:04x}"), channels, rate, block, bits


def _wav_data(content: bytes, name: str) -> tuple[int, int]:
    """Return the first byte of a WAV file's samples, and the number of their bytes in the file."""
    first, size = _chunks(content).get(b"data", (len(content), 0))
    whole, there = 8 + int.from_bytes(content[4:8], "little"), len(content) - first
    if len(content) < whole < STREAMED:
        raise ValueError(f"{name}: expected {whole} bytes. Received: {len(content)}, truncated")
    not_closed = whole <= first or whole >= STREAMED  # the header was written before the samples, and not again
    if size >= STREAMED or (not_closed and not size):
        size = there
    if size > there:
        raise ValueError(f"{name}: expected {size} bytes of samples. Received: {there}, truncated")
    return first, size


def _chunks(content: bytes) -> dict[bytes, tuple[int, int]]:
    """Return `{name: (first byte, declared size)}` of the chunks of a WAV file up to its samples, `data`."""
    found: dict[bytes, tuple[int, int]] = {}
    at = 12
    while content[:4] == b"RIFF" and content[8:12] == b"WAVE" and b"data" not in found and at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        found.setdefault(name, (at + 8, size))
        at += 8 + size + size % 2
    return found


def _samples(stored: np.ndarray, encoding: str, width: int) -> np.ndarray:
    """Convert the bytes of samples of `width` bytes to float32 `(N,)`, full scale at 1, as libsndfile does."""
    if encoding == "float":
        with np.errstate(over="ignore"):  # becomes infinite, and is refused
            return stored.view("<f4" if width == 4 else "<f8").astype(np.float32)
    if encoding != "PCM":
        return _g711(encoding)[stored]
    if width == 1:
        return (stored.astype(np.float32) - 128) / 128
    # the bytes go to the top of a 32-bit integer, which keeps the sign of 24-bit samples
    wide = np.zeros((len(stored) // width, 4), np.uint8)
    wide[:, 4 - width :] = stored.reshape(-1, width)
    return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)


@functools.cache
def _g711(encoding: str) -> np.ndarray:
    """Return the float32 value of each of the 256 codes of A-law or mu-law, ITU-T G.711."""
    codes = np.arange(256) ^ (0x55 if encoding == "A-law" else 0xFF)
    exponent, mantissa, sign = codes >> 4 & 7, (codes & 15) << 4, np.where(codes & 128, 1, -1)
    if encoding == "A-law":
        size = np.where(exponent, mantissa + 0x108 << np.maximum(exponent, 1) - 1, mantissa + 8)
    else:
        size, sign = ((mantissa >> 1) + 0x84 << exponent) - 0x84, -sign
    return (sign * size / 32768).astype(np.float32)


def to_mono(samples: np.ndarray, rate: int, name: str) -> np.ndarray:
    """Average the channels of samples `(T, channels)` and clip them to [-1, 1], float32 `(T,)`.

    Raises:
        ValueError: there is no sample, more than two channels, a sample that is not finite, or a rate outside 1 to
            384 kHz; the message names the file `name`.
    """
    if samples.shape[1] > 2:
        raise ValueError(f"{name}: expected one or two channels. Received: {samples.shape[1]} channels")
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"{name}: expected a rate of {MIN_RATE} to {MAX_RATE} Hz. Received: {rate} Hz")
    if not len(samples):
        raise ValueError(f"{name}: expected some samples. Received: 0 samples")
    if not np.isfinite(samples).all():
        raise ValueError(f"{name}: expected finite samples. Received: NaN or infinity")
    with np.errstate(over="ignore"):
        return np.clip(samples.mean(axis=1), -1, 1)


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

    The filter is a Kaiser-windowed sinc (Smith, Digital Audio Resampling) with its cutoff at the lower of the two
    Nyquist frequencies: the default of `scipy.signal.resample_poly`. The signal is padded with silence.

    Returns:
        float32 `(ceil(T * wanted / rate),)`.

    Raises:
        ValueError: that is more than 268 million samples.
    """
    check_length(-(-len(samples) * wanted // rate), f"audio resampled from {rate} to {wanted} Hz")
    up, down = wanted // math.gcd(rate, wanted), rate // math.gcd(rate, wanted)
    half = ZERO_CROSSINGS * max(up, down)
    taps = np.sinc(np.arange(-half, half + 1) / max(up, down)) * np.kaiser(2 * half + 1, KAISER_BETA)
    taps = np.pad(taps * (up / taps.sum()), 2 * up)
    center, side = half + 2 * up, half // up + 1  # `side` samples of the signal before and after have weight
    out = np.empty(-(-len(samples) * up // down), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(np.asarray(samples, np.float64), side), 2 * side + 1)
    for first in range(min(up, len(out))):  # outputs `up` apart share their taps
        start, phase = divmod(first * down, up)
        part, middle = out[first::up], center + phase
        part[:] = windows[start::down][: len(part)] @ taps[middle - side * up : middle + side * up + 1 : up][::-1]
    return out


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Round samples in [-1, 1] to int16 with the factor 32768, as libsndfile does."""
    return np.clip(np.rint(np.asarray(waveform, np.float64) * 32768), -32768, 32767).astype(np.int16)


def fit_length(samples: np.ndarray, length: int, centered: bool = False) -> np.ndarray:
    """Crop or zero-pad `(T,)` samples to `(length,)`.

    A longer signal is cropped to the window of highest energy. Zeros follow a shorter one; `centered` puts them on both
    of its sides.
    """
    if len(samples) > length:
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
        start = int(np.argmax(energy[length:] - energy[:-length]))
        return samples[start : start + length]
    before = (length - len(samples)) // 2 if centered else 0
    return np.pad(samples, (before, length - len(samples) - before))


def read_image(path: str | Path, height: int, width: int, channels: int) -> np.ndarray:
    """Read an image file as uint8 `(height, width, channels)` in 0..255, as `decode_image` does.

    The aspect ratio is not kept, and `channels` of 1 converts to gray. Colors are not inverted: for a model of white
    digits on black, invert a black digit on white first.

    Raises:
        ValueError: the file is missing, `channels` is neither 1 nor 3, or as `decode_image`.
    """
    _pillow(str(path))
    if channels not in (1, 3):
        raise ValueError(f"{path}: expected an array, not a file, for an image of {channels} channels")
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: expected a readable image file. Received: {error.strerror}") from None
    return decode_image(content, channels, (height, width), str(path))


def decode_image(content: bytes, channels: int, size: tuple[int, int] | None = None, name: str = "image") -> np.ndarray:
    """Decode the bytes of an image file to uint8 `(H, W, channels)` in 0..255.

    `channels` is 1 (gray) or 3 (RGB). `size` `(height, width)` resizes the image with an antialiased bilinear filter.
    The image is rotated by its EXIF orientation and, if it is transparent, put on white. Of 16 bits a channel the upper
    8 are kept. A JPEG file of more than 179 megapixels that is resized is decoded at down to 1/8 of its sides. An image
    of more than 50 megapixels is first averaged to a whole fraction of its sides: it takes about 4 bytes a pixel, and
    no other one is decoded meanwhile. `name` names the file in error messages.

    Raises:
        ValueError: Pillow cannot decode the file or is not installed, pixels are floats or 32-bit integers, or there
            are more than 250 megapixels; of a JPEG file that is resized and not progressive, 1000 megapixels; of a
            format for which Pillow checks its own limit, as WebP and TIFF, 179 megapixels.
    """
    pillow, ops = _pillow(name)
    try:
        file = _open(content)
    except Exception as error:  # of any kind: decoders raise what they meet in broken files
        raise _refusal(name, error) from None
    with file:
        pixels, shrinks = math.prod(file.size), size is not None and file.format in ("JPEG", "MPO")
        most = LARGEST if shrinks and not file.info.get("progressive") else LARGEST_WHOLE
        if pixels > most:
            received = f"{file.width} x {file.height} pixels"
            raise ValueError(f"{name}: expected at most {most // 1_000_000} megapixels. Received: {received}")
        try:
            with _one_at_a_time if pixels > ALONE else contextlib.nullcontext():
                if shrinks and pixels > SHRUNK:
                    file.draft(None, (2 * max(size),) * 2)
                mode = "L" if channels == 1 else "RGB"
                if math.prod(file.size) > ALONE:
                    image = _in_strips(file, mode, size)
                else:
                    ops.exif_transpose(file, in_place=True)
                    image = _on_white(file).convert(mode)
                if size is not None:
                    image = image.resize((size[1], size[0]), pillow.Resampling.BILINEAR)
        except Exception as error:
            raise _refusal(name, error) from None
    return np.asarray(image).reshape(image.height, image.width, channels)


def _pillow(name: str) -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise ValueError(f"{name}: Pillow is not installed, which image files need: pip install pillow") from None
    return Image, ImageOps


def _open(content: bytes) -> Any:
    """Open an image file as `PIL.Image.open` does, but without its limit of pixels, which is global."""
    from PIL import Image

    for load in (Image.preinit, Image.init):  # common formats, then all
        load()
        for kind in [kind for kind in Image.ID if kind not in UNSAFE]:
            factory, accept = Image.OPEN[kind]
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):  # of another format
                known = accept is None or accept(content[:16])  # a string says which package is not installed
                if known and not isinstance(known, str):
                    return factory(io.BytesIO(content), "")
    raise ValueError(f"{content[:12]!r} at its start, no format that Pillow opens")


def _in_strips(file: Any, mode: str, size: tuple[int, int] | None) -> Any:
    """Return a large image in `mode`, averaged to a whole fraction of its sides that is at least twice `size`.

    Each strip is converted by itself: only one copy of the whole image is in memory.
    """
    from PIL import Image, ImageOps

    file.load()
    width, height = file.size
    factor = 1 if size is None else max(1, min(width, height) // (2 * max(size)))
    whole = Image.new(mode, (-(-width // factor), -(-height // factor)))
    rows = factor * max(1, STRIP // (factor * width))
    for top in range(0, height, rows):
        strip = file.crop((0, top, width, min(top + rows, height)))
        strip.format = file.format
        whole.paste(_on_white(strip).convert(mode).reduce(factor), (0, top // factor))
    whole.getexif()[ORIENTATION] = file.getexif().get(ORIENTATION, 1)
    return ImageOps.exif_transpose(whole)


def _on_white(image: Any) -> Any:
    """Return an image of 8 bits a channel, with transparency composited on white."""
    from PIL import Image

    if image.mode == "F" or (image.mode == "I" and image.format not in SIXTEEN_BITS):
        raise ValueError(f"{'floats' if image.mode == 'F' else '32-bit integers'}, of which the range is not known")
    clear = image.info.get("transparency")
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        upper = (deep >> 8).astype(np.uint8)
        return Image.fromarray(upper if clear is None else np.where(deep == clear, np.uint8(255), upper))
    if clear is None and not {"A", "a"} & set(image.getbands()):
        return image
    image = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image)
    return white


def _refusal(name: str, error: Exception) -> ValueError:
    from PIL import Image

    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError):
        reason = "more pixels than Pillow decodes"
    return ValueError(f"{name}: expected an image that decodes. Received: {reason}")


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
