"""The task multilabel: its scores against scikit-learn, the gain of fusion, and what is shown of them."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, average_precision_score, f1_score
from task_examples import SUBSETS, cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.tasks.multilabel import TASK

NAMES = ("x", "y", "z")
RNG = np.random.default_rng(0)
TRUTH = (RNG.random((60, 3)) < 0.4).astype("float32")
TABLES = {
    name: np.clip(TRUTH * sum(pattern) / 4 + RNG.random((60, 3)) * 0.8, 0, 1).astype("float32")
    for pattern, name in SUBSETS.items()
}
PREDICT = look_up(label_probabilities=TABLES)
SINGLES = {name: look_up(label_probabilities=TABLES[name]) for name in ("image", "audio")}
THRESHOLD = 0.4
EXAMPLES = two(TRUTH, NAMES, SimpleNamespace(export=lambda config: SimpleNamespace(threshold=THRESHOLD)))
KEYS = ("micro_f1", "macro_f1", "map", "exact")


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, EXAMPLES)


@pytest.fixture(scope="module")
def compared():
    return TASK.compare(PREDICT, SINGLES, EXAMPLES)


def rates(probabilities):
    said = probabilities >= THRESHOLD
    return {
        "micro_f1": f1_score(TRUTH, said, average="micro"),
        "macro_f1": f1_score(TRUTH, said, average="macro", zero_division=0),
        "map": average_precision_score(TRUTH, probabilities, average="macro"),
        "exact": accuracy_score(TRUTH, said),
    }


def test_each_subset_is_scored_by_the_formulas(scores):
    assert list(scores.subsets) == list(SUBSETS.values())
    assert scores.n == 60
    for name, found in scores.subsets.items():
        assert found == pytest.approx(rates(TABLES[name]), rel=1e-6)
    each = f1_score(TRUTH, TABLES["image+audio"] >= THRESHOLD, average=None)
    assert [row["f1"] for row in scores.details["per_class"]] == pytest.approx(each.tolist())
    assert [row["support"] for row in scores.details["per_class"]] == TRUTH.sum(axis=0).tolist()


def test_quick_is_the_row_of_the_scores(scores):
    assert TASK.quick(PREDICT, EXAMPLES) == TASK.row(scores) == scores.subsets["image+audio"]


def test_the_gain_is_over_the_highest_micro_f1(compared):
    baselines, gain = compared.baselines, compared.baselines.fusion_gain
    singles = {name: rates(TABLES[name])["micro_f1"] for name in SINGLES}
    assert gain["over"] == max(singles, key=singles.get)
    assert gain["micro_f1"] == pytest.approx(100 * (rates(TABLES["image+audio"])["micro_f1"] - max(singles.values())))
    assert gain["low"] < gain["micro_f1"] < gain["high"]
    mean = np.mean([np.float64(TABLES[name]) for name in SINGLES], axis=0)
    assert baselines.average == pytest.approx(rates(mean), rel=1e-6)
    again = TASK.gain(PREDICT, compared.stored[gain["over"]], EXAMPLES)
    assert {"over": gain["over"], **again} == gain


def test_the_numbers_are_shown(scores, compared):
    constant = {"labels": ["x", "z"], "micro_f1": 0.4375}
    baselines = Baselines(**{**vars(compared.baselines), "constant": constant})
    full, image, gain = scores.subsets["image+audio"], scores.subsets["image"], baselines.fusion_gain
    said = TASK.show_gain(gain)
    assert said == (
        f"{gain['micro_f1']:+.2f} points of micro F1 over {gain['over']} "
        f"(95 % interval {gain['low']:+.2f} to {gain['high']:+.2f})"
    )
    text = TASK.markdown(scores, baselines, "A note.")
    single = baselines.unimodal["image"]["micro_f1"]
    assert text.startswith("## Score on the test split, 60 examples\n")
    assert cells(text, "image")[1:] == [f"{100 * x:.2f} %" for x in (*(image[key] for key in KEYS), single)]
    assert "A label is predicted at a probability of 0.4 or more." in text
    assert "Predicting x, z for every row has 43.75 %." in text
    row = scores.details["per_class"][1]
    assert cells(text, "y")[1:] == [
        *(f"{100 * row[k]:.2f} %" for k in ("precision", "recall", "f1")),
        str(row["support"]),
    ]
    assert f"predictions: micro F1 {100 * baselines.average['micro_f1']:.2f} %." in text
    assert f"Fusion gain: {said}. A note." in text
    nothing = Baselines(constant={"labels": [], "micro_f1": 0.0})
    assert "Predicting no label for every row has 0.00 %." in TASK.markdown(scores, nothing, "")
    first, *_, last = TASK.summary(scores, baselines)
    assert first.endswith(f"test micro F1 {full['micro_f1']:.2%}, exact match {full['exact']:.2%}")
    assert last == f"fusion gain: {said}"
    assert TASK.headline(scores) == f"micro F1 {100 * full['micro_f1']:.2f} %"
    printed = TASK.lines("model.onnx", scores, {})
    assert printed[1].split() == ["model.onnx", "image", *(f"{image[k]:.5g}" for k in KEYS)]
    assert 'print(runner(image=image, audio=audio)["labels"])  # or image only' in usage(TASK, scores)


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
    assert TASK.summary(Scores(), Baselines()) == []
