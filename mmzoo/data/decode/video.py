"""Decoding of video files to evenly spaced frames, uint8, without audio."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mmzoo.errors import BadInputError

SEEK = 10.0  # seconds between two frames: beyond it a seek is faster than decoding the frames in between
LARGEST = 100_000_000  # pixels of a frame
LOST = 1.0  # seconds that may be missing at the end of a file
_TAG = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")  # of Matroska and WebM


def import_av() -> ModuleType:
    """Import PyAV.

    Raises:
        BadInputError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BadInputError(f"video: PyAV is not installed: pip install 'mmzoo[video]' ({error})") from None
    return av


def read_frames(path: str | Path, count: int, size: tuple[int, int]) -> np.ndarray:
    """Read `count` frames of a video file as uint8 RGB `(count, H, W, 3)`.

    Frames are resized to `size` (H, W), bilinear. The video is divided into `count` parts of the same length, and the
    frame in the middle of each is taken. A video with fewer frames repeats frames. The rotation of a phone is applied.
    In a long video, decoding starts at the key frame before each frame.

    Raises:
        BadInputError: the file is missing, truncated, without frames, or no video; PyAV is not installed.
    """
    with _opened(path) as (container, stream):
        start, length = _time(container, stream)
        times = [start + (i + 0.5) * length / count for i in range(count)]
        return np.stack([_pixels(frame, size) for frame in _shown(container, stream, start, times)])


def frame_size(path: str | Path) -> tuple[int, int]:
    """Return the width and height of a video's frames; errors as `read_frames`."""
    with _opened(path) as (_, stream):
        return stream.codec_context.width, stream.codec_context.height


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple]:
    """Open the container and the video stream of a file."""
    av = import_av()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = sorted({stream.type for stream in container.streams})
                raise ValueError(f"{' and '.join(kinds) or 'nothing'} alone")
            stream = container.streams.video[0]
            sides = stream.codec_context.width, stream.codec_context.height
            if sides[0] * sides[1] > LARGEST:
                raise ValueError(
                    f"frames of {sides[0]} x {sides[1]} pixels, more than {LARGEST // 1_000_000} megapixels"
                )
            stream.codec_context.thread_count = 1  # several files are read at a time
            yield container, stream
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise BadInputError(f"{path}: expected a video that decodes. Received: {reason}") from None


def _time(container: Any, stream: Any) -> tuple[float, float]:
    """Compute start and duration of a video, in seconds.

    If no header contains them, the packets are read.
    """
    base = float(stream.time_base)
    start = (stream.start_time or 0) * base
    if stream.duration:
        return start, stream.duration * base
    if tag := _TAG.fullmatch(stream.metadata.get("DURATION", "")):
        return start, sum(float(part) * unit for part, unit in zip(tag.groups(), (3600, 60, 1), strict=True)) - start
    if container.duration:
        return start, container.duration / 1e6
    pairs = [(packet.pts, packet.duration or 0) for packet in container.demux(stream) if packet.pts is not None]
    container.seek(0)
    return start, max(((pts + lasts) * base for pts, lasts in pairs), default=start) - start


def _shown(container: Any, stream: Any, start: float, times: list[float]) -> Iterator:
    """Yield the frame visible at each of the increasing `times`.

    `start` is the time of the first frame.
    """
    frames, shown, ahead = container.decode(stream), None, None
    patience = LOST + 2 / float(stream.average_rate or 1)
    for time in times:
        if time - _at(ahead or shown, start) > SEEK:
            container.seek(int(time / float(stream.time_base)), stream=stream)
            frames, shown, ahead = container.decode(stream), None, None
        while ahead is None or _at(ahead, start) <= time:
            shown, ahead = ahead or shown, next(frames, None)
            if ahead is None:
                break
        if not (found := shown or ahead):
            raise ValueError("no frames")
        if ahead is None and time - _at(found, start) > patience:
            raise ValueError(f"frames up to {_at(found, start):.1f} s, none at {time:.1f} s")
        yield found


def _at(frame: Any, start: float) -> float:
    return start if frame is None or frame.time is None else frame.time


def _pixels(frame: Any, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return np.asarray(Image.fromarray(turned).resize((size[1], size[0]), Image.Resampling.BILINEAR))
