"""Images, film strips and waveforms as inline HTML."""

import base64
import io
import wave
from pathlib import Path

from mmzoo.data.decode.audio import fit_length, read_audio, to_int16
from mmzoo.data.decode.image import read_image
from mmzoo.data.decode.video import frame_size, read_frames

SIDE = 160  # pixels of a picture, at most
SMALL = 80  # pixels: a smaller picture is shown enlarged, its pixels as squares
LOSSLESS = 6000  # bytes: a picture that takes more as PNG becomes JPEG
FILM = (2, 4)  # rows and columns of the frames of a video
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
