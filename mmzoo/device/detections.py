"""Decoding of detection maps: heatmap peaks, then non-maximum suppression for each class."""

import numpy as np


def detections(
    heatmap: np.ndarray, boxes: np.ndarray, threshold: float = 0.3, count: int = 100, overlap: float = 0.5
) -> dict[str, np.ndarray]:
    """Decode the detections of one image from its heatmap and boxes.

    Peaks follow CenterNet (Zhou et al. 2019, section 4). A peak is a cell of at least `threshold` that none of its
    eight neighbors in the same class exceeds. The `count` highest peaks are kept. Non-maximum suppression then
    removes a box whose IoU with a higher-scoring box of the same class is above `overlap`.

    Args:
        heatmap: `(H, W, N)` scores of N classes.
        boxes: `(H, W, 4)`: left, top, right, bottom in pixels of the model's input.
        threshold: lowest score of a peak.
        count: largest number of peaks.
        overlap: largest IoU of two boxes of one class.

    Returns:
        `{"boxes": (K, 4), "scores": (K,), "labels": (K,)}` with K <= `count`, highest score first.

    Raises:
        ValueError: the shapes do not match.
    """
    heatmap, boxes = np.asarray(heatmap), np.asarray(boxes)
    if heatmap.ndim != 3 or boxes.shape != (*heatmap.shape[:2], 4):
        raise ValueError(f"expected heatmap (H, W, N) and boxes (H, W, 4). Received: {heatmap.shape}, {boxes.shape}")
    padded = np.pad(heatmap, ((1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1)).max(axis=(-2, -1))
    rows, columns, labels = np.nonzero((heatmap >= around) & (heatmap >= threshold))
    scores = heatmap[rows, columns, labels]
    best = np.argsort(-scores, kind="stable")[:count]
    found, scores, labels = boxes[rows, columns][best], scores[best], labels[best]
    kept = _keep(found, labels, overlap)
    return {"boxes": found[kept], "scores": scores[kept], "labels": labels[kept]}


def _keep(boxes: np.ndarray, labels: np.ndarray, overlap: float) -> np.ndarray:
    """Suppress overlapping `boxes` `(K, 4)`; return the kept indices.

    The boxes are sorted by score, highest first.
    """
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    areas = sides[:, 0] * sides[:, 1]
    kept, candidate = [], np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if not candidate[i]:
            continue
        kept.append(i)
        low, high = np.maximum(boxes[i, :2], boxes[:, :2]), np.minimum(boxes[i, 2:], boxes[:, 2:])
        shared = np.prod(np.maximum(high - low, 0), axis=1)
        candidate &= (labels != labels[i]) | (shared <= overlap * (areas + areas[i] - shared))
    return np.array(kept, int)
