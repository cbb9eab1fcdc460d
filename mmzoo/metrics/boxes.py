"""Boxes on the host: overlap, heatmap peaks, non-maximum suppression.

A box is left, top, right, bottom.
"""

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Compute pairwise intersection over union `(K, J)`, in [0, 1].

    `boxes` are `(K, 4)`, `others` `(J, 4)`. Boxes that are empty, or have swapped sides, have IoU 0.

    Raises:
        ValueError: an array is not `(K, 4)`.
    """
    shared, union, _ = _areas(boxes, others)
    return _divide(shared, union)


def giou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Compute pairwise generalized IoU `(K, J)`, in [-1, 1].

    Rezatofighi et al. 2019, section 3, algorithm 1. `boxes` are `(K, 4)`, `others` `(J, 4)`. It is the IoU minus the
    uncovered fraction of the smallest box around both: distant boxes score lower.

    Raises:
        ValueError: an array is not `(K, 4)`.
    """
    shared, union, around = _areas(boxes, others)
    return _divide(shared, union) - _divide(around - union, around)


def _areas(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the areas of intersections, unions and enclosing boxes, `(K, J)` each."""
    a, b = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != 4 or b.shape[1] != 4:
        raise ValueError(f"expected boxes (K, 4) and others (J, 4). Received: shapes {a.shape} and {b.shape}")
    a, b = a[:, None], b[None]

    def area(corners: np.ndarray) -> np.ndarray:
        return np.prod(np.maximum(corners[..., 2:] - corners[..., :2], 0), axis=-1)

    lower, upper = np.minimum(a, b), np.maximum(a, b)
    shared = area(np.concatenate([upper[..., :2], lower[..., 2:]], axis=-1))
    around = area(np.concatenate([lower[..., :2], upper[..., 2:]], axis=-1))
    return shared, area(a) + area(b) - shared, around


def _divide(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.divide(x, y, out=np.zeros_like(x), where=y > 0)


def decode_centers(
    heatmap: np.ndarray, boxes: np.ndarray, count: int = 100, threshold: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decode the peaks of one image's heatmap to boxes, best first.

    Source: CenterNet, Zhou et al. 2019, section 4. Returns boxes `(K, 4)`, scores `(K,)` and labels `(K,)`, K <=
    `count`. A peak is a cell of `heatmap` `(H, W, N)` of at least `threshold` that none of its eight neighbors of the
    same class exceeds. Its box is at the cell in `boxes` `(H, W, 4)`.

    Raises:
        ValueError: the shapes do not fit.
    """
    heatmap, boxes = np.asarray(heatmap), np.asarray(boxes)
    if heatmap.ndim != 3 or boxes.shape != (*heatmap.shape[:2], 4):
        raise ValueError(
            "decode_centers expects heatmap (H, W, N) and boxes (H, W, 4). "
            f"Received: heatmap.shape={heatmap.shape}, boxes.shape={boxes.shape}"
        )
    padded = np.pad(heatmap, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1)).max(axis=(-2, -1))
    rows, columns, labels = np.nonzero((heatmap >= around) & (heatmap >= threshold))
    scores = heatmap[rows, columns, labels]
    best = np.argsort(-scores, kind="stable")[:count]
    return boxes[rows, columns][best], scores[best], labels[best]


def non_maximum_suppression(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray | None = None, threshold: float = 0.5
) -> np.ndarray:
    """Apply non-maximum suppression; return the kept indices, best first.

    `boxes` are `(K, 4)`, `scores` `(K,)`. A box is removed if it overlaps a better kept one by an IoU above
    `threshold`. With `labels` `(K,)`, only boxes of the same class suppress one another. Of equal scores the first
    counts as better.

    Raises:
        ValueError: the lengths do not fit.
    """
    boxes, scores = np.asarray(boxes), np.asarray(scores)
    labels = np.zeros(len(boxes)) if labels is None else np.asarray(labels)
    if not len(boxes) == len(scores) == len(labels):
        lengths = (len(boxes), len(scores), len(labels))
        raise ValueError(f"expected boxes, scores and labels of one length. Received: lengths {lengths}")
    doubles = (iou(boxes, boxes) > threshold) & (labels[:, None] == labels)
    waiting, kept = np.ones(len(boxes), bool), []
    for i in np.argsort(-scores, kind="stable"):
        if waiting[i]:
            kept.append(i)
            waiting &= ~doubles[i]
    return np.array(kept, int)
