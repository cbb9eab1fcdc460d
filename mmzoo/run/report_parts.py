"""What a report is made of: Shapley values, bins of confidence, drawings as SVG, pictures and sounds as data URIs."""

import base64
import io
import itertools
import math
import re
import warnings
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.audio import fit_length, read_audio, to_int16
from mmzoo.data.image import read_image
from mmzoo.data.video import frame_size, read_frames
from mmzoo.run.checkpoint import best_epoch
from mmzoo.run.plots import BLUE, GRAY, INK, ORANGE, OTHERS
from mmzoo.run.split import present_patterns

BINS = 15  # of confidence, as in metrics/calibration.py
SIDE = 160  # pixels of a picture, at most
SMALL = 80  # pixels: a smaller picture is shown enlarged, its pixels as squares
LOSSLESS = 6000  # bytes: a picture that takes more as PNG becomes JPEG
FILM = (2, 4)  # rows and columns of the frames of a video
SECONDS = 5  # of a sound, at most
LABEL = 18  # characters of a class at an axis
NUMBERED = 20  # classes up to which a confusion matrix tells its counts
DARK_CELL = 0.85  # share from which on white is easier to read on blue
GRID, GROUND = "#e6e6e6", "#fefefe"
_FIGURE = re.compile(r"|[+-]?[\d.,]+(e[+-]\d+)?( %| ms)?")
# the page has a light and a dark value of each
THEMED = {
    INK.lower(): "currentColor",
    GRID: "var(--line)",
    GROUND: "var(--ground)",
    GRAY.lower(): "var(--soft)",
    BLUE.lower(): "var(--blue)",
    ORANGE.lower(): "var(--orange)",
}


def shapley(values: Mapping[str, float], modalities: Sequence[str]) -> dict[str, float]:
    """Return `{modality: share}` of what `values` gain from nothing to all: the mean gain over all orders of arrival.

    `values` are by subset, named as in `present_patterns`; the shares add up to that of all less that of none. There
    are none where a subset is missing.

    Source: Shapley, A Value for n-Person Games (1953), equation 13.
    """
    names = {pattern: name for name, pattern in present_patterns(modalities).items()}
    if not modalities or not set(names.values()) <= set(values):
        return {}
    found = dict.fromkeys(modalities, 0.0)
    for i, modality in enumerate(modalities):
        for pattern, name in names.items():
            if not pattern[i]:
                joined = names[(*pattern[:i], 1, *pattern[i + 1 :])]
                orders = len(modalities) * math.comb(len(modalities) - 1, sum(pattern))
                found[modality] += (values[joined] - values[name]) / orders
    return found


def confidence_bins(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return `(bins, 3)`: examples, mean confidence and accuracy of each interval `((m - 1) / bins, m / bins]`.

    The intervals are those of `expected_calibration_error`; an empty one has 0 in all three.
    """
    confidence = np.asarray(probabilities, np.float64).max(axis=1)
    correct = np.argmax(probabilities, axis=1) == labels
    interval = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    count, sure, right = (np.bincount(interval, weights=w, minlength=bins) for w in (None, confidence, correct))
    some = np.maximum(count, 1)
    return np.stack([count, sure / some, right / some], axis=1)


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


def shown_table(caption: str, head: Sequence[str], rows: Sequence[Sequence]) -> dict:
    """Return what the template shows as a table, a column without a cell left out; nothing where there is no row.

    A float is a share, shown in percent with a bar; `figures` says of each column whether it is numbers.
    """
    if not rows:
        return {}
    kept = [i for i in range(len(head)) if any(row[i] != "" for row in rows)]
    kept_rows = [[row[i] for i in kept] for row in rows]
    figures = [all(_FIGURE.fullmatch(str(cell)) for cell in column) for column in zip(*kept_rows, strict=True)]
    return {"caption": caption, "head": [head[i] for i in kept], "rows": kept_rows, "figures": figures}


def _saved(image, form: str, **options) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def learning_curve(history: Mapping, key: str, alone: Mapping[str, Mapping]) -> str:
    """Return the SVG of `key` by epoch, training and validation, with that of models `alone` as thin lines."""

    def draw(axis):
        for name, color, label in ((key, GRAY, "training"), (f"val_{key}", BLUE, "validation")):
            _line(axis, history.get(name) or [], color, label, 1.8)
        for (name, curves), color in zip(alone.items(), OTHERS * len(alone), strict=False):
            _line(axis, curves.get(f"val_{key}") or [], color, f"{name} alone, validation", 1.0)
        if history.get("val_loss") and (curve := history.get(f"val_{key}")):
            kept = best_epoch(history, f"val_{key}")
            axis.plot([kept + 1], [curve[kept]], "o", color=BLUE, markersize=6, label="weights kept")
        axis.set_xlabel("epoch")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.legend(frameon=False, fontsize=8, labelcolor=INK)

    return svg(draw, 4.6, 3.1, key)


def confusion_matrix(matrix: Sequence[Sequence[int]], labels: Sequence[str]) -> str:
    """Return the SVG of counts `(C, C)`, rows the true classes, shaded by the share of the row."""
    counts = np.asarray(matrix)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    shade = np.empty((*counts.shape, 4))
    shade[..., :3], shade[..., 3] = [int(BLUE[i : i + 2], 16) / 255 for i in (1, 3, 5)], share
    named = [label if len(label) <= LABEL else f"{label[: LABEL - 1]}…" for label in labels]
    ticks = range(0, len(labels), max(1, -(-len(labels) // NUMBERED)))

    def draw(axis):
        axis.imshow(shade, interpolation="none", aspect="equal")
        for (row, column), count in np.ndenumerate(counts if len(labels) <= NUMBERED else counts[:0]):
            color = "white" if share[row, column] > DARK_CELL else INK if count else GRAY
            axis.text(column, row, str(count), ha="center", va="center", fontsize=9, color=color)
        axis.set_xticks(ticks, [named[i] for i in ticks], rotation=90 if max(map(len, named)) > 3 else 0)
        axis.set_yticks(ticks, [named[i] for i in ticks])
        axis.grid(False)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0)
        axis.set_xlabel("told")
        axis.set_ylabel("true")

    side = float(np.clip(0.36 * len(labels) + 1.4, 3.0, 6.4))
    return svg(draw, side, side, "confusion")


def reliability(bins: np.ndarray) -> str:
    """Return the SVG of accuracy by confidence, from what `confidence_bins` returns, with the examples of each bin."""
    width, there = 1 / len(bins), bins[:, 0] > 0
    middle = (np.arange(len(bins)) + 0.5) * width
    count, sure, right = bins[there].T

    def draw(axis):
        axis.bar(middle[there], right, 0.92 * width, color=BLUE, label="accuracy")
        axis.plot([0, 1], [0, 1], "--", color=INK, linewidth=1, label="confidence = accuracy")
        axis.plot(sure, sure, "o", color=ORANGE, markersize=4, label="mean confidence")
        turn = 90 if count.max() >= 10_000 else 0
        for x, top, examples in zip(middle[there], right, count, strict=True):
            y, color = (0.02, GROUND) if top > 0.1 else (top + 0.02, INK)
            axis.text(x, y, f"{examples:.0f}", ha="center", va="bottom", fontsize=7, color=color, rotation=turn)
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1.08)
        axis.set_xlabel("confidence")
        axis.set_ylabel("accuracy")
        axis.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")

    return svg(draw, 4.6, 3.6, "confidence")


def optimization(losses: Sequence[float | None]) -> str:
    """Return the SVG of the loss of trials in their order, the first that of the defaults; None: it ended early."""
    numbers = range(1, len(losses) + 1)
    known = [math.inf if loss is None else loss for loss in losses]
    early = [number for number in numbers if losses[number - 1] is None]

    def draw(axis):
        axis.plot(numbers, known, "o", color=GRAY, markersize=5, label="trial")
        if losses[0] is not None:
            axis.axhline(losses[0], color=ORANGE, linewidth=1, linestyle="--", label="defaults")
        axis.step(numbers, [*itertools.accumulate(known, min)], color=BLUE, where="post", label="best")
        axis.plot(early, [0.02] * len(early), "|", color=INK, transform=axis.get_xaxis_transform(), label="ended early")
        axis.set_xlabel("trial")
        axis.set_ylabel("validation loss")
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.legend(frameon=False, fontsize=8, labelcolor=INK)

    return svg(draw, 4.6, 3.1, "optimization")


def _line(axis, values: Sequence[float], color: str, label: str, width: float) -> None:
    if values:
        marker = "o" if len(values) < 3 else None
        axis.plot(range(1, len(values) + 1), values, color=color, label=label, linewidth=width, marker=marker)


def svg(draw, width: float, height: float, name: str) -> str:
    """Return the SVG of inches `width` by `height` that `draw(axis)` fills, its colors those of the page.

    Text stays text, in the fonts of the reader: classes may be of any script, and none is read as a formula. Ids are
    made of `name`, so that two drawings in a page have none in common.
    """
    import matplotlib
    from matplotlib.figure import Figure

    own = {"svg.fonttype": "none", "svg.hashsalt": name, "text.parse_math": False}
    written = io.StringIO()
    with matplotlib.rc_context(own), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that matplotlib's font lacks
        figure = Figure(figsize=(width, height), layout="constrained")
        figure.patch.set_visible(False)
        axis = figure.subplots()
        axis.patch.set_visible(False)
        axis.grid(True, color=GRID, linewidth=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.spines["bottom"].set_color(GRAY)
        axis.tick_params(labelsize=9, color=GRAY, labelcolor=INK)
        draw(axis)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set(fontsize=9, color=INK)
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = written.getvalue()
    text = text[text.index("<svg") :]
    meant = set(re.findall(r"""(?:url\(|href=")#([^)"]+)""", text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in meant else "", text)
    return re.sub(r"(fill|stroke): (#[0-9a-f]{6})", lambda found: f"{found[1]}: {THEMED.get(found[2], found[2])}", text)
