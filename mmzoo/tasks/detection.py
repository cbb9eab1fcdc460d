"""Object detection: boxes with a class and a score, from the outputs `heatmap` and `boxes`."""

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.device.detections import detections
from mmzoo.metrics.detection import detection_scores
from mmzoo.tasks.format import escaped, percent, table
from mmzoo.tasks.task import Call, Examples, Metric, Predict, Task, metric_lines, runner_usage

SUMMARY = ("map50", "map50_95", "map75")
LEAST = 0.01  # score of a box that counts in an average precision
THRESHOLD = 0.3  # score of a box that counts in precision and recall
MAP50 = Metric("map50", "mAP50")


def score(predict: Predict, examples: Examples) -> Scores:
    """Score the boxes of all images.

    `examples.labels` are `(N, K, 5)`: left, top, right, bottom in pixels, and a class index, below 0 where there is no
    object.
    """
    maps = predict(examples.inputs)
    found = [detections(heat, boxes, LEAST) for heat, boxes in zip(maps["heatmap"], maps["boxes"], strict=True)]
    there = [row[row[:, 4] >= 0] for row in np.asarray(examples.labels)]
    truth = [{"boxes": row[:, :4], "labels": row[:, 4].astype(int)} for row in there]
    scored = detection_scores(found, truth, examples.names, THRESHOLD)
    details = {key: scored[key] for key in (*SUMMARY, "per_class")} | {"threshold": THRESHOLD}
    return Scores(n=len(examples), details=details)


def row(found: Scores) -> Metrics:
    """Return the mean average precisions."""
    return {key: found.details[key] for key in SUMMARY}


def quick(predict: Predict, examples: Examples) -> Metrics:
    """Return the mean average precisions of `predict`."""
    return row(score(predict, examples))


def box_table(found: Scores) -> str:
    """Return the mean average precisions, then each class, as lines to print."""
    rows = found.details["per_class"]
    width = max(len("class"), *(len(one["label"]) for one in rows)) + 2
    keys = ("ap50", "ap50_95", "precision", "recall", "f1", "support")
    lines = ["  ".join(f"{key} {found.details[key]:.4f}" for key in SUMMARY)]
    lines.append(f"{'class':<{width}}" + "".join(f"{key:>11}" for key in keys))
    for one in rows:
        values = ("" if one[k] is None else one[k] if k == "support" else f"{one[k]:.4f}" for k in keys)
        lines.append(f"{one['label']:<{width}}" + "".join(f"{value!s:>11}" for value in values))
    return "\n".join(lines)


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the table of the classes."""
    return box_table(found).splitlines()


def headline(found: Scores) -> str:
    """Return the mean average precision at an IoU of 0.5."""
    return f"mAP50 {percent(found.details['map50'])}" if found.details else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the mean average precisions and the table of the classes."""
    if not found.details:
        return ""
    keys = ("ap50", "ap50_95", "precision", "recall", "f1")
    rows = [[escaped(r["label"]), *(percent(r[k]) for k in keys), r["support"]] for r in found.details["per_class"]]
    text = (
        f"## Score on the {found.split} split, {found.n:,} images\n\n"
        f"Mean average precision over the classes at an IoU of 0.5: {percent(found.details['map50'])}; at 0.5 to 0.95, "
        f"as COCO defines it: {percent(found.details['map50_95'])}. Precision, recall and F1 count boxes with a score "
        f"of {found.details['threshold']} or more, at an IoU of 0.5.\n\n"
    )
    return text + table(["class", "AP50", "AP50-95", "precision", "recall", "F1", "boxes"], rows)


def usage(call: Call) -> str:
    """Return the lines that print the detected boxes."""
    show = (
        f"maps = runner({call.arguments})\n"
        'print(detections(maps["heatmap"], maps["boxes"]))  # boxes in pixels of the input, scores, labels'
    )
    return runner_usage(call, show, ["from mmzoo.device.detections import detections"])


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line with the mean average precisions."""
    return metric_lines(file, metrics, SUMMARY)


TASK = Task(
    name="detection",
    outputs=("heatmap", "boxes"),
    primary=MAP50,
    judged=MAP50,
    metrics=(MAP50, Metric("map50_95", "mAP50-95")),
    score=score,
    row=row,
    quick=quick,
    lines=lines,
    table=lambda found: f"\n{box_table(found)}",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    labels_are="classes of `heatmap`, in its order, are",
)
