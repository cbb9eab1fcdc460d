"""What a report is made of: Shapley values, bins of confidence, drawings as SVG, pictures and sounds as data URIs."""

import io
import itertools
import math
import re
import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from mmzoo.reports.plots import BLUE, GRAY, INK, ORANGE, OTHERS
from mmzoo.training.checkpoint import kept_epoch

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


def learning_curve(history: Mapping, key: str, alone: Mapping[str, Mapping]) -> str:
    """Return the SVG of `key` by epoch, training and validation, with models `alone` as thin lines."""

    def draw(axis):
        for name, color, label in ((key, GRAY, "training"), (f"val_{key}", BLUE, "validation")):
            _line(axis, history.get(name) or [], color, label, 1.8)
        for (name, curves), color in zip(alone.items(), OTHERS * len(alone), strict=False):
            _line(axis, curves.get(f"val_{key}") or [], color, f"{name} only, validation", 1.0)
        if history.get("val_loss") and (curve := history.get(f"val_{key}")):
            kept = kept_epoch(history)
            axis.plot([kept + 1], [curve[kept]], "o", color=BLUE, markersize=6, label=f"weights kept: epoch {kept + 1}")
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
        axis.set_xlabel("predicted")
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


def coverage(share: np.ndarray, accuracy: np.ndarray) -> str:
    """Return the SVG of `accuracy` `(N,)` over the `share` `(N,)` of rows that are answered."""

    def draw(axis):
        axis.plot(share, accuracy, color=BLUE, linewidth=1.8, drawstyle="steps-pre", label="accuracy")
        axis.axhline(accuracy[-1], color=GRAY, linewidth=1, linestyle="--", label="all rows answered")
        axis.set_xlim(0, 1)
        axis.set_xlabel("share of rows answered")
        axis.set_ylabel("accuracy")
        axis.legend(frameon=False, fontsize=8, labelcolor=INK, loc="lower right")

    return svg(draw, 4.6, 3.1, "coverage")


def optimization(losses: Sequence[float | None]) -> str:
    """Return the SVG of the losses of trials in their order, the defaults first; None for a pruned trial."""
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
    """Return the SVG of inches `width` by `height` that `draw(axis)` fills, in the colors of the page.

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
