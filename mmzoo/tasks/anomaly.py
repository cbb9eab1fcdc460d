"""What an anomaly score tells: output `anomaly_score` of a model, on odd examples of several kinds and on normal ones.

Where the line is drawn is chosen on the normal examples of the validation split, for every pattern of what is present.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import NOTHING, by_pattern
from mmzoo.metrics.anomaly import anomaly_scores, auc_gain, threshold_of
from mmzoo.tasks.format import percent, table

OUTPUT = "anomaly_score"
NORMAL = 0  # the label of what is not odd
SUMMARY = ("auc", "partial_auc", "average_precision")
FALSE_ALARMS = 0.05  # share of normal validation examples above the threshold
Examples = tuple[Arrays, np.ndarray]


def finds_anomalies(outputs: Sequence[str]) -> bool:
    """Tell whether a model of these outputs says how odd an example is."""
    return OUTPUT in set(outputs)


def score_of(predict: Callable[[Arrays], Arrays], inputs: Arrays) -> np.ndarray:
    """Return the score `(N,)` of each of the `inputs`, higher for what is odder."""
    return np.asarray(predict(inputs)[OUTPUT], np.float64).reshape(-1)


def kind_scores(score: np.ndarray, labels: np.ndarray, names: Sequence[str], threshold: float) -> dict:
    """Return what `score` `(N,)` tells of examples with `labels` `(N,)`, indices of `names`, of which 0 is normal.

    The keys are those of `anomaly_scores`, of all odd examples against the normal ones; `threshold`, the shares
    `detected` and `false_alarms` of the odd and of the normal ones above it, and `kinds`: `{name: {auc, detected, n}}`
    of each odd kind that is there against all normal ones.

    Raises:
        BadInputError: only one sort of example is there, or a score is NaN.
    """
    labels, above = np.asarray(labels), score > threshold
    odd = labels != NORMAL
    whole = anomaly_scores(score, odd.astype(int))
    kinds = {}
    for label in np.unique(labels[odd]):
        some = (labels == label) | ~odd
        mine = {"detected": float(above[labels == label].mean()), "n": int(np.sum(labels == label))}
        kinds[names[label]] = {"auc": anomaly_scores(score[some], odd[some].astype(int))["auc"], **mine}
    shares = {"detected": float(above[odd].mean()), "false_alarms": float(above[~odd].mean())}
    return {**whole, "threshold": threshold, **shares, "kinds": kinds}


def score_anomalies(
    folder: str | Path,
    files: Sequence[str],
    test: Examples,
    normal: Arrays,
    names: Sequence[str],
    before: dict | None = None,
) -> dict:
    """Return the card's `scores` of the artifacts `files`, kept from `before` where not scored again.

    `normal` are inputs of the validation split. Every subset of the modalities is scored of the first file, unless
    `before` has those of `model.keras`.
    """
    folder, section, (inputs, labels) = Path(folder), {"split": "test", **(before or {})}, test
    modalities = [name for name in inputs if name != "present"]
    artifacts = {}
    for file in files:
        predict = predictor(folder / file)
        artifacts[file] = anomaly_scores(score_of(predict, inputs), (labels != NORMAL).astype(int)) | {"n": len(labels)}
        if file == files[0] and (file == KERAS or "anomalies" not in section):
            section |= {"n": len(labels), "normal": int(np.sum(labels == NORMAL))}
            section["anomalies"] = _subsets(predict, test, normal, modalities, names)
    section["artifacts"] = {**section.get("artifacts", {}), **artifacts}
    return section


def _subsets(predict, test: Examples, normal: Arrays, modalities: Sequence[str], names: Sequence[str]) -> dict:
    """Return `{pattern: scores}` of each pattern in which something is present."""
    inputs, labels = test
    lines = {
        name: threshold_of(score_of(predict, given), FALSE_ALARMS) for name, given in by_pattern(normal, modalities)
    }
    return {
        name: kind_scores(score_of(predict, given), labels, names, lines[name])
        for name, given in by_pattern(inputs, modalities)
        if name != NOTHING
    }


def compare_alone(
    folder: str | Path, scores: dict, test: Examples, alone: dict[str, Callable[[Arrays], Arrays]]
) -> dict[str, dict]:
    """Return the card's `scores` with `alone`, of the models of one modality, and the `fusion_gain` over the best.

    `alone` is `{modality: predict}`; the gain is in points of the area under the ROC curve.
    """
    inputs, labels = test
    odd = (labels != NORMAL).astype(int)
    told = {name: score_of(predict, inputs) for name, predict in alone.items()}
    scores = {**scores, "alone": {name: anomaly_scores(score, odd) for name, score in told.items()}}
    if not told:
        return {"scores": scores}
    best = max(told, key=lambda name: scores["alone"][name]["auc"])
    gain = auc_gain(score_of(predictor(Path(folder) / KERAS), inputs), told[best], odd)
    return {"scores": scores, "fusion_gain": {"over": best, **gain}}


def anomaly_table(scores: dict) -> str:
    """Return the scores of one model as lines to print, one for each subset of the modalities."""
    head, rows = anomaly_rows(scores)
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def anomalies(scores: dict) -> str:
    """Return how well a score tells the odd examples from the normal ones, by what is present and by kind."""
    first = next(iter(scores["anomalies"].values()))
    counted = ", ".join(f"{kind['n']:,} {name}" for name, kind in first["kinds"].items())
    thresholds = ", ".join(f"{found['threshold']:.3g} of {name}" for name, found in scores["anomalies"].items())
    head, rows = anomaly_rows(scores)
    return (
        f"## Score on the {scores['split']} split, {scores['normal']:,} normal examples and {counted}\n\n"
        "The area under the ROC curve (AUC), 0.5 by chance, and the average precision, "
        f"{first['odd']:.2f} by chance. What is above a threshold counts as detected, or as a false alarm; 5 % of the "
        f"normal validation examples are: {thresholds}. Nothing odd was used to train, nor to choose a threshold."
        f"\n\n{table(head, rows)}"
    )


def anomaly_rows(scores: dict) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table of the subsets of the modalities; the last column is of single models."""
    first = next(iter(scores["anomalies"].values()))
    head = ["present", "AUC", "average precision", "detected", "false alarms"]
    head += [f"{what} of {name}" for name in first["kinds"] for what in ("AUC", "detected")]
    rows = []
    for name, found in scores["anomalies"].items():
        row = [name, f"{found['auc']:.3f}", f"{found['average_precision']:.3f}"]
        row += [percent(found["detected"]), percent(found["false_alarms"])]
        for kind in found["kinds"].values():
            row += [f"{kind['auc']:.3f}", percent(kind["detected"])]
        alone = scores.get("alone", {}).get(name)
        rows.append([*row, f"{alone['auc']:.3f}" if alone else ""])
    return [*head, "AUC of a model of it alone"], rows
