"""Choice of tensor sizes for a table, from a sample of its files and from its texts."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.decode.audio import UNKNOWN, read_audio
from mmzoo.data.decode.video import frame_size, import_av
from mmzoo.data.tables.read import resolve
from mmzoo.data.tables.rows import kind_of, texts
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

SAMPLED = 100  # maximum number of files sampled
SIDES = (32, 48, 64, 96, 128)  # possible image sides, pixels
FRAMES, FRAME_SIDES = 8, (32, 48, 64)  # frames of a video, and their possible sides in pixels
USUAL_SIDE, USUAL_RATE, USUAL_SECONDS = 96, 16_000, 5.0
RATES = (8000, 16_000)  # Hz
LONGEST = 10.0  # maximum duration, seconds
STEP, SHORTEST_TEXT, LONGEST_TEXT = 32, 32, 1024  # bytes
COVERED = 95  # percentile of waveforms and texts that are not cut


def measure(frame: "pd.DataFrame", root: str | Path, inputs: Sequence[tuple[str, tuple]]) -> dict[str, int | float]:
    """Choose the tensor sizes for a table, see `fit_table`.

    Images are not enlarged and have at most 128 pixels a side, video frames at most 64. Audio keeps frequencies up to
    8 kHz, at a sample rate of 16 kHz. Sizes without a matching input have default values.

    Returns:
        `image_size`, `sample_rate`, `seconds`, `text_bytes`, `frames` and `frame_size`.
    """
    kinds = ("image", "audio", "video")
    files = {kind: _sample(frame, root, [c for m, c in inputs if kind_of(m) == kind]) for kind in kinds}
    sides = [min(size) for path in files["image"] if (size := _image_size(path))]
    frame_sides = [min(size) for path in files["video"] if (size := _video_size(path))]
    clips = [clip for path in files["audio"] if (clip := _audio_length(path))]
    seconds = np.percentile([length for length, _ in clips], COVERED) if clips else USUAL_SECONDS
    rate = np.median([rate for _, rate in clips]) if clips else USUAL_RATE
    lengths = [len(text.encode()) for m, c in inputs if kind_of(m) == "text" for text in texts(frame, c) if text]
    longest = np.percentile(lengths, COVERED) if lengths else STEP
    return {
        "image_size": _side(SIDES, sides) if sides else USUAL_SIDE,
        "sample_rate": min(RATES, key=lambda known: (known < min(rate, RATES[-1]), known)),
        "seconds": float(np.clip(np.ceil(10 * seconds) / 10, 0.5, LONGEST)),
        "text_bytes": int(np.clip(STEP * np.ceil(longest / STEP), SHORTEST_TEXT, LONGEST_TEXT)),
        "frames": FRAMES,
        "frame_size": _side(FRAME_SIDES, frame_sides) if frame_sides else FRAME_SIDES[-1],
    }


def _side(known: Sequence[int], found: Sequence[int]) -> int:
    return max([side for side in known if side <= np.median(found)], default=known[0])


def _sample(frame: "pd.DataFrame", root: str | Path, columns: Sequence[tuple]) -> list[Path]:
    cells = [cell for names in columns for cell in frame[names[0]] if cell is not None]
    rows = np.linspace(0, len(cells) - 1, min(SAMPLED, len(cells))).astype(int)
    return [resolve(cells[i], root) for i in rows]


def _image_size(path: Path) -> tuple[int, int] | None:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            return file.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # missing, or reported as a bad row by decoding


def _video_size(path: Path) -> tuple[int, int] | None:
    import_av()
    try:
        return frame_size(path)
    except BadInputError:  # as above
        return None


def _audio_length(path: Path) -> tuple[float, int] | None:
    """Return duration in seconds and rate in Hz, None if unreadable."""
    import soundfile

    try:
        about = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError):
        return None
    if about.frames < UNKNOWN:
        return about.frames / about.samplerate, about.samplerate
    try:
        return len(read_audio(path, about.samplerate)) / about.samplerate, about.samplerate
    except BadInputError:
        return None
