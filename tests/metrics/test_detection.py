"""Detection against pycocotools on random boxes, and values by hand."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools import coco, cocoeval

from mmzoo.metrics.detection import average_precision, detection_scores

NAMES = ("cat", "dog", "cow", "sheep")


def drawn(seed, images=12, most=9, whole=False, absent=None):
    """Return boxes and detections near some of them; `whole` has corners and scores with many ties."""
    rng = np.random.default_rng(seed)
    predicted, truth = [], []
    for _ in range(images):
        n, extra = rng.integers(0, most), rng.integers(0, most)
        corner, size = rng.uniform(0, 60, (n, 2)), rng.uniform(2, 40, (n, 2))
        boxes, labels = np.concatenate([corner, corner + size], axis=1), rng.integers(0, len(NAMES), n)
        kept = rng.random(n) < 0.8
        near = boxes[kept] + rng.normal(size=(kept.sum(), 4)) * rng.choice([0.3, 3])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
        corner = rng.uniform(0, 60, (extra, 2))
        far = np.concatenate([corner, corner + rng.uniform(2, 40, (extra, 2))], axis=1)
        guess = np.where(rng.random(kept.sum()) < 0.8, labels[kept], rng.integers(0, len(NAMES), kept.sum()))
        found = np.concatenate([near, near[: len(near) // 3] + 1, far])
        called = np.concatenate([guess, guess[: len(near) // 3], rng.integers(0, len(NAMES), extra)])
        scores = rng.random(len(found))
        if whole:
            boxes, found, scores = np.round(boxes / 6), np.round(found / 6), np.round(scores, 1)
        keep = labels != absent
        truth.append({"boxes": boxes[keep], "labels": labels[keep]})
        predicted.append({"boxes": found, "labels": called, "scores": scores})
    return predicted, truth


def by_coco(predicted, truth):
    """Return pycocotools' evaluation, and its precision (IoU, recall, class) for every area and 100 detections."""

    def rows(every):
        for image, one in enumerate(every, 1):
            for i, (left, top, right, bottom) in enumerate(one["boxes"].tolist()):
                box = [left, top, right - left, bottom - top]
                row = {"image_id": image, "category_id": int(one["labels"][i]) + 1, "bbox": box, "iscrowd": 0}
                yield row | {"area": box[2] * box[3], "score": float(one.get("scores", np.ones(i + 1))[i])}

    def api(every):
        made = coco.COCO()
        made.dataset = {
            "images": [{"id": i} for i in range(1, len(truth) + 1)],
            "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES, 1)],
            "annotations": [row | {"id": i} for i, row in enumerate(rows(every), 1)],
        }
        made.createIndex()
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        run = cocoeval.COCOeval(api(truth), api(predicted), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run.stats, run.eval["precision"][:, :, :, 0, 2]


@pytest.mark.parametrize(
    "options",
    [
        *({"seed": seed} for seed in range(4)),
        *({"seed": seed, "whole": True} for seed in range(4, 8)),
        {"seed": 8, "absent": 2},
        {"seed": 9, "images": 1},
        {"seed": 10, "images": 2, "most": 500},
    ],
    ids=str,
)
def test_equals_pycocotools(options):
    predicted, truth = drawn(**options)
    stats, precision = by_coco(predicted, truth)
    found = detection_scores(predicted, truth, NAMES)
    assert [found["map50_95"], found["map50"], found["map75"]] == pytest.approx(stats[:3].tolist(), abs=1e-12)
    assert 0 < found["map50_95"] < found["map50"] < 1
    for i, row in enumerate(found["per_class"]):
        if row["support"]:
            assert row["ap50_95"] == pytest.approx(precision[:, :, i].mean(), abs=1e-12)
            assert row["ap50"] == pytest.approx(precision[0, :, i].mean(), abs=1e-12)
        else:
            assert (precision[:, :, i] == -1).all()
            assert (row["ap50"], row["ap50_95"]) == (None, None)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 2.0])
def test_table_counts_pairs_by_overlap(threshold):
    predicted, truth = drawn(20)
    found = detection_scores(predicted, truth, NAMES, threshold)
    for c, row in enumerate(found["per_class"]):
        right = kept = support = 0
        for one, true in zip(predicted, truth, strict=True):
            free = [box for box, label in zip(true["boxes"], true["labels"], strict=True) if label == c]
            support += len(free)
            listed = [i for i in np.argsort(-one["scores"]) if one["labels"][i] == c and one["scores"][i] >= threshold]
            kept += len(listed)
            for i in listed:
                overlaps = [overlap(one["boxes"][i], box) for box in free]
                if overlaps and max(overlaps) >= 0.5:
                    right += 1
                    free.pop(int(np.argmax(overlaps)))
        precision, recall = right / kept if kept else 0, right / support
        f1 = 2 * precision * recall / (precision + recall) if right else 0
        expected = {"label": NAMES[c], "precision": precision, "recall": recall, "f1": f1, "support": support}
        assert {key: row[key] for key in expected} == pytest.approx(expected)


def overlap(a, b):
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_values_by_hand():
    truth = [{"boxes": [[0, 0, 10, 10], [20, 0, 30, 10]], "labels": [0, 0]}, {"boxes": [], "labels": []}]
    nothing = {"boxes": [], "labels": [], "scores": []}
    perfect = [{**truth[0], "scores": [0.9, 0.8]}, nothing]
    found = detection_scores(perfect, truth, ["cat"])
    assert (found["map50_95"], found["map50"], found["map75"]) == (1, 1, 1)
    row = {"label": "cat", "ap50_95": 1, "ap50": 1, "precision": 1, "recall": 1, "f1": 1, "support": 2}
    assert found["per_class"] == [row]
    assert detection_scores([nothing, nothing], truth, ["cat"])["map50_95"] == 0
    # one of two boxes with an IoU of 0.8: at 7 of the 10 IoUs a recall of 0.5, 51 of the 101 points
    half = [{"boxes": [[0, 0, 10, 8]], "labels": [0], "scores": [0.4]}, nothing]
    found = detection_scores(half, truth, ["cat"])
    assert (found["map50"], found["map50_95"]) == pytest.approx((51 / 101, 0.7 * 51 / 101))
    assert found["per_class"][0]["precision"] == 0  # below the threshold
    assert detection_scores(half, truth, ["cat"], threshold=0.4)["per_class"][0]["f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("order", "right"), [([0, 1], 1), ([1, 0], 2)])
def test_equal_overlaps_match_the_last_as_pycocotools(order, right):
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10]])
    truth = [{"boxes": boxes[order], "labels": np.zeros(2, int)}]
    # the first lies between the two, the second on one of them
    found = {"boxes": np.array([[2, 0, 12, 10], [4, 0, 14, 10]]), "labels": np.zeros(2, int)}
    predicted = [found | {"scores": np.array([0.9, 0.8])}]
    scores = detection_scores(predicted, truth, NAMES)
    assert scores["per_class"][0]["recall"] == right / 2
    assert scores["map50"] == pytest.approx(by_coco(predicted, truth)[0][1], abs=1e-12)


def test_average_precision_by_hand():
    # right, wrong, right, of 4: precision 1 up to a recall of 1/4 (26 points), 2/3 up to 1/2 (25 points)
    assert average_precision(np.array([[1, 0, 1]]), 4) == pytest.approx((26 + 25 * 2 / 3) / 101)
    assert average_precision(np.zeros((2, 0)), 3).tolist() == [0, 0]


def test_detection_scores_are_invariant_to_order():
    predicted, truth = drawn(30)
    rng = np.random.default_rng(0)
    new = np.array([2, 0, 3, 1])

    def shuffled(one):
        order = rng.permutation(len(one["labels"]))
        moved = {key: values[order] for key, values in one.items()}
        return moved | {"labels": new[moved["labels"]], "boxes": moved["boxes"] * 4 + 64}

    images = rng.permutation(len(truth))
    other = detection_scores([shuffled(predicted[i]) for i in images], [shuffled(truth[i]) for i in images], NAMES)
    found = detection_scores(predicted, truth, NAMES)
    assert other["map50_95"] == pytest.approx(found["map50_95"])
    for c in range(4):
        assert other["per_class"][new[c]] == pytest.approx(found["per_class"][c] | {"label": NAMES[new[c]]})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"boxes": [[0, 0, np.nan, 1]]}, r"predicted\[0\]: .*finite"),
        ({"scores": [np.nan]}, r"predicted\[0\]: .*finite"),
        ({"scores": [1.0, 2.0]}, r"predicted\[0\]: .*scores"),
        ({"boxes": [[0, 0, 1, 1]] * 2}, r"predicted\[0\]: .*boxes"),
        ({"boxes": [[5, 0, 1, 1]]}, r"predicted\[0\]: .*ends before"),
        ({"labels": [1]}, r"predicted\[0\]: .*from 0 to 0"),
        ({"labels": [-1]}, r"predicted\[0\]: .*from 0 to 0"),
    ],
)
def test_bad_arguments_are_named(change, words):
    good = {"boxes": [[0, 0, 1, 1]], "labels": [0], "scores": [0.5]}
    with pytest.raises(ValueError, match=words):
        detection_scores([good | change], [good], ["cat"])


def test_detection_scores_without_truth_raise():
    nothing = {"boxes": [], "labels": [], "scores": []}
    for truth in ([], [nothing]):
        with pytest.raises(ValueError, match="truth: expected a box"):
            detection_scores(truth, truth, ["cat"])
    with pytest.raises(ValueError, match="predicted: expected 1 images"):
        detection_scores([], [nothing], ["cat"])
