"""Tables and charts of scores that the reports of all tasks share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmzoo import tasks
from mmzoo.artifacts.card import Baselines, Card
from mmzoo.reports.html.rows import LISTED, Context
from mmzoo.reports.html.svg import learning_curve, shown_table
from mmzoo.reports.readme import gain
from mmzoo.tasks.comparison import shapley
from mmzoo.tasks.format import percent
from mmzoo.tasks.task import Metric
from mmzoo.training.checkpoint import kept_epoch

ALL = "all modalities"


def model_line(context: Context) -> str:
    """Return which modalities the model of the folder takes, and its number of parameters."""
    names, card = context.shipped, context.card
    size = f" ({card.parameters:,} parameters)" if card.parameters is not None else ""
    return f"The model takes {' and '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}{size}"


def baseline_lines(baselines: Baselines, metric: Metric, more: Callable[[float], str] = lambda value: "") -> list[str]:
    """Return the best unimodal baseline, the best linear baseline, and the average; `more` compares a value."""
    lines = []
    for what, found in (("unimodal baseline", baselines.unimodal), ("linear baseline", baselines.linear)):
        if scored := {name: one for name, one in found.items() if metric.key in one}:
            best = metric.best(scored)
            value, name = scored[best][metric.key], ALL if best == "all" else best
            lines.append(f"The best {what}, {name}, has {metric.label} {metric.show(value)}{more(value)}.")
    if metric.key in baselines.average:
        value = baselines.average[metric.key]
        lines.append(f"The plain average of the unimodal predictions has {metric.show(value)}{more(value)}.")
    return lines


def choice_lines(card: Card) -> list[str]:
    """Return which candidate is in the folder, and how it compares with the fused model on the validation rows."""
    found, chosen, metric = card.baselines.candidates, card.baselines.chosen, tasks.load(card.task).primary
    if chosen not in found:
        return []

    def shown(name: str) -> str:
        return f"loss {found[name]['val_loss']:.3f}, {metric.label} {metric.show(found[name][metric.key])}"

    line = f"Chosen on the validation rows among {len(found)} candidates: {chosen} ({shown(chosen)})"
    others = [name for name in found if name != chosen]
    other = "fused" if chosen != "fused" else min(others, key=lambda name: found[name]["val_loss"])
    return [f"{line}; {other} has {shown(other)}."]


def gain_lines(card: Card) -> list[str]:
    """Return which candidate was chosen, the fusion gain, and whether its interval excludes 0."""
    return [*choice_lines(card), *_gain_lines(card)]


def _gain_lines(card: Card) -> list[str]:
    found, metric = card.baselines.fusion_gain, tasks.load(card.task).primary
    if card.baselines.fused is not None:
        line = (
            f"A multimodal model was trained too, with {metric.label} {metric.show(card.baselines.fused)}; it was "
            "worse on the validation rows than the model in the folder."
        )
        return [line, *([f"Its gain on the test rows: {gain(card)}."] if found else [])]
    if not found:
        return []
    line = f"Fusion gain: {gain(card)}"
    if found["low"] > 0:
        return [f"{line}."]
    if found["high"] < 0:
        return [f"{line}: the unimodal model is better."]
    return [f"{line}; the interval contains 0, so no gain is shown."]


def score_rows(
    card: Card, others: Mapping[str, str], caption: str, cell: Callable[[float | None], Any], constant: str = ""
) -> dict:
    """Return the table of the primary metric by subset, of this model and of the baselines.

    Args:
        card: the card.
        others: `{metric: head}` of further columns, of this model only.
        caption: the caption.
        cell: formats a value of the primary metric, or returns it as a float to be shown with a bar.
        constant: the constant prediction in words, where the card has one.
    """
    task, baselines, subsets = tasks.load(card.task), card.baselines, card.scores.subsets
    key, shown = task.primary.key, {metric.key: metric.show for metric in task.metrics}
    fused = {ALL: baselines.fused} if baselines.fused is not None else {}
    own = {name: one[key] for name, one in subsets.items()}
    single = fused | {name: one[key] for name, one in baselines.unimodal.items()}
    linear = {name: one[key] for name, one in baselines.linear.items() if key in one}
    if "all" in linear:
        linear[ALL if fused or not own else next(iter(own))] = linear.pop("all")
    lines = []
    for name in dict.fromkeys([*own, *single, *linear]):
        more = (shown.get(other, percent)(subsets.get(name, {}).get(other)) for other in others)
        lines.append([name, *(cell(found.get(name)) for found in (own, single, linear)), *more])
    if baselines.constant:
        lines.append([f"{constant} for every row", cell(baselines.constant[key]), *[""] * (2 + len(others))])
    head = ["modalities", "this model", "unimodal baseline", "linear baseline", *others.values()]
    return shown_table(caption, head, lines)


def shapley_rows(context: Context, cell: Callable[[float], str], head: str) -> dict:
    """Return the table of the Shapley value of each modality, in terms of the primary metric."""
    metric = tasks.load(context.card.task).primary
    sign = 1 if metric.higher_is_better else -1
    values = {name: sign * one[metric.key] for name, one in context.card.scores.subsets.items()}
    found = shapley(values, context.shipped) if len(context.shipped) > 1 else {}
    lines = [[name, cell(value)] for name, value in found.items()]
    if lines:
        lines.append(["sum", cell(sum(found.values()))])
    caption = (
        f"Shapley values: how much a modality improves {metric.label}, averaged over all orders in which modalities "
        "can be added. They sum to the difference between all modalities and none."
    )
    return shown_table(caption, ["modality", head], lines)


def per_class(card: Card, what: str = "class", several: str = "classes") -> dict:
    """Return the table of precision, recall and F1 by class or label."""
    rows = card.scores.details.get("per_class") or []
    caption, lines = f"By {what}, all modalities.", []
    if len(rows) > LISTED:
        caption = f"The {LISTED} {several} with the lowest F1, of {len(rows)}, all modalities."
        rows = sorted(rows, key=lambda row: row["f1"])[:LISTED]
    for row in rows:
        rates = (percent(row[key]) for key in ("precision", "recall", "f1"))
        lines.append([row["label"], *rates, f"{row['support']:,}"])
    return shown_table(caption, [what, "precision", "recall", "F1", "rows"], lines)


def curves(history: Mapping, titles: Mapping[str, str]) -> list[dict]:
    """Return the learning curves of the metrics in `titles` that the history has."""
    return [_curve(history, key, title) for key, title in titles.items() if history.get(f"val_{key}")]


def _curve(history: Mapping, key: str, title: str) -> dict:
    values = history[f"val_{key}"]
    best = kept_epoch(history)
    first, kept = f"{values[0]:.3g} in epoch 1", f"{values[best]:.3g} in epoch {best + 1}"
    caption = f"Validation: {first}, {kept}, whose weights were kept."
    return {"title": title, "caption": caption, "svg": learning_curve(history, key, history.get("baselines") or {})}


def listed_counts(caption: str, what: str, names: Sequence[str], counts: Any, totals: Sequence[int], splits) -> dict:
    """Return the table of rows by class or label and split, of the `LISTED` most frequent.

    `counts` are `(names, splits)`; `totals` are the rows of each split.
    """
    kept = sorted((-counts.sum(axis=1)).argsort(kind="stable")[:LISTED])
    lines = [["all", *(f"{n:,}" for n in totals)]]
    lines += [[names[i], *(f"{n:,}" for n in counts[i])] for i in kept if counts[i].any()]
    more = f"; the {LISTED} most frequent of {len(names)}" if len(names) > LISTED else ""
    return shown_table(f"{caption}{more}.", [what, *splits], lines)
