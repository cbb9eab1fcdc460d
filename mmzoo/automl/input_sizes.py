"""How large the tensors of a table's rows are made: from a sample of its files and from its texts."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.decode.video import frame_size, import_av
from mmzoo.data.tables.read import resolve
from mmzoo.data.tables.rows import kind_of, texts
from mmzoo.errors import BadInputError

SAMPLED = 100  # files looked at
SIDES = (32, 48, 64, 96, 128)  # pixels that pictures may get
FRAMES, FRAME_SIDES = 8, (32, 48, 64)  # of a video, and pixels that they may get
USUAL_SIDE, USUAL_RATE, USUAL_SECONDS = 96, 16_000, 5.0
RATES = (8000, 16_000)  # Hz
LONGEST = 10.0  # seconds
STEP, SHORTEST_TEXT, LONGEST_TEXT = 32, 32, 512  # bytes
COVERED = 95  # percent of sounds and texts that are not cut


def measure(frame, root: str | Path, inputs: Sequence[tuple[str, tuple]]) -> dict[str, int | float]:
    """Return `image_size`, `sample_rate`, `seconds`, `text_bytes`, `frames`, `frame_size` for a table; see `fit_table`.

    A picture is not enlarged, and 128 pixels at most, a frame of a video 64; speech and other sound is kept up to
    8 kHz, which is a rate of 16,000. What no input needs has a usual value.
    """
    kinds = ("image", "audio", "video")
    files = {kind: _sample(frame, root, [c for m, c in inputs if kind_of(m) == kind]) for kind in kinds}
    sides = [min(size) for path in files["image"] if (size := _picture_size(path))]
    filmed = [min(size) for path in files["video"] if (size := _video_size(path))]
    sounds = [told for path in files["audio"] if (told := _sound(path))]
    seconds = np.percentile([length for length, _ in sounds], COVERED) if sounds else USUAL_SECONDS
    rate = np.median([rate for _, rate in sounds]) if sounds else USUAL_RATE
    lengths = [len(text.encode()) for m, c in inputs if kind_of(m) == "text" for text in texts(frame, c) if text]
    longest = np.percentile(lengths, COVERED) if lengths else STEP
    return {
        "image_size": _side(SIDES, sides) if sides else USUAL_SIDE,
        "sample_rate": min(RATES, key=lambda known: (known < min(rate, RATES[-1]), known)),
        "seconds": float(np.clip(np.ceil(10 * seconds) / 10, 0.5, LONGEST)),
        "text_bytes": int(np.clip(STEP * np.ceil(longest / STEP), SHORTEST_TEXT, LONGEST_TEXT)),
        "frames": FRAMES,
        "frame_size": _side(FRAME_SIDES, filmed) if filmed else FRAME_SIDES[-1],
    }


def _side(known: Sequence[int], found: Sequence[int]) -> int:
    return max([side for side in known if side <= np.median(found)], default=known[0])


def _sample(frame, root, columns) -> list[Path]:
    cells = [cell for names in columns for cell in frame[names[0]] if cell is not None]
    some = np.linspace(0, len(cells) - 1, min(SAMPLED, len(cells))).astype(int)
    return [resolve(cells[i], root) for i in some]


def _picture_size(path: Path) -> tuple[int, int] | None:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as file:
            return file.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None  # missing, or told as a bad row when it is decoded


def _video_size(path: Path) -> tuple[int, int] | None:
    import_av()
    try:
        return frame_size(path)
    except BadInputError:  # as above
        return None


def _sound(path: Path) -> tuple[float, int] | None:
    """Return the seconds and the rate of a sound file, nothing where it cannot be read."""
    import soundfile

    try:
        about = soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError):
        return None
    return about.frames / about.samplerate, about.samplerate
