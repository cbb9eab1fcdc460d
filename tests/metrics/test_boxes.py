"""Boxes against pixels counted one by one, and loops over the definitions."""

import numpy as np
import pytest

from mmzoo.metrics.boxes import decode_centers, giou, iou, non_maximum_suppression

RNG = np.random.default_rng(0)


def draw(count, size=20):
    """Return boxes with whole-numbered corners, `(count, 4)`, none empty."""
    first = RNG.integers(0, size - 1, (count, 2))
    return np.concatenate([first, first + RNG.integers(1, size // 2, (count, 2))], axis=1)


def pixels(box):
    left, top, right, bottom = box
    return {(x, y) for x in range(left, right) for y in range(top, bottom)}


def test_overlap_counts_pixels():
    boxes, others = draw(15), draw(25)
    found, general = iou(boxes, others), giou(boxes, others)
    assert found.shape == general.shape == (15, 25)
    for i, a in enumerate(boxes):
        for j, b in enumerate(others):
            shared, union = pixels(a) & pixels(b), pixels(a) | pixels(b)
            around = pixels([*np.minimum(a, b)[:2], *np.maximum(a, b)[2:]])
            assert found[i, j] == pytest.approx(len(shared) / len(union))
            expected = len(shared) / len(union) - len(around - union) / len(around)
            assert general[i, j] == pytest.approx(expected)
    assert found.any()
    assert (general < 0).any()


def test_values_by_hand():
    a = np.array([[0, 0, 2, 2]])
    np.testing.assert_allclose(iou(a, a), 1)
    np.testing.assert_allclose(giou(a, a), 1)
    np.testing.assert_allclose(iou(a, [[1, 1, 3, 3]]), 1 / 7)
    np.testing.assert_allclose(giou(a, [[1, 1, 3, 3]]), 1 / 7 - 2 / 9)
    np.testing.assert_allclose(giou(a, [[100, 0, 102, 2]]), -196 / 204)


@pytest.mark.parametrize("overlap", [iou, giou])
def test_empty_boxes_do_not_divide_by_zero(overlap):
    point, swapped, box = [1, 1, 1, 1], [3, 3, 2, 2], [0, 0, 4, 4]
    answer = overlap([point, swapped], [point, swapped, box])
    assert np.isfinite(answer).all()
    assert (answer <= 0).all()
    assert overlap(np.zeros((0, 4)), [box]).shape == (0, 1)


def test_overlap_wrong_shapes_raise():
    with pytest.raises(ValueError, match=r"Received: shapes \(4,\) and \(1, 4\)"):
        iou(np.zeros(4), np.zeros((1, 4)))


def test_peaks_are_cells_that_no_neighbor_exceeds():
    heatmap = np.round(RNG.random((7, 9, 3)), 1)
    boxes = RNG.random((7, 9, 4))
    expected = []
    for y, x, n in np.ndindex(heatmap.shape):
        value = heatmap[y, x, n]
        around = heatmap[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2, n]
        if value >= 0.4 and value == around.max():
            expected.append((-value, (y, x, n), boxes[y, x].tolist()))
    expected.sort(key=lambda peak: peak[:2])
    found, scores, labels = decode_centers(heatmap, boxes, count=1000, threshold=0.4)
    assert found.tolist() == [box for *_, box in expected]
    assert scores.tolist() == [-score for score, *_ in expected]
    assert labels.tolist() == [n for _, (_, _, n), _ in expected]
    assert len(expected) > 5
    few = decode_centers(heatmap, boxes, count=3, threshold=0.4)
    assert few[0].tolist() == found[:3].tolist()


def test_decode_centers_without_peak_is_empty():
    found, scores, labels = decode_centers(np.zeros((4, 4, 2)), np.zeros((4, 4, 4)))
    assert (found.shape, scores.shape, labels.shape) == ((0, 4), (0,), (0,))


def test_decode_centers_wrong_shapes_raise():
    with pytest.raises(ValueError, match=r"Received: heatmap.shape=\(4, 5, 2\), boxes.shape=\(5, 4, 4\)"):
        decode_centers(np.zeros((4, 5, 2)), np.zeros((5, 4, 4)))


def by_definition(boxes, scores, labels, threshold):
    """Suppress by definition: repeatedly keep the best and drop its overlaps; ties by index."""
    left, kept = list(range(len(boxes))), []
    while left:
        best = max(left, key=lambda k: (scores[k], -k))
        kept.append(best)
        left = [
            k
            for k in left
            if k != best
            and not (
                labels[k] == labels[best]
                and len(pixels(boxes[k]) & pixels(boxes[best]))
                > threshold * len(pixels(boxes[k]) | pixels(boxes[best]))
            )
        ]
    return kept


@pytest.mark.parametrize("threshold", [0.1, 0.33, 0.6])
@pytest.mark.parametrize("classes", [1, 3])
def test_suppression_by_definition(threshold, classes):
    boxes = draw(12)[RNG.integers(0, 12, 40)] + RNG.integers(0, 2, (40, 4))  # clusters of near doubles
    scores, labels = np.round(RNG.random(40), 1), RNG.integers(0, classes, 40)
    given = labels if classes > 1 else None
    kept = non_maximum_suppression(boxes, scores, given, threshold).tolist()
    assert kept == by_definition(boxes, scores, labels, threshold)
    assert len(kept) < 40


def test_suppression_of_no_boxes_is_empty():
    assert non_maximum_suppression(np.zeros((0, 4)), np.zeros(0)).tolist() == []
    with pytest.raises(ValueError, match=r"of one length. Received: lengths \(2, 1, 2\)"):
        non_maximum_suppression(np.zeros((2, 4)), np.zeros(1))
