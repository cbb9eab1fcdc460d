"""Video files to a few frames, evenly spaced in time, as uint8 arrays; their sound is not read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmzoo.errors import BadInputError

SEEK = 10.0  # seconds between two frames from which on it is quicker to jump than to decode what lies between
LOST = 1.0  # seconds that may be missing at the end of a file
_TAG = re.compile(r"(\d+):(\d+):(\d+\.?\d*)")  # of Matroska and WebM


def import_av():
    """Return PyAV.

    Raises:
        BadInputError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BadInputError(f"video: expected PyAV (pip install 'mmzoo[video]'). Received: {error}") from None
    return av


def read_frames(path: str | Path, count: int, size: tuple[int, int]) -> np.ndarray:
    """Read `count` frames of a video file as uint8 `(count, H, W, 3)`, RGB, resized to `size` (H, W) (bilinear).

    The video is divided into `count` parts of the same length, and the frame shown in the middle of each is taken: of
    one with fewer frames some come twice. A phone's rotation is applied. Of a long video no more is decoded than from
    one key frame before each of them.

    Raises:
        BadInputError: the file is missing, truncated, without frames, or no video; PyAV is not installed.
    """
    with _opened(path) as (container, stream):
        start, length = _time(container, stream)
        times = [start + (i + 0.5) * length / count for i in range(count)]
        return np.stack([_pixels(frame, size) for frame in _shown(container, stream, start, times)])


def frame_size(path: str | Path) -> tuple[int, int]:
    """Return the width and the height of a video's frames; errors as `read_frames`."""
    with _opened(path) as (_, stream):
        return stream.codec_context.width, stream.codec_context.height


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple]:
    """Yield the container and the stream of pictures of a video file."""
    av = import_av()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = sorted({stream.type for stream in container.streams})
                raise ValueError(f"{' and '.join(kinds) or 'nothing'} alone")
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1  # several files are read at a time
            yield container, stream
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise BadInputError(f"{path}: expected a video that decodes. Received: {reason}") from None


def _time(container, stream) -> tuple[float, float]:
    """Return when a video starts and how long it is, in seconds; what no header says is told by its packets."""
    base = float(stream.time_base)
    start = (stream.start_time or 0) * base
    if stream.duration:
        return start, stream.duration * base
    if told := _TAG.fullmatch(stream.metadata.get("DURATION", "")):
        return start, sum(float(part) * unit for part, unit in zip(told.groups(), (3600, 60, 1), strict=True)) - start
    if container.duration:
        return start, container.duration / 1e6
    pairs = [(packet.pts, packet.duration or 0) for packet in container.demux(stream) if packet.pts is not None]
    container.seek(0)
    return start, max(((pts + lasts) * base for pts, lasts in pairs), default=start) - start


def _shown(container, stream, start: float, times: list[float]) -> Iterator:
    """Yield the frame that is shown at each of the rising `times`; `start` is that of the first."""
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


def _at(frame, start: float) -> float:
    return start if frame is None or frame.time is None else frame.time


def _pixels(frame, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
    return np.asarray(Image.fromarray(turned).resize((size[1], size[0]), Image.Resampling.BILINEAR))
