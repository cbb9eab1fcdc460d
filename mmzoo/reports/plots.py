"""The pictures of a card: small PNG files, drawn from what the card holds."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.device.replacing import replacing

# Okabe and Ito's colors, told apart by color-blind readers too
BLUE, ORANGE, GREEN, GRAY, INK = "#0072B2", "#D55E00", "#009E73", "#B8B8B8", "#333333"
METRICS = {"mae": "Mean absolute error", "micro_f1": "Micro F1"}
OTHERS = (ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")


def learning_curve(history: dict, path: str | Path) -> None:
    """Draw loss and metric by epoch, training and validation, from Keras' history, into a PNG at `path`.

    `history` is `{"loss": [...], "val_loss": [...], <metric>: [...], "val_<metric>": [...]}`; an optional
    `baselines` holds `{modality: {"val_<metric>": [...]}}`, drawn as thin lines.
    """
    metric = next((k for k in history if f"val_{k}" in history and k != "loss"), "accuracy")
    figure, axes = _figure(7.2, 2.9, 2)
    for axis, key, title in zip(
        axes, ("loss", metric), ("Loss", METRICS.get(metric, metric.capitalize())), strict=True
    ):
        for name, color, label in ((key, GRAY, "training"), (f"val_{key}", BLUE, "validation")):
            _line(axis, history.get(name, []), color, label, 1.8)
        axis.set_title(title, loc="left", fontsize=9, color=INK)
        axis.set_xlabel("epoch")
        axis.set_xlim(0.5, len(history.get(key, [])) + 0.5)
    for (name, curves), color in zip(history.get("baselines", {}).items(), OTHERS, strict=False):
        _line(axes[1], curves.get(f"val_{metric}", []), color, f"{name} only, validation", 1.0)
    for axis in axes:
        axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axis.legend(frameon=False, fontsize=7)
    _save(figure, path)


def confusion_matrix(matrix: Sequence[Sequence[int]], labels: Sequence[str], path: str | Path) -> None:
    """Draw counts `(C, C)`, rows the true classes, shaded by the share of the row, into a PNG at `path`.

    The counts are written into the cells of up to 20 classes.
    """
    counts = np.asarray(matrix)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.42 * len(labels) + 1.2, 3.2, 7))
    figure, (axis,) = _figure(side, side, 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= 20:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if share[row, column] > 0.5 else INK if count else GRAY
            axis.text(column, row, str(count), ha="center", va="center", fontsize=7, color=color)
    # every label where they can be read, else about twenty of them
    ticks = range(0, len(labels), max(1, -(-len(labels) // 20)))
    turn = 90 if max(map(len, labels)) > 3 else 0
    axis.set_xticks(ticks, [labels[i] for i in ticks], rotation=turn, parse_math=False)  # a class is no formula
    axis.set_yticks(ticks, [labels[i] for i in ticks], parse_math=False)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    _save(figure, path)


def subset_scores(subsets: dict[str, dict], baselines: dict[str, dict], path: str | Path) -> None:
    """Draw the accuracy of every subset of the modalities as bars into a PNG at `path`.

    `subsets` and `baselines` are `{name: {"accuracy": share}}`; an unimodal baseline is a mark on the bar of its
    name.
    """
    names = list(subsets)
    values = [100 * subsets[name]["accuracy"] for name in names]
    figure, (axis,) = _figure(5.4, 0.42 * len(names) + 1.1, 1)
    axis.barh(names, values, height=0.62, color=[BLUE, *[GRAY] * (len(names) - 1)], zorder=2)
    rows = [i for i, name in enumerate(names) if name in baselines]
    marks = [100 * baselines[names[i]]["accuracy"] for i in rows]
    if marks:
        axis.scatter(marks, rows, marker="|", s=260, linewidths=2.2, color=ORANGE, zorder=3)
        figure.text(0.99, 0.99, "| unimodal baseline", color=ORANGE, fontsize=8, ha="right", va="top")
    beside = dict(zip(rows, marks, strict=True))
    for row, value in enumerate(values):
        right = max(value, beside.get(row, 0)) + 1.5
        axis.text(right, row, f"{value:.1f}", va="center", fontsize=8, color=INK)
        if row in beside:
            axis.text(right + 9.5, row, f"{beside[row]:.1f}", va="center", fontsize=8, color=ORANGE)
    axis.invert_yaxis()
    axis.set_xlim(0, 122)
    axis.set_xticks(range(0, 101, 20))
    axis.grid(False, axis="y")
    axis.set_xlabel("accuracy, % of the test split")
    axis.set_title("What is present", loc="left", fontsize=9, color=INK)
    _save(figure, path)


def gain_curve(curve: dict, path: str | Path) -> None:
    """Draw `gain_curve`'s points, accuracy against its setting with one deviation around, into a PNG at `path`."""
    points = [point for point in curve["points"] if point["seeds"]]
    figure, (axis,) = _figure(5.4, 3.2, 1)
    names = [name for name in points[0] if isinstance(points[0][name], list) and "gain" not in name]
    colors = {"fused": BLUE, "average": GREEN}
    others = iter((ORANGE, "#CC79A7", "#E69F00", "#56B4E9"))
    values = [point["value"] for point in points]
    for name in names:
        color = colors.get(name) or next(others)
        mean, deviation = (np.array([point[name][i] for point in points]) for i in (0, 1))
        dashed = "--" if name == "average" else "-"
        axis.plot(values, mean, dashed, color=color, marker="o", markersize=4, label=name)
        axis.fill_between(values, mean - deviation, mean + deviation, color=color, alpha=0.15, linewidth=0)
    axis.set_xlabel(curve["field"])
    axis.set_ylabel("test accuracy, %")
    axis.set_xticks(values)
    axis.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _figure(width: float, height: float, columns: int):
    """Return a figure of inches `width` by `height` and its axes in a row; no window, no global state."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.grid(True, color="#E6E6E6", linewidth=0.7)
        axis.set_axisbelow(True)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.spines["bottom"].set_color(GRAY)
        axis.tick_params(labelsize=8, color=GRAY, labelcolor=INK)
        axis.xaxis.label.set(fontsize=8, color=INK)
        axis.yaxis.label.set(fontsize=8, color=INK)
    return figure, axes


def _line(axis, values: Sequence[float], color: str, label: str, width: float) -> None:
    if values:
        epochs = range(1, len(values) + 1)
        marker = "o" if len(values) < 3 else None
        axis.plot(epochs, values, color=color, label=label, linewidth=width, marker=marker, markersize=4)


def _save(figure, path: str | Path) -> None:
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    with replacing(path) as temporary:  # 64 colors do for a plot and take a third of the bytes
        Image.open(drawn).convert("RGB").quantize(64).save(temporary, format="png", optimize=True)


def strategies(points: Sequence[dict], path: str | Path) -> None:
    """Draw the accuracy by share of labels, a line for each strategy, and by multiply-adds, into a PNG at `path`.

    `points` are `{"strategy", "share", "accuracy": [mean, deviation], "multiply_adds", "pretraining_multiply_adds"}`.
    A strategy is named `<scheme>_<way>`: the scheme has a color, the way a line and a marker.
    """
    figure, (left, right) = _figure(10.4, 3.6, 2)
    names = [*dict.fromkeys(point["strategy"] for point in points)]
    schemes, ways = ([*dict.fromkeys(name.partition("_")[i] for name in names)] for i in (0, 2))
    colors = dict(zip(schemes, (GRAY, BLUE, *OTHERS), strict=False))
    styles = dict(zip(ways, zip("oos^D", ("-", "-", "--", ":", "-."), strict=True), strict=False))
    for name in names:
        mine = [point for point in points if point["strategy"] == name]
        scheme, _, way = name.partition("_")
        color, (marker, line) = colors[scheme], styles[way]
        shares, means, spread = zip(*((100 * p["share"], *p["accuracy"]) for p in mine), strict=True)
        drawn = {"color": color, "marker": marker, "markersize": 4, "linestyle": line, "linewidth": 1.5}
        left.errorbar(shares, means, spread, label=name, capsize=2, **drawn)
        work = [(p["multiply_adds"] + p["pretraining_multiply_adds"]) / 1e12 for p in mine]
        right.scatter(work, means, color=color, marker=marker, s=[10 + 6 * j for j in range(len(mine))])
    left.set_xscale("log")
    left.set_xticks(
        sorted({100 * p["share"] for p in points}), [f"{100 * s:g} %" for s in sorted({p["share"] for p in points})]
    )
    left.minorticks_off()
    left.set_xlabel("training labels")
    left.set_ylabel("test accuracy, %")
    figure.legend(loc="outside right center", frameon=False, fontsize=7, handlelength=3)
    right.set_xlabel("10^12 multiply-adds of training (larger dot: more labels)")
    _save(figure, path)
