"""The task detection: average precisions by hand, and what is shown of them."""

import numpy as np
import pytest
from task_examples import cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.tasks.detection import TASK

NAMES = ("cat", "dog")
NONE = [0, 0, 0, 0, -1]
TRUTH = np.array([[[0, 0, 8, 8, 0], [16, 16, 24, 24, 1]], [[4, 4, 20, 20, 0], NONE]], np.float32)
SHIFT = 1.6  # pixels, at which a box of 8 has an IoU of 2 / 3 with itself


def maps():
    """Return maps that find the first cat, and the dog a bit off; the second cat is missed."""
    heatmap, boxes = np.zeros((2, 4, 4, 2), np.float32), np.zeros((2, 4, 4, 4), np.float32)
    heatmap[0, 0, 0, 0], boxes[0, 0, 0] = 0.9, [0, 0, 8, 8]
    heatmap[0, 2, 2, 1], boxes[0, 2, 2] = 0.8, [16 + SHIFT, 16, 24 + SHIFT, 24]
    heatmap[1, 3, 3, 0], boxes[1, 3, 3] = 0.005, [4, 4, 20, 20]  # below what counts
    return look_up(heatmap=heatmap, boxes=boxes)


HALF = 51 / 101  # precision 1 at the recalls 0, 0.01 to 0.5, else 0


@pytest.fixture(scope="module")
def scores():
    return TASK.score(maps(), two(TRUTH, NAMES))


def test_average_precisions_by_hand(scores):
    assert scores.n == 2
    assert scores.subsets == {}
    found = {key: scores.details[key] for key in ("map50", "map75", "map50_95")}
    assert found == pytest.approx({"map50": (HALF + 1) / 2, "map75": HALF / 2, "map50_95": (HALF + 0.4) / 2})
    cat, dog = scores.details["per_class"]
    expected = {"ap50": HALF, "ap50_95": HALF, "precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert {key: cat[key] for key in expected} == pytest.approx(expected)
    expected = {"ap50": 1, "ap50_95": 0.4, "precision": 1, "recall": 1, "f1": 1, "support": 1}
    assert {key: dog[key] for key in expected} == pytest.approx(expected)
    assert [cat["label"], dog["label"]] == list(NAMES)


def test_quick_is_the_row_of_the_scores(scores):
    quick = TASK.quick(maps(), two(TRUTH, NAMES))
    assert quick == TASK.row(scores) == {key: scores.details[key] for key in ("map50", "map50_95", "map75")}
    assert TASK.compare is TASK.gain is None


def test_the_numbers_are_shown(scores):
    details = scores.details
    text = TASK.markdown(scores, Baselines(), "")
    assert text.startswith("## Score on the test split, 2 images\n")
    assert f"at an IoU of 0.5: {100 * details['map50']:.2f} %; at 0.5 to 0.95" in text
    assert f"as COCO defines it: {100 * details['map50_95']:.2f} %" in text
    assert "a score of 0.3 or more" in text
    assert cells(text, "cat")[1:] == ["50.50 %", "50.50 %", "100.00 %", "50.00 %", "66.67 %", "2"]
    printed = TASK.table(scores)
    assert f"map50 {details['map50']:.4f}  map50_95 {details['map50_95']:.4f}  map75 {details['map75']:.4f}" in printed
    assert ["dog", "1.0000", "0.4000", "1.0000", "1.0000", "1.0000", "1"] in [
        one.split() for one in printed.splitlines()
    ]
    assert TASK.summary(scores, Baselines()) == printed.strip().splitlines()
    (line,) = TASK.lines("model.onnx", None, TASK.row(scores))
    assert line.split()[:3] == ["model.onnx", "map50", f"{details['map50']:.4f}"]
    assert TASK.headline(scores) == f"mAP50 {100 * details['map50']:.2f} %"
    code = usage(TASK, scores, arguments="image=image", comment="")
    assert "from mmzoo.device.detections import detections" in code
    assert "maps = runner(image=image)" in code


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
