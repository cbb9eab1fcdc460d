"""What the boxes of a detector score: outputs `heatmap` and `boxes` of a model against the objects that are there."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.device.detections import detections
from mmzoo.metrics.detection import detection_scores
from mmzoo.tasks.format import percent, table

OUTPUTS = {"heatmap", "boxes"}
SUMMARY = ("map50", "map50_95", "map75")
LEAST = 0.01  # score of a box that counts in an average precision
THRESHOLD = 0.3  # score of a box that counts in precision and recall


def detects(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs is a detector."""
    return set(outputs) >= OUTPUTS


def box_scores(predict: Callable[[Arrays], Arrays], inputs: Arrays, objects: np.ndarray, names: Sequence[str]) -> dict:
    """Return the scores of `predict` on `inputs`, see `mmzoo.metrics.detection`.

    `objects` are `(N, K, 5)`: left, top, right, bottom in pixels, and an index of `names`, below 0 where there is none.
    """
    maps = predict(inputs)
    found = [detections(heat, boxes, LEAST) for heat, boxes in zip(maps["heatmap"], maps["boxes"], strict=True)]
    there = [row[row[:, 4] >= 0] for row in np.asarray(objects)]
    truth = [{"boxes": row[:, :4], "labels": row[:, 4].astype(int)} for row in there]
    return detection_scores(found, truth, names, THRESHOLD)


def score_boxes(
    folder: str | Path,
    files: Sequence[str],
    inputs: Arrays,
    objects: np.ndarray,
    names: Sequence[str],
    before: dict | None = None,
) -> dict:
    """Return the card's `scores` of the artifacts `files` of a detector, kept from `before` where not scored again.

    The summary and the classes are those of the first file, unless `before` has those of `model.keras`.
    """
    folder, section = Path(folder), {"split": "test", **(before or {})}
    report = {file: box_scores(predictor(folder / file), inputs, objects, names) for file in files}
    artifacts = {file: {key: s[key] for key in SUMMARY} | {"n": len(objects)} for file, s in report.items()}
    section["artifacts"] = {**section.get("artifacts", {}), **artifacts}
    if files[0] == KERAS or KERAS not in section["artifacts"]:
        first = report[files[0]]
        section |= {key: first[key] for key in (*SUMMARY, "per_class")}
        section |= {"n": len(objects), "threshold": THRESHOLD}
    return section


def box_table(scores: dict) -> str:
    """Return the scores of one model as lines to print: the average precisions, then each class."""
    width = max(len("class"), *(len(row["label"]) for row in scores["per_class"])) + 2
    keys = ("ap50", "ap50_95", "precision", "recall", "f1", "support")
    lines = ["  ".join(f"{key} {scores[key]:.4f}" for key in SUMMARY)]
    lines.append(f"{'class':<{width}}" + "".join(f"{key:>11}" for key in keys))
    for row in scores["per_class"]:
        values = ("" if row[k] is None else row[k] if k == "support" else f"{row[k]:.4f}" for k in keys)
        lines.append(f"{row['label']:<{width}}" + "".join(f"{value!s:>11}" for value in values))
    return "\n".join(lines)


def boxes(scores: dict) -> str:
    """Return the average precisions of a detector, and its table of classes."""
    keys = ("ap50", "ap50_95", "precision", "recall", "f1")
    rows = [[r["label"], *(percent(r[k]) for k in keys), r["support"]] for r in scores["per_class"]]
    text = (
        f"## Score on the {scores['split']} split, {scores['n']:,} pictures\n\n"
        f"Mean average precision of the classes at an IoU of 0.5: {percent(scores['map50'])}; of 0.5 to 0.95: "
        f"{percent(scores['map50_95'])}, as COCO defines it. Precision, recall and F1 are of the boxes scored "
        f"{scores['threshold']} or more, at an IoU of 0.5.\n\n"
    )
    return text + table(["class", "AP50", "AP50-95", "precision", "recall", "F1", "boxes"], rows)
