"""Classification: one class per example, from the output `probabilities` `(N, C)`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.metrics.classification import SUMMARY, fusion_gain, kind_scores, scores
from mmzoo.metrics.consistency import answer_agreement
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
from mmzoo.tasks.format import escaped, percent, table
from mmzoo.tasks.task import Call, Examples, Metric, Predict, Task, runner_usage

MOST_CLASSES = 100  # with more, the card keeps the classes of the split and no confusion matrix
SHOWN_CLASSES = 100
ACCURACY = Metric("accuracy", "accuracy", counts_examples=True)
COLUMNS = {
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
    "ece": "calibration error",
}


def _scores(probabilities: np.ndarray, examples: Examples) -> dict:
    return scores(probabilities, examples.labels, examples.names)


def _gain(fused: np.ndarray, single: np.ndarray, examples: Examples, groups: np.ndarray) -> dict:
    """Return the gain over `single`: probabilities `(N, C)`, or stored classes `(N,)`."""
    probabilities = np.eye(len(examples.names))[single] if single.ndim == 1 else single
    return fusion_gain(fused, probabilities, examples.labels, groups)


def _classes(probabilities: np.ndarray) -> np.ndarray:
    return probabilities.argmax(axis=1).astype(np.uint16)


SCORING = Scoring(
    "probabilities", ACCURACY, SUMMARY, _scores, _gain, ("per_class", "confusion"), _classes, answer_agreement
)


def score(predict: Predict, examples: Examples) -> Scores:
    """Score every subset of the modalities, each class, and each kind of example that the recipe names."""
    found = SCORING.score(predict, examples)
    details = dict(found.details)
    if len(details["per_class"]) > MOST_CLASSES:
        details = {"per_class": [row for row in details["per_class"] if row["support"]]}
    recipe, config = examples.experiment.recipe, examples.experiment.config
    kinds = recipe.kinds(config) if recipe.kinds is not None and not examples.limit else ()
    if len(kinds):
        fused = SCORING.predictions(predict, examples.inputs).argmax(axis=1)
        details["by_kind"] = kind_scores({"fused": fused, **examples.unimodal}, examples.labels, kinds)
    return replace(found, details=details)


def row(found: Scores) -> Metrics:
    """Return accuracy and calibration error with all modalities available."""
    full = full_metrics(found)
    return {"accuracy": full["accuracy"], "ece": full["ece"]}


def quick(predict: Predict, examples: Examples) -> Metrics:
    """Return accuracy and calibration error with all modalities available."""
    found = SCORING.quick(predict, examples)
    return {"accuracy": found["accuracy"], "ece": found["ece"]}


def class_table(found: Scores) -> str:
    """Return precision, recall and F1 of each class as lines to print."""
    rows = found.details["per_class"]
    width = max(len("class"), *(len(one["label"]) for one in rows)) + 2
    head = f"\nall modalities\n{'class':<{width}}" + "".join(
        f"{key:>10}" for key in ("precision", "recall", "f1", "support")
    )
    lines = [
        f"{r['label']:<{width}}{r['precision']:>10.4f}{r['recall']:>10.4f}{r['f1']:>10.4f}{r['support']:>10}"
        for r in rows
    ]
    return "\n".join([head, *lines])


def show_gain(gain: Metrics) -> str:
    """Return the gain in points of accuracy, with its interval."""
    interval = f"95 % interval {gain['low']:+.2f} to {gain['high']:+.2f}"
    return f"{gain['points']:+.2f} points over {gain['over']} ({interval})"


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the accuracy and unimodal baseline of each subset, and the fusion gain."""
    accuracy = "{accuracy:.2%}".format_map
    lines = subset_summary(found, baselines, lambda one: f"accuracy {accuracy(one)}", accuracy)
    return [*lines, *([f"fusion gain {show_gain(baselines.fusion_gain)}"] if baselines.fusion_gain else [])]


def headline(found: Scores) -> str:
    """Return the accuracy with all modalities available."""
    full = full_metrics(found)
    return f"accuracy {percent(full['accuracy'])}" if full else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the scores by subset, by kind of example and by class."""
    if not found.subsets:
        return ""
    rows = [
        [name, *(percent(s.get(k)) for k in COLUMNS), percent(baselines.unimodal.get(name, {}).get("accuracy"))]
        for name, s in found.subsets.items()
    ]
    lines = [
        f"## Score on the {found.split} split, {found.n:,} examples",
        table(["modalities", *COLUMNS.values(), "unimodal baseline accuracy"], rows),
    ]
    lines += gain_lines(baselines, show_gain, note)
    lines += baseline_lines(baselines, ACCURACY)
    if "by_kind" in found.details:
        lines.append(_kind_table(found.details["by_kind"]))
    if per_class := found.details.get("per_class"):
        lines.append(per_class_table(per_class, "class, all modalities", SHOWN_CLASSES))
    return "\n\n".join(lines)


def _kind_table(by_kind: Mapping[str, Mapping]) -> str:
    """Return the accuracies of the model and of the unimodal baselines by kind of example."""
    names = [name for name in next(iter(by_kind.values())) if name != "n"]
    head = ["kind", "examples", *("accuracy" if name == "fused" else f"{name} baseline" for name in names)]
    return table(
        head, [[escaped(kind), f"{s['n']:,}", *(percent(s[name]) for name in names)] for kind, s in by_kind.items()]
    )


def usage(call: Call) -> str:
    """Return the lines that print the predicted class."""
    return runner_usage(call, f'print(runner({call.arguments})["label"]){call.comment}')


def plots(found: Scores, baselines: Baselines, labels: Sequence[str]) -> dict[str, tuple]:
    """Return the confusion matrix, and the accuracies by subset with the unimodal baselines."""
    if "confusion" not in found.details:
        return {}
    return {
        "confusion_matrix": (found.details["confusion"], labels),
        "subset_scores": (found.subsets, baselines.unimodal),
    }


_SHOWN = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece")


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line for each subset of the modalities."""
    return subset_lines(file, found, _SHOWN)


TASK = Task(
    name="classification",
    outputs=("probabilities",),
    primary=ACCURACY,
    judged=ACCURACY,
    metrics=(ACCURACY, Metric("ece", "calibration error", higher_is_better=False)),
    score=score,
    row=row,
    quick=quick,
    score_all=True,
    header=subset_header(("accuracy", "macro-P", "macro-R", "macro-F1", "ece")),
    lines=lines,
    table=class_table,
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    compare=SCORING.compare,
    gain=SCORING.gain_over,
    show_gain=show_gain,
    plots=plots,
)
