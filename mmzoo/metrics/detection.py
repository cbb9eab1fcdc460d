"""COCO mean average precision of detected boxes, overall and per class."""

from collections.abc import Sequence

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.metrics.boxes import iou

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST = 100  # maximum number of detections per class and image


def detection_scores(
    predicted: Sequence[dict[str, np.ndarray]],
    truth: Sequence[dict[str, np.ndarray]],
    names: Sequence[str],
    threshold: float = 0.5,
) -> dict:
    """Score predicted boxes against ground truth by COCO's mean average precision.

    Source: Lin et al., Microsoft COCO (2014); https://cocodataset.org/#detection-eval (101 points of recall).
    `predicted` and `truth` are in the order of the images. Each holds `boxes` `(n, 4)` as left, top, right, bottom in
    any unit, and `labels` `(n,)`, indices of `names`. `predicted` also holds `scores` `(n,)`. An image without boxes
    has `n = 0`.

    The keys are `map50_95`, `map50`, `map75`, all in [0, 1], and `per_class`: a list of `label`, `ap50_95`, `ap50`,
    `precision`, `recall`, `f1`, `support`. The last four are at an IoU of 0.5 for boxes with a score of at least
    `threshold`; a class without predictions has the precision 0. The average precisions of a class without ground truth
    are None and excluded from every mean, as in COCO's own code. There are no crowd boxes and no ranges of area.

    Raises:
        BadInputError: the lengths do not fit, a value is NaN, a label is not one of `names`, a box ends before it
            begins, or the truth holds no box at all.
    """
    if len(predicted) != len(truth):
        raise BadInputError(f"predicted: expected {len(truth)} images, as in truth. Received: {len(predicted)}")
    found = [_checked(f"predicted[{i}]", one, len(names), scored=True) for i, one in enumerate(predicted)]
    there = [_checked(f"truth[{i}]", one, len(names), scored=False) for i, one in enumerate(truth)]
    if not sum(len(one["labels"]) for one in there):
        raise BadInputError(f"truth: expected a box somewhere. Received: {len(truth)} images without boxes")
    rows = [_class_row(found, there, c, threshold) | {"label": name} for c, name in enumerate(names)]
    curves = np.array([row["ap"] for row in rows if row["support"]])  # (classes, IoUs)
    return {
        "map50_95": float(curves.mean()),
        "map50": float(curves[:, 0].mean()),
        "map75": float(curves[:, 5].mean()),
        "per_class": [_table_row(row) for row in rows],
    }


def _class_row(found: list[dict], there: list[dict], label: int, threshold: float) -> dict:
    """Compute the average precision of one class at each IoU, and counts.

    The counts are for boxes with a score of at least `threshold`.
    """
    scores, hits, support = [], [], 0
    for one, true in zip(found, there, strict=True):
        of_class = one["labels"] == label
        order = np.argsort(-one["scores"][of_class], kind="stable")[:MOST]
        boxes = true["boxes"][true["labels"] == label]
        scores.append(one["scores"][of_class][order])
        hits.append(_hits(one["boxes"][of_class][order], boxes))
        support += len(boxes)
    scores, hits = np.concatenate(scores), np.concatenate(hits, axis=1)
    order = np.argsort(-scores, kind="stable")
    kept = scores >= threshold
    return {
        "ap": average_precision(hits[:, order], support) if support else None,
        "support": support,
        "right": int(hits[0, kept].sum()),
        "kept": int(kept.sum()),
    }


def _table_row(row: dict) -> dict:
    support, right, kept = row["support"], row["right"], row["kept"]
    return {
        "label": row["label"],
        "ap50_95": float(row["ap"].mean()) if support else None,
        "ap50": float(row["ap"][0]) if support else None,
        "precision": right / max(1, kept),
        "recall": right / max(1, support),
        "f1": 2 * right / max(1, kept + support),
        "support": support,
    }


def average_precision(hits: np.ndarray, support: int) -> np.ndarray:
    """Compute the average precision `(T,)` of `hits` `(T, n)`, best score first.

    `support` is the number of ground-truth boxes. The result is the mean, over 101 recalls, of the best precision at
    that recall or a higher one. It is 0 for a recall that is never reached.
    """
    right = np.cumsum(hits, axis=1)
    precision = right / np.arange(1, hits.shape[1] + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    best = np.pad(best, ((0, 0), (0, 1)))  # recalls beyond the last detection
    at = [np.searchsorted(recall, RECALLS) for recall in right / support]
    return np.take_along_axis(best, np.array(at), axis=1).mean(axis=1)


def _hits(boxes: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Match `boxes` `(n, 4)`, best score first, to `true` at each IoU: `(T, n)`.

    A box takes the ground-truth box of highest overlap not taken by a better scored box, the last of equals.
    """
    hits = np.zeros((len(IOUS), len(boxes)), bool)
    if not len(true):
        return hits
    taken = np.zeros((len(IOUS), len(true)), bool)
    rows = np.arange(len(IOUS))
    for i, overlap in enumerate(iou(boxes, true)):
        free = np.where(taken, -1.0, overlap)
        best = len(true) - 1 - free[:, ::-1].argmax(axis=1)
        hits[:, i] = free[rows, best] >= IOUS
        taken[rows, best] |= hits[:, i]
    return hits


def _checked(name: str, one: dict[str, np.ndarray], classes: int, scored: bool) -> dict[str, np.ndarray]:
    """Check one image's arrays and convert them to float64 and int."""
    boxes, labels = np.asarray(one["boxes"], np.float64), np.asarray(one["labels"])
    scores = np.asarray(one["scores"], np.float64) if scored else np.zeros(len(labels))
    if boxes.size == 0:
        boxes = boxes.reshape(0, 4)
    if boxes.shape != (len(labels), 4) or labels.ndim != 1 or scores.shape != labels.shape:
        raise BadInputError(
            f"{name}: expected boxes (n, 4), labels (n,) and scores (n,). "
            f"Received: {boxes.shape}, {labels.shape}, {scores.shape}"
        )
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise BadInputError(f"{name}: expected finite boxes and scores. Received: NaN or infinity")
    if (boxes[:, 2:] < boxes[:, :2]).any():
        raise BadInputError(
            f"{name}: expected boxes as left, top, right, bottom. Received: one that ends before it begins"
        )
    if not np.isin(labels, np.arange(classes)).all():
        raise BadInputError(f"{name}: expected labels from 0 to {classes - 1}. Received: {np.unique(labels)[:5]}")
    return {"boxes": boxes, "labels": labels, "scores": scores}
