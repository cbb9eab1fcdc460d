"""Boxes on the host: overlap, peaks of a heatmap, suppression of doubles. A box is left, top, right, bottom."""

import numpy as np


def iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return intersection over union `(K, J)`, in [0, 1], of each of `boxes` `(K, 4)` with each of `others` `(J, 4)`.

    Boxes that are empty, or whose sides are swapped, overlap with nothing.

    Raises:
        ValueError: an array is not `(K, 4)`.
    """
    shared, union, _ = _areas(boxes, others)
    return _divide(shared, union)


def giou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the generalized IoU `(K, J)`, in [-1, 1], of each of `boxes` `(K, 4)` with each of `others` `(J, 4)`.

    The IoU less the share of the smallest box around both that neither covers: boxes that are further apart score
    lower. Rezatofighi et al. 2019, section 3, algorithm 1.

    Raises:
        ValueError: an array is not `(K, 4)`.
    """
    shared, union, around = _areas(boxes, others)
    return _divide(shared, union) - _divide(around - union, around)


def _areas(boxes: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the areas of the intersections, the unions, and the smallest boxes around both, `(K, J)` each."""
    a, b = np.asarray(boxes, np.float64), np.asarray(others, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != 4 or b.shape[1] != 4:
        raise ValueError(f"expected boxes (K, 4) and others (J, 4). Received: shapes {a.shape} and {b.shape}")
    a, b = a[:, None], b[None]

    def area(corners):
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
    """Return boxes `(K, 4)`, scores `(K,)` and labels `(K,)` of the peaks of one picture, best first, K <= `count`.

    A peak is a cell of `heatmap` `(H, W, N)` of at least `threshold` that none of its eight neighbors of the same
    class exceeds; its box is that of the cell in `boxes` `(H, W, 4)`.

    Raises:
        ValueError: the shapes do not fit.

    Source: CenterNet, Zhou et al. 2019, section 4.
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
    """Return the indices of the `boxes` `(K, 4)` to keep, best of `scores` `(K,)` first.

    A box goes where a better one that is kept overlaps it by an IoU above `threshold`; with `labels` `(K,)`, only one
    of the same class. Of equal scores the first counts as better.

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
