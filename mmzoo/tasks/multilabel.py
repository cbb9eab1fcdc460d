"""What a model that tells several labels of a row scores: output `label_probabilities` `(N, K)`."""

from collections.abc import Iterable, Sequence
from functools import partial

from mmzoo.metrics.labels import SUMMARY, label_gain, label_scores
from mmzoo.tasks.format import gain_of, percent, table
from mmzoo.tasks.task import Kind

OUTPUT = "label_probabilities"
HEADS = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "map": "mean average precision",
    "exact": "all labels of a row right",
}


def marks(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs tells several labels."""
    return OUTPUT in set(outputs)


def label_kind(names: Sequence[str]) -> Kind:
    """Return how the probabilities of the labels `names` are scored."""
    scores = partial(label_scores, names=names)
    return Kind(OUTPUT, SUMMARY, "micro_f1", 1, scores, label_gain, told_label_gain, ("per_class",))


def told_label_gain(gain: dict) -> str:
    """Return by how much joining modalities raises the micro-F1, with its interval."""
    interval = f"95 % interval {gain['low']:+.2f} to {gain['high']:+.2f}"
    return f"{gain['micro_f1']:+.2f} points of micro F1 over {gain['over']} alone ({interval})"


def told_constant(constant: dict) -> str:
    """Return the labels that over half of the training rows have."""
    return ", ".join(constant["labels"]) or "no label"


def labels(card: dict) -> str:
    """Return the scores by what is present, beside those of models of one modality, and by label."""
    scores, baselines = card["scores"], card.get("baselines", {})
    head = f"## Score on the {scores['split']} split, {scores['n']:,} examples"
    rows = [
        [name, *(percent(s[key]) for key in HEADS), percent(baselines.get(name, {}).get("micro_f1"))]
        for name, s in scores["subsets"].items()
    ]
    lines = [head, table(["present", *HEADS.values(), "micro F1 of a model of it alone"], rows)]
    lines.append("A label is told from a probability of 0.5 on. Micro F1 counts all labels of all rows together.")
    if constant := card.get("constant"):
        lines[-1] += f" To tell {told_constant(constant)} of every row: {percent(constant['micro_f1'])}."
    body = [
        [r["label"], *(percent(r[k]) for k in ("precision", "recall", "f1")), r["support"]] for r in scores["per_class"]
    ]
    lines.append(table(["label, everything present", "precision", "recall", "F1", "examples"], body))
    if average := card.get("average"):
        told = percent(average["micro_f1"])
        lines.append(f"Plain average of the probabilities of the single-modality models: {told}.")
    if sizes := [f"{name} {b['parameters']:,}" for name, b in baselines.items() if "parameters" in b]:
        lines.append(f"Parameters of the single-modality models: {', '.join(sizes)}.")
    if gain := card.get("fusion_gain"):
        lines.append(f"{gain_of(card)}: {told_label_gain(gain)}.")
    return "\n\n".join(lines)


def label_lines(card: dict) -> str:
    """Return the scores by what is present, and the gain of fusion, as lines to print."""
    lines = []
    for name, s in card["scores"]["subsets"].items():
        alone = card.get("baselines", {}).get(name)
        beside = f"   a model of it alone {alone['micro_f1']:.2%}" if alone else ""
        lines.append(f"{name:<16} test micro F1 {s['micro_f1']:.2%}, exact {s['exact']:.2%}{beside}")
    if gain := card.get("fusion_gain"):
        lines.append(f"fusion gain: {told_label_gain(gain)}")
    return "\n".join(lines)
