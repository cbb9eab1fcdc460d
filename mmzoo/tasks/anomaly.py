"""Anomaly detection: a score per example, from the output `anomaly_score` `(N, 1)`, higher for anomalies.

Thresholds are chosen on the normal examples of the validation split, one for each subset of the modalities.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import NOTHING, by_pattern
from mmzoo.metrics.anomaly import anomaly_scores, auc_gain, threshold_of
from mmzoo.tasks.format import percent, plain_table, table
from mmzoo.tasks.task import Call, Comparison, Examples, Metric, Predict, Task, metric_lines, runner_usage

OUTPUT = "anomaly_score"
NORMAL = 0  # the label of normal examples
SUMMARY = ("auc", "partial_auc", "average_precision")
FALSE_ALARMS = 0.05  # fraction of normal validation examples above the threshold
AUC = Metric("auc", "AUC", lambda value: "" if value is None else f"{value:.4f}")


def score_of(predict: Predict, inputs: Arrays) -> np.ndarray:
    """Return the anomaly score `(N,)` of each example."""
    return np.asarray(predict(inputs)[OUTPUT], np.float64).reshape(-1)


def type_scores(score: np.ndarray, labels: np.ndarray, names: Sequence[str], threshold: float) -> dict:
    """Score anomalies against normal examples, together and by anomaly type.

    Args:
        score: `(N,)`, higher for anomalies.
        labels: `(N,)` indices of `names`; 0 is normal.
        names: the labels.
        threshold: scores above it are detections.

    Returns:
        The keys of `anomaly_scores`; `threshold`; the fractions `detected` and `false_alarms` of anomalies and of
        normal examples above it; `kinds`: `{name: {auc, detected, n}}` of each type against all normal examples.

    Raises:
        BadInputError: all examples are normal or all anomalous, or a score is NaN.
    """
    labels, above = np.asarray(labels), score > threshold
    anomalous = labels != NORMAL
    whole = anomaly_scores(score, anomalous.astype(int))
    kinds = {}
    for label in np.unique(labels[anomalous]):
        rows = (labels == label) | ~anomalous
        found = {"detected": float(above[labels == label].mean()), "n": int(np.sum(labels == label))}
        kinds[names[label]] = {"auc": anomaly_scores(score[rows], anomalous[rows].astype(int))["auc"], **found}
    rates = {"detected": float(above[anomalous].mean()), "false_alarms": float(above[~anomalous].mean())}
    return {**whole, "threshold": threshold, **rates, "kinds": kinds}


def score(predict: Predict, examples: Examples) -> Scores:
    """Score every subset with at least one modality, at its own threshold."""
    normal, names = examples.validation()[0], examples.modalities
    thresholds = {
        name: threshold_of(score_of(predict, given), FALSE_ALARMS) for name, given in by_pattern(normal, names)
    }
    found = {
        name: type_scores(score_of(predict, given), examples.labels, examples.names, thresholds[name])
        for name, given in by_pattern(examples.inputs, names)
        if name != NOTHING
    }
    details = {"normal": int(np.sum(examples.labels == NORMAL)), "anomalies": found}
    return Scores(n=len(examples), details=details)


def row(found: Scores) -> Metrics:
    """Return the scores with all modalities available."""
    full = next(iter(found.details["anomalies"].values()))
    return {key: full[key] for key in (*SUMMARY, "odd")}


def quick(predict: Predict, examples: Examples) -> Metrics:
    """Return the scores with all modalities available."""
    return anomaly_scores(score_of(predict, examples.inputs), (examples.labels != NORMAL).astype(int))


def compare(predict: Predict, unimodal: Mapping[str, Predict], examples: Examples) -> Comparison:
    """Score unimodal baselines, and the gain in AUC over the best of them."""
    anomalous = (examples.labels != NORMAL).astype(int)
    scored = {name: score_of(one, examples.inputs) for name, one in unimodal.items()}
    found = {name: anomaly_scores(one, anomalous) for name, one in scored.items()}
    best = AUC.best(found)
    gain = auc_gain(score_of(predict, examples.inputs), scored[best], anomalous)
    return Comparison(Baselines(fusion_gain={"over": best, **gain}), details={"alone": found})


def show_gain(gain: Metrics) -> str:
    """Return the gain in points of AUC, with its interval."""
    interval = f"95 % interval {gain['low']:+.2f} to {gain['high']:+.2f}"
    return f"{gain['points']:+.2f} points over {gain['over']} ({interval})"


def anomaly_rows(found: Scores) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table by subset of the modalities, unimodal baselines last."""
    scored = found.details["anomalies"]
    first = next(iter(scored.values()))
    head = ["modalities", "AUC", "average precision", "detected", "false alarms"]
    head += [f"{what}, {name}" for name in first["kinds"] for what in ("AUC", "detected")]
    rows = []
    for name, one in scored.items():
        cells = [name, f"{one['auc']:.3f}", f"{one['average_precision']:.3f}"]
        cells += [percent(one["detected"]), percent(one["false_alarms"])]
        for kind in one["kinds"].values():
            cells += [f"{kind['auc']:.3f}", percent(kind["detected"])]
        single = found.details.get("alone", {}).get(name)
        rows.append([*cells, f"{single['auc']:.3f}" if single else ""])
    return [*head, "unimodal baseline AUC"], rows


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the table by subset, and the fusion gain."""
    gain = [f"fusion gain in AUC: {show_gain(baselines.fusion_gain)}"] if baselines.fusion_gain else []
    return [*plain_table(*anomaly_rows(found)).splitlines(), *gain]


def headline(found: Scores) -> str:
    """Return the AUC with all modalities available."""
    return f"AUC {row(found)['auc']:.3f}" if found.details else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the scores by subset of the modalities and by anomaly type."""
    if not found.details:
        return ""
    scored = found.details["anomalies"]
    first = next(iter(scored.values()))
    counted = ", ".join(f"{kind['n']:,} {name}" for name, kind in first["kinds"].items())
    thresholds = ", ".join(f"{one['threshold']:.3g} for {name}" for name, one in scored.items())
    parts = [
        f"## Score on the {found.split} split, {found.details['normal']:,} normal examples and {counted}",
        "The area under the ROC curve (AUC) is 0.5 by chance, the average precision "
        f"{first['odd']:.2f}. A score above the threshold counts as detected, or as a false alarm; 5 % of the normal "
        f"validation examples are above it: {thresholds}. No anomaly was used to train or to choose a threshold.",
        table(*anomaly_rows(found)),
    ]
    if baselines.fusion_gain:
        parts.append(f"Fusion gain in AUC, times 100: {show_gain(baselines.fusion_gain)}.")
    return "\n\n".join(parts)


def usage(call: Call) -> str:
    """Return the lines that compare the score with its threshold."""
    threshold = next(iter(call.scores.details["anomalies"].values()))["threshold"]
    show = f'score = runner({call.arguments})["anomaly_score"][0]{call.comment}\nprint(score > {threshold:.3g})'
    return runner_usage(call, show + "  # the threshold with all modalities" * bool(call.comment))


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line with the scores of a file."""
    return metric_lines(file, metrics, SUMMARY)


TASK = Task(
    name="anomaly",
    outputs=(OUTPUT,),
    primary=AUC,
    judged=AUC,
    metrics=(AUC,),
    score=score,
    row=row,
    quick=quick,
    lines=lines,
    table=lambda found: f"\n{plain_table(*anomaly_rows(found))}",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    compare=compare,
    show_gain=show_gain,
    labels_are="output `parts` decomposes the score by anomaly type; the parts sum to the score:",
    first_label=1,
)
