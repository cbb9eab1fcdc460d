"""Multi-label classification: any number of labels per example, from `label_probabilities` `(N, K)`."""

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.metrics.labels import SUMMARY, THRESHOLD, label_gain, label_scores
from mmzoo.tasks.comparison import (
    Scoring,
    baseline_lines,
    full_metrics,
    gain_lines,
    per_class_table,
    subset_header,
    subset_lines,
    subset_summary,
)
from mmzoo.tasks.format import percent, table
from mmzoo.tasks.task import Call, Examples, Metric, Task, runner_usage

MICRO_F1 = Metric("micro_f1", "micro F1", counts_examples=True)
COLUMNS = {
    "micro_f1": "micro F1",
    "macro_f1": "macro F1",
    "map": "mean average precision",
    "exact": "exact match",
}


def _threshold(examples: Examples) -> float:
    return examples.experiment.export().threshold


def _scores(probabilities: np.ndarray, examples: Examples) -> dict:
    return label_scores(probabilities, examples.labels, examples.names, _threshold(examples))


def _gain(fused: np.ndarray, single: np.ndarray, examples: Examples, groups: np.ndarray) -> dict:
    return label_gain(fused, single, examples.labels, groups, _threshold(examples))


SCORING = Scoring("label_probabilities", MICRO_F1, SUMMARY, _scores, _gain, ("per_class", "threshold"))


def show_gain(gain: Metrics) -> str:
    """Return the gain in points of micro F1, with its interval."""
    interval = f"95 % interval {gain['low']:+.2f} to {gain['high']:+.2f}"
    return f"{gain['micro_f1']:+.2f} points of micro F1 over {gain['over']} ({interval})"


def constant_name(constant: Metrics) -> str:
    """Return the constant prediction: the most frequent labels of the training rows."""
    return ", ".join(constant["labels"]) or "no label"


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return scores and unimodal baseline of each subset, and the fusion gain."""
    describe = "micro F1 {micro_f1:.2%}, exact match {exact:.2%}".format_map
    lines = subset_summary(found, baselines, describe, "{micro_f1:.2%}".format_map)
    return [*lines, *([f"fusion gain: {show_gain(baselines.fusion_gain)}"] if baselines.fusion_gain else [])]


def headline(found: Scores) -> str:
    """Return micro F1 with all modalities available."""
    full = full_metrics(found)
    return f"micro F1 {percent(full['micro_f1'])}" if full else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the scores by subset with unimodal baselines, and by label."""
    if not found.subsets:
        return ""
    rows = [
        [name, *(percent(s[key]) for key in COLUMNS), percent(baselines.unimodal.get(name, {}).get("micro_f1"))]
        for name, s in found.subsets.items()
    ]
    threshold = found.details.get("threshold", THRESHOLD)
    rule = f"A label is predicted at a probability of {threshold} or more. Micro F1 pools the labels of all rows."
    if constant := baselines.constant:
        rule += f" Predicting {constant_name(constant)} for every row has {percent(constant['micro_f1'])}."
    lines = [
        f"## Score on the {found.split} split, {found.n:,} examples",
        table(["modalities", *COLUMNS.values(), "unimodal baseline micro F1"], rows),
        rule,
        per_class_table(found.details["per_class"], "label, all modalities", len(found.details["per_class"])),
        *baseline_lines(baselines, MICRO_F1),
    ]
    lines += gain_lines(baselines, show_gain, note)
    return "\n\n".join(lines)


def usage(call: Call) -> str:
    """Return the lines that print the predicted labels."""
    return runner_usage(call, f'print(runner({call.arguments})["labels"]){call.comment}')


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line for each subset of the modalities."""
    return subset_lines(file, found, SUMMARY, ">12.5g")


TASK = Task(
    name="multilabel",
    outputs=("label_probabilities",),
    primary=MICRO_F1,
    judged=MICRO_F1,
    metrics=(MICRO_F1,),
    score=SCORING.score,
    row=full_metrics,
    quick=SCORING.quick,
    score_all=True,
    header=subset_header(SUMMARY, 12),
    lines=lines,
    table=lambda _: "",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    compare=SCORING.compare,
    gain=SCORING.gain_over,
    show_gain=show_gain,
)
