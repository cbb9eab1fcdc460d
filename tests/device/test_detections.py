"""Tests of on-device detection decoding against the independent formulas of `mmzoo.metrics.boxes`."""

import ast
from pathlib import Path

import numpy as np
import pytest

from mmzoo.device import detections as module
from mmzoo.device.detections import detections
from mmzoo.metrics.boxes import decode_centers, non_maximum_suppression


def maps(seed, size=(12, 9), classes=3):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 40, (*size, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 40, (*size, 2))], axis=-1)
    return rng.random((*size, classes)).round(2), boxes


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("threshold", "count", "overlap"), [(0.3, 100, 0.5), (0.8, 100, 0.2), (0.01, 7, 0.5)])
def test_detections_random_maps_equal_metrics(seed, threshold, count, overlap):
    heatmap, boxes = maps(seed)
    found = detections(heatmap, boxes, threshold, count, overlap)
    peaks, scores, labels = decode_centers(heatmap, boxes, count, threshold)
    kept = non_maximum_suppression(peaks, scores, labels, overlap)
    assert len(kept)
    np.testing.assert_array_equal(found["boxes"], peaks[kept])
    np.testing.assert_array_equal(found["scores"], scores[kept])
    np.testing.assert_array_equal(found["labels"], labels[kept])
    assert (np.diff(found["scores"]) <= 0).all()


def test_detections_empty_heatmap_returns_none():
    heatmap, boxes = maps(0)
    found = detections(0 * heatmap, boxes)
    assert {name: x.shape for name, x in found.items()} == {"boxes": (0, 4), "scores": (0,), "labels": (0,)}


def test_detections_mismatched_shapes_raise():
    heatmap, boxes = maps(0)
    for wrong in ((heatmap[None], boxes), (heatmap, boxes[1:]), (heatmap, boxes[..., :3])):
        with pytest.raises(ValueError, match=r"expected heatmap \(H, W, N\)"):
            detections(*wrong)


def test_detections_module_imports_only_numpy():
    tree = ast.parse(Path(module.__file__).read_text())
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert [ast.unparse(node) for node in found] == ["import numpy as np"]
