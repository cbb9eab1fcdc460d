"""Small videos of one's own, written with PyAV."""

from fractions import Fraction

import numpy as np

CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx"}


def write_video(path, frames, rate=8, gop=12, rotation=0):
    """Write frames uint8 `(T, H, W, 3)` at `rate` a second, a key frame every `gop` of them; return the path."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(CODECS[path.suffix], rate=Fraction(rate))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        if rotation:
            stream.set_display_rotation(rotation)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_sound(path, seconds=1):
    """Write a file of sound without pictures; return the path."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        for start in range(0, 8000 * seconds, 1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 8000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def brightening(count=16, size=(32, 48)):
    """Return `(count, H, W, 3)`, each frame of one gray, from dark to light."""
    grays = np.linspace(20, 230, count).astype(np.uint8)
    return np.broadcast_to(grays[:, None, None, None], (count, *size, 3))


def moving(rng, right, count=10, side=32):
    """Return `(count, side, side, 3)`: a light bar that moves to the `right`, or to the left, around and around."""
    start, color = rng.integers(side), rng.integers(120, 256, 3)
    frames = rng.integers(0, 60, (count, side, side, 3))
    for i, frame in enumerate(frames):
        at = (start + (2 if right else -2) * i + np.arange(6)) % side
        frame[:, at] = color
    return frames.astype(np.uint8)
