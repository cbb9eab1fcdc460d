"""Images, film strips, waveforms and time series as inline HTML."""

import base64
import io
import wave
from pathlib import Path

import numpy as np

from mmzoo.data.decode.audio import fit_length, read_audio, to_int16
from mmzoo.data.decode.image import read_image
from mmzoo.data.decode.video import frame_size, read_frames

SIDE = 160  # pixels of a picture, at most
SMALL = 80  # pixels: a smaller picture is shown enlarged, its pixels as squares
LOSSLESS = 6000  # bytes: a picture that takes more as PNG becomes JPEG
FILM = (2, 4)  # rows and columns of the frames of a video
CURVES, CURVE = 8, 24  # channels of a series that are shown, and the height of each in pixels
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
SECONDS = 5  # of a sound, at most


def picture(path: str | Path) -> dict:
    """Return a picture's `uri`, and the `width` and `height` at which it is shown, at most `SIDE` pixels.

    Raises:
        BadInputError: it cannot be read.
    """
    from PIL import Image

    image = Image.fromarray(read_image(path, 3))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    content, kind = _saved(image, "png", optimize=True), "png"
    if len(content) > LOSSLESS:
        content, kind = _saved(image, "jpeg", quality=85), "jpeg"
    times = SIDE // 2 // max(image.size) + 1 if max(image.size) < SMALL else 1
    width, height = (max(1, side * times) for side in image.size)
    return {"uri": _data_uri(f"image/{kind}", content), "width": width, "height": height, "enlarged": times > 1}


def film_strip(path: str | Path) -> dict:
    """Return evenly spaced frames of a video, row by row, as `picture` does; errors as there."""
    from PIL import Image

    sides, (rows, columns) = frame_size(path), FILM
    width, height = (max(1, round(SIDE / 2 * side / max(sides))) for side in sides)
    frames = read_frames(path, rows * columns, (height, width)).reshape(rows, columns, height, width, 3)
    sheet = Image.fromarray(frames.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3))
    uri = _data_uri("image/jpeg", _saved(sheet, "jpeg", quality=85))
    return {"uri": uri, "width": sheet.width, "height": sheet.height, "enlarged": False}


def curves(series: np.ndarray) -> dict:
    """Return a picture, as `picture` does, of the channels of a series `(T, C + 1)`, below each other.

    The last channel is 1 for a measured step; a channel fills its height from its minimum to its maximum.
    """
    values = series[series[:, -1] > 0.5, :-1].T[:CURVES]
    height = CURVE * len(values)
    lines = []
    for i, channel in enumerate(values):
        low, high = channel.min(initial=np.inf), channel.max(initial=-np.inf)
        across = np.linspace(0, 2 * SIDE, len(series))[: len(channel)]
        down = (i + 0.9) * CURVE - 0.8 * CURVE * (channel - low) / ((high - low) or 1)
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLORS[i % len(COLORS)]}"/>')
    size = f'width="{2 * SIDE}" height="{height}"'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(lines)}</svg>'
    return {"uri": _data_uri("image/svg+xml", drawing.encode()), "width": 2 * SIDE, "height": height, "enlarged": False}


def sound(path: str | Path, sample_rate: int) -> dict:
    """Return a sound's `uri`, a WAV at `sample_rate` Hz, and its `seconds`; of a long one the loudest `SECONDS`.

    Raises:
        BadInputError: it cannot be read.
    """
    waveform = read_audio(path, sample_rate)
    seconds = len(waveform) / sample_rate
    if seconds > SECONDS:
        waveform = fit_length(waveform, SECONDS * sample_rate)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(to_int16(waveform).astype("<i2").tobytes())
    return {"uri": _data_uri("audio/wav", written.getvalue()), "seconds": seconds, "cut": seconds > SECONDS}


def _saved(image, form: str, **options) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
