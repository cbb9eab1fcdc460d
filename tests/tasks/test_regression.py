"""The task regression: its errors against scikit-learn, the gain of fusion, and what is shown of them."""

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from task_examples import SUBSETS, cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.tasks.format import figure, signed
from mmzoo.tasks.regression import TASK

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(2000, 7, 50)
TABLES = {
    name: (TRUTH + RNG.normal(0, 5 - 2 * sum(pattern), 50))[:, None].astype("float32")
    for pattern, name in SUBSETS.items()
}
PREDICT = look_up(value=TABLES)
SINGLES = {name: look_up(value=TABLES[name]) for name in ("image", "audio")}


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, two(TRUTH))


@pytest.fixture(scope="module")
def compared():
    return TASK.compare(PREDICT, SINGLES, two(TRUTH))


def errors(predicted):
    return {
        "mae": mean_absolute_error(TRUTH, predicted),
        "rmse": root_mean_squared_error(TRUTH, predicted),
        "r2": r2_score(TRUTH, predicted),
    }


def test_each_subset_is_scored_by_the_formulas(scores):
    assert list(scores.subsets) == list(SUBSETS.values())
    assert (scores.n, scores.details) == (50, {})
    for name, found in scores.subsets.items():
        assert found == pytest.approx(errors(TABLES[name][:, 0]), rel=1e-6)


def test_quick_is_the_row_of_the_scores(scores):
    assert TASK.quick(PREDICT, two(TRUTH)) == TASK.row(scores) == scores.subsets["image+audio"]


def test_the_gain_is_over_the_smallest_error(compared):
    baselines, gain = compared.baselines, compared.baselines.fusion_gain
    singles = {name: errors(TABLES[name][:, 0])["mae"] for name in SINGLES}
    assert gain["over"] == min(singles, key=singles.get)
    fused = errors(TABLES["image+audio"][:, 0])["mae"]
    assert gain["mae"] == pytest.approx(min(singles.values()) - fused)
    assert gain["low"] < gain["mae"] < gain["high"]
    assert {name: one["mae"] for name, one in baselines.unimodal.items()} == pytest.approx(singles)
    mean = np.mean([TABLES[name][:, 0] for name in SINGLES], axis=0)
    assert baselines.average == pytest.approx(errors(mean), rel=1e-5)
    assert baselines.consistency == {}
    again = TASK.gain(PREDICT, compared.stored[gain["over"]], two(TRUTH))
    assert {"over": gain["over"], **again} == gain


def test_the_numbers_are_shown(scores, compared):
    baselines = Baselines(**{**vars(compared.baselines), "constant": {"value": 1998.5, "mae": 5.75}})
    full, image, gain = scores.subsets["image+audio"], scores.subsets["image"], baselines.fusion_gain
    said = TASK.show_gain(gain)
    assert said == (
        f"mean absolute error {signed(gain['mae'])} lower than {gain['over']} "
        f"(95 % interval {signed(gain['low'])} to {signed(gain['high'])})"
    )
    text = TASK.markdown(scores, baselines, "A note.")
    expected = [
        figure(image["mae"]),
        figure(image["rmse"]),
        f"{image['r2']:.4f}",
        figure(baselines.unimodal["image"]["mae"]),
    ]
    assert text.startswith("## Score on the test split, 50 examples\n")
    assert cells(text, "image")[1:] == expected
    assert "Predicting 1,998, the median of the training rows, for every row has a mean absolute error of 5.75." in text
    assert f"predictions: mean absolute error {figure(baselines.average['mae'])}." in text
    assert f"Fusion gain: {said}. A note." in text
    first, *_, last = TASK.summary(scores, baselines)
    assert first.endswith(f"test mean absolute error {figure(full['mae'])}, R² {full['r2']:.4f}")
    assert last == f"fusion gain: {said}"
    assert TASK.headline(scores) == f"R² {full['r2']:.4f}"
    printed = TASK.lines("model.onnx", scores, {})
    assert printed[1].split() == ["model.onnx", "image", *(f"{image[k]:.5g}" for k in ("mae", "rmse", "r2"))]
    assert TASK.table(scores) == ""
    assert 'print(runner(image=image, audio=audio)["value"])  # or image only' in usage(TASK, scores)


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
    assert TASK.summary(Scores(), Baselines()) == []
