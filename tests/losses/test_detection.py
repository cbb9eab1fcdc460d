"""Focal loss of heatmaps, generalized IoU and their sum, against loops over the equations."""

import itertools

import numpy as np
import pytest
from loss_cases import objects

from mmzoo.losses import detection, focal


def drawn(seed=0):
    rng = np.random.default_rng(seed)
    return objects(lambda low, high, shape: rng.uniform(low, high, (3, *shape)).astype("float32"))


def focal_by_loop(y, p, alpha=2.0, beta=4.0):
    total, centers = 0.0, 0
    for place in np.ndindex(y.shape):
        if y[place] == 1:
            centers += 1
            total -= (1 - p[place]) ** alpha * np.log(p[place])
        else:
            total -= (1 - y[place]) ** beta * p[place] ** alpha * np.log(1 - p[place])
    return total / max(centers, 1)


def giou_by_hand(a, b):
    """Compute the generalized IoU of two boxes case by case."""
    overlap = [max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    hull = [max(a[i + 2], b[i + 2]) - min(a[i], b[i]) for i in (0, 1)]
    common, outer = np.prod(overlap), np.prod(hull)
    union = np.prod([a[2] - a[0], a[3] - a[1]]) + np.prod([b[2] - b[0], b[3] - b[1]]) - common
    return common / union - (outer - union) / outer


def test_heatmap_focal_is_the_equation():
    y, p = (x[..., :2] for x in drawn())
    y[2] = np.minimum(y[2], 0.5)  # a picture without objects
    p = np.clip(p, 1e-3, 1 - 1e-3)
    for alpha, beta in ((2.0, 4.0), (1.5, 3.0), (2.0, 0.0)):
        expected = [focal_by_loop(*pair, alpha, beta) for pair in zip(y.astype(float), p.astype(float), strict=True)]
        np.testing.assert_allclose(focal.heatmap_focal(alpha, beta)(y, p), expected, rtol=1e-4)


def test_heatmap_focal_of_0_and_1_is_finite():
    y = np.zeros((1, 2, 2, 1), "float32")
    y[0, 0, 0, 0] = 1
    near = -3 * (1 - 1e-4) ** 2 * np.log(1e-4) - (1 - 1e-4) ** 2 * np.log(1e-4)
    assert float(focal.heatmap_focal()(y, 1 - y)[0]) == pytest.approx(near, rel=1e-3)
    assert float(focal.heatmap_focal()(y, y)[0]) < 1e-6


def test_giou_of_boxes_that_overlap_touch_hold_and_miss_each_other():
    boxes = np.array(
        [[0, 0, 4, 2], [1, 1, 5, 6], [1, 0.5, 2, 1], [7, 3, 9, 8], [4, 0, 6, 2], [-3, -2, -1, 0]], "float32"
    )
    for a, b in itertools.product(boxes, repeat=2):
        assert float(detection.giou(a, b)) == pytest.approx(giou_by_hand(a, b), abs=1e-5)
    assert float(detection.giou(boxes[0], boxes[0])) == pytest.approx(1)
    assert float(detection.giou(boxes[0], boxes[3])) < 0


def test_detection_is_its_three_terms_around_centers():
    y, p = drawn(1)
    y[1, ..., :2] = np.minimum(y[1, ..., :2], 0.9)  # a picture without objects
    y[0, 1, 2, 1] = 1  # two classes with their center in one cell: one box
    expected = []
    for true, found in zip(y.astype(float), p.astype(float), strict=True):
        heats = {place: true[place][:2].max() for place in np.ndindex(4, 4)}
        warm = {place: heat for place, heat in heats.items() if heat > 0.05}
        pairs = [(true[c][2:], found[c][2:]) for c in warm]
        costs = [2 * (1 - giou_by_hand(a, b)) + 5 * np.abs(a - b).sum() / 32 for a, b in pairs]
        total = sum(heat * cost for heat, cost in zip(warm.values(), costs, strict=True)) / max(1, sum(warm.values()))
        expected.append(focal_by_loop(true[..., :2], found[..., :2]) + total)
    np.testing.assert_allclose(detection.detection(32)(y, p), expected, rtol=1e-4)


def test_right_costs_less_than_wrong():
    y, p = drawn(2)
    sure = np.concatenate([(y[..., :2] == 1).astype("float32"), y[..., 2:]], axis=-1)
    for part in (slice(0, 2), slice(2, 6)):
        wrong = sure.copy()
        wrong[..., part] = p[..., part]
        right, worse = (np.mean(detection.detection(32)(y, x)) for x in (sure, wrong))
        assert right < worse
    assert np.mean(detection.detection(32)(y, sure)) == pytest.approx(0, abs=1e-4)
