"""The task anomaly: areas against scikit-learn, thresholds of normal validation examples, and what is shown."""

import numpy as np
import pytest
from epochs import small_recipe
from sklearn.metrics import average_precision_score, roc_auc_score
from task_examples import SUBSETS, cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.errors import BadInputError
from mmzoo.tasks.anomaly import TASK, type_scores

NAMES = ("normal", "seen", "heard", "mismatch")
RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(4), (40, 10, 10, 10))
NORMAL = 60  # validation examples, which come behind the test examples
TABLES = {
    name: np.concatenate([RNG.normal(1.5 * sum(pattern) * (LABELS > 0)), RNG.normal(size=NORMAL)])[:, None]
    for pattern, name in SUBSETS.items()
}
PREDICT = look_up(anomaly_score=TABLES)
SINGLES = {name: look_up(anomaly_score=TABLES[name]) for name in ("image", "audio")}


def dataset(split, config, epoch=0):
    assert split == "validation"
    inputs = two(np.zeros(NORMAL)).inputs
    return [({**inputs, "image": inputs["image"] + len(LABELS)}, np.zeros(NORMAL, int))]


def examples():
    return two(LABELS, NAMES, small_recipe(name="machines", dataset=dataset))


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, examples())


@pytest.fixture(scope="module")
def compared():
    return TASK.compare(PREDICT, SINGLES, examples())


def area(name):
    return roc_auc_score(LABELS > 0, TABLES[name][: len(LABELS), 0])


def test_each_subset_has_its_own_threshold(scores):
    assert (scores.n, scores.details["normal"]) == (70, 40)
    assert list(scores.details["anomalies"]) == ["image+audio", "image", "audio"]
    for name, found in scores.details["anomalies"].items():
        score, normal = TABLES[name][: len(LABELS), 0], TABLES[name][len(LABELS) :, 0]
        assert found["threshold"] == pytest.approx(np.quantile(normal, 0.95))
        assert found["auc"] == pytest.approx(area(name))
        assert found["partial_auc"] == pytest.approx(roc_auc_score(LABELS > 0, score, max_fpr=0.1))
        assert found["average_precision"] == pytest.approx(average_precision_score(LABELS > 0, score))
        above = score > found["threshold"]
        assert found["detected"] == pytest.approx(above[LABELS > 0].mean())
        assert found["false_alarms"] == pytest.approx(above[LABELS == 0].mean())
        assert list(found["kinds"]) == list(NAMES[1:])
        rows = (LABELS == 2) | (LABELS == 0)
        heard = {"auc": roc_auc_score(LABELS[rows] > 0, score[rows]), "detected": above[LABELS == 2].mean(), "n": 10}
        assert found["kinds"]["heard"] == pytest.approx(heard)


def test_types_are_scored_each_against_the_normal_ones():
    labels = np.array([0, 0, 0, 0, 1, 1, 3, 3])
    score = np.array([0.0, 1.0, 2.0, 3.0, 9.0, 8.0, 0.5, 2.5])
    found = type_scores(score, labels, NAMES, threshold=2.2)
    assert found["kinds"] == {
        "seen": {"auc": 1.0, "detected": 1.0, "n": 2},
        "mismatch": {"auc": 0.5, "detected": 0.5, "n": 2},
    }
    assert (found["auc"], found["detected"], found["false_alarms"]) == (0.75, 0.75, 0.25)
    with pytest.raises(BadInputError, match="expected both 0 and 1"):
        type_scores(score[:4], labels[:4], NAMES, 1.0)


def test_quick_is_the_row_of_the_scores(scores):
    full = scores.details["anomalies"]["image+audio"]
    expected = {key: full[key] for key in ("auc", "partial_auc", "average_precision", "odd")}
    assert TASK.quick(PREDICT, examples()) == TASK.row(scores) == expected
    assert expected["odd"] == pytest.approx(3 / 7)


def test_the_gain_is_over_the_largest_area(compared):
    gain, singles = compared.baselines.fusion_gain, {name: area(name) for name in SINGLES}
    assert gain["over"] == max(singles, key=singles.get)
    assert gain["points"] == pytest.approx(100 * (area("image+audio") - max(singles.values())))
    assert gain["low"] < gain["points"] < gain["high"]
    assert {name: one["auc"] for name, one in compared.details["alone"].items()} == pytest.approx(singles)
    assert compared.stored == {}


def test_the_numbers_are_shown(scores, compared):
    found = Scores(n=scores.n, details=scores.details | compared.details)
    baselines, gain = compared.baselines, compared.baselines.fusion_gain
    said = TASK.show_gain(gain)
    interval = f"{gain['low']:+.2f} to {gain['high']:+.2f}"
    assert said == f"{gain['points']:+.2f} points over {gain['over']} (95 % interval {interval})"
    text = TASK.markdown(found, baselines, "")
    assert text.startswith("## Score on the test split, 40 normal examples and 10 seen, 10 heard, 10 mismatch\n")
    image = found.details["anomalies"]["image"]
    expected = [f"{image['auc']:.3f}", f"{image['average_precision']:.3f}"]
    expected += [f"{100 * image[key]:.2f} %" for key in ("detected", "false_alarms")]
    for kind in image["kinds"].values():
        expected += [f"{kind['auc']:.3f}", f"{100 * kind['detected']:.2f} %"]
    expected.append(f"{found.details['alone']['image']['auc']:.3f}")
    assert cells(text, "image")[1:] == expected
    assert "AUC, heard | detected, heard" in text
    assert f"{image['threshold']:.3g} for image" in text
    assert f"Fusion gain in AUC, times 100: {said}." in text
    lines = TASK.summary(found, baselines)
    assert lines[2].split()[:2] == ["image", f"{image['auc']:.3f}"]
    assert lines[-1] == f"fusion gain in AUC: {said}"
    assert TASK.table(found).strip("\n").splitlines() == lines[:-1]
    full = found.details["anomalies"]["image+audio"]
    assert TASK.headline(found) == f"AUC {full['auc']:.3f}"
    (line,) = TASK.lines("model.onnx", None, TASK.row(found))
    assert line.split()[:3] == ["model.onnx", "auc", f"{full['auc']:.4f}"]
    assert f"print(score > {full['threshold']:.3g})  # the threshold with all modalities" in usage(TASK, found)
    assert usage(TASK, found, comment="").splitlines()[-2] == f"print(score > {full['threshold']:.3g})"


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
