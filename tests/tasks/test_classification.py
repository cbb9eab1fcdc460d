"""The task classification: its scores against scikit-learn, the gain of fusion, and what is shown of them."""

import numpy as np
import pytest
from epochs import small_recipe
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, recall_score
from task_examples import SUBSETS, cells, look_up, two, usage

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.errors import BadInputError
from mmzoo.metrics.calibration import expected_calibration_error
from mmzoo.tasks.classification import MOST_CLASSES, TASK

NAMES = ("a", "b", "c")
RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 40)
TABLES = {
    name: (RNG.dirichlet(np.ones(3), 40) + sum(pattern) * np.eye(3)[LABELS] / 4) / (1 + sum(pattern) / 4)
    for pattern, name in SUBSETS.items()
}
PREDICT = look_up(probabilities=TABLES)
SINGLES = {name: look_up(probabilities=TABLES[name]) for name in ("image", "audio")}


@pytest.fixture(scope="module")
def scores():
    return TASK.score(PREDICT, two(LABELS, NAMES))


@pytest.fixture(scope="module")
def compared():
    return TASK.compare(PREDICT, SINGLES, two(LABELS, NAMES))


def test_each_subset_is_scored_by_the_formulas(scores):
    assert list(scores.subsets) == list(SUBSETS.values())
    assert scores.n == 40
    for name, found in scores.subsets.items():
        p = np.float32(TABLES[name])
        said, macro = p.argmax(axis=1), {"average": "macro", "zero_division": 0}
        assert found == pytest.approx(
            {
                "accuracy": accuracy_score(LABELS, said),
                "macro_precision": precision_score(LABELS, said, **macro),
                "macro_recall": recall_score(LABELS, said, **macro),
                "macro_f1": f1_score(LABELS, said, **macro),
                "log_loss": log_loss(LABELS, p),
                "ece": expected_calibration_error(p, LABELS),
            },
            rel=1e-5,
        )


def test_details_are_of_all_modalities(scores):
    said = TABLES["image+audio"].argmax(axis=1)
    assert [one["label"] for one in scores.details["per_class"]] == list(NAMES)
    assert [one["f1"] for one in scores.details["per_class"]] == pytest.approx(f1_score(LABELS, said, average=None))
    assert scores.details["confusion"] == [
        [int(((i == LABELS) & (said == j)).sum()) for j in range(3)] for i in range(3)
    ]
    assert "by_kind" not in scores.details


def test_quick_is_the_row_of_the_scores(scores):
    quick = TASK.quick(PREDICT, two(LABELS, NAMES))
    assert quick == TASK.row(scores) == {key: scores.subsets["image+audio"][key] for key in ("accuracy", "ece")}


def test_compare_takes_the_best_single_modality():
    labels = np.array([0, 1, 2, 0])
    tables = {"image": np.eye(3)[[0, 1, 1, 1]], "audio": np.eye(3)[[0, 1, 2, 1]]}
    singles = {name: look_up(probabilities=table) for name, table in tables.items()}
    fused = look_up(probabilities=np.eye(3)[labels])
    found = TASK.compare(fused, singles, two(labels, NAMES))
    assert found.baselines.unimodal["image"]["accuracy"] == 0.5
    assert found.baselines.fusion_gain["over"] == "audio"
    assert found.baselines.fusion_gain["points"] == 25.0
    assert found.baselines.average["accuracy"] == 0.5  # argmax of a tie is the first
    assert found.baselines.consistency["agreement"] == 0.75
    alone = TASK.compare(fused, {"audio": singles["audio"]}, two(labels, NAMES))
    assert alone.baselines.consistency == {}
    assert found.stored["audio"].tolist() == [0, 1, 2, 1]
    assert found.stored["audio"].dtype == np.uint16


def test_a_stored_baseline_has_the_gain_of_its_probabilities(compared):
    gain = dict(compared.baselines.fusion_gain)
    over = gain.pop("over")
    assert TASK.gain(PREDICT, compared.stored[over], two(LABELS, NAMES)) == gain
    best = max(accuracy_score(LABELS, TABLES[name].argmax(axis=1)) for name in SINGLES)
    fused = accuracy_score(LABELS, TABLES["image+audio"].argmax(axis=1))
    assert gain["points"] == pytest.approx(100 * (fused - best))
    assert gain["low"] <= gain["points"] <= gain["high"]
    assert gain["groups"] == 40
    together = two(LABELS, NAMES)
    together.inputs["image"][:] = 0  # one image of all examples
    assert TASK.gain(look_up(probabilities=TABLES), compared.stored[over], together)["groups"] == 1


def test_many_classes_leave_the_confusion_out_and_the_classes_that_are_not_there():
    many, labels = MOST_CLASSES + 1, np.arange(30)
    found = TASK.score(look_up(probabilities=np.eye(many)[labels]), two(labels, [str(i) for i in range(many)]))
    assert "confusion" not in found.details
    assert [row["label"] for row in found.details["per_class"]] == [str(i) for i in range(30)]
    assert TASK.plots(found, Baselines(), ()) == {}


def test_kinds_of_examples_are_scored_apart():
    kinds = tuple("open" if i % 4 else "closed" for i in range(40))
    recipe = small_recipe(kinds=lambda config: kinds[:config])
    given = two(LABELS, NAMES, recipe, 40, unimodal={"audio": np.zeros(40, np.uint16)})
    found = TASK.score(PREDICT, given)
    right, closed = TABLES["image+audio"].argmax(axis=1) == LABELS, np.arange(40) % 4 == 0
    assert found.details["by_kind"]["closed"] == pytest.approx(
        {"n": 10, "fused": right[closed].mean(), "audio": (LABELS[closed] == 0).mean()}
    )
    assert found.details["by_kind"]["open"]["n"] == 30
    text = TASK.markdown(found, Baselines(), "")
    assert "| kind | examples | accuracy | audio baseline |" in text
    one = found.details["by_kind"]["closed"]
    assert cells(text, "closed") == ["closed", "10", f"{100 * one['fused']:.2f} %", f"{100 * one['audio']:.2f} %"]
    limited = two(LABELS, NAMES, recipe, 40, limit=7)
    assert "by_kind" not in TASK.score(PREDICT, limited).details
    with pytest.raises(BadInputError, match="kinds: expected one for each of 40 examples"):
        TASK.score(PREDICT, two(LABELS, NAMES, recipe, 9))


def test_the_numbers_are_shown(scores, compared):
    baselines = compared.baselines
    full, image = scores.subsets["image+audio"], scores.subsets["image"]
    gain = TASK.show_gain(baselines.fusion_gain)
    numbers = [baselines.fusion_gain[key] for key in ("points", "low", "high")]
    assert gain == "{:+.2f} points over {over} (95 % interval {:+.2f} to {:+.2f})".format(
        *numbers, over=baselines.fusion_gain["over"]
    )
    text = TASK.markdown(scores, baselines, "A note.")
    shown = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece")
    single = baselines.unimodal["image"]["accuracy"]
    assert text.startswith("## Score on the test split, 40 examples\n")
    assert cells(text, "image")[1:] == [f"{100 * x:.2f} %" for x in (*(image[key] for key in shown), single)]
    assert cells(text, "image+audio")[-1] == ""
    assert f"Fusion gain: {gain}. A note." in text
    assert f"predictions: accuracy {100 * baselines.average['accuracy']:.2f} %." in text
    assert f"agree on {100 * baselines.consistency['agreement']:.2f} % of the examples" in text
    row = scores.details["per_class"][1]
    assert cells(text, "b")[1:] == [
        *(f"{100 * row[k]:.2f} %" for k in ("precision", "recall", "f1")),
        str(row["support"]),
    ]
    lines = TASK.summary(scores, baselines)
    assert lines[1].split() == [
        "image",
        "test",
        "accuracy",
        f"{image['accuracy']:.2%}",
        "unimodal",
        "baseline",
        f"{single:.2%}",
    ]
    assert lines[-1] == f"fusion gain {gain}"
    assert TASK.headline(scores) == f"accuracy {100 * full['accuracy']:.2f} %"
    printed = TASK.lines("model.onnx", scores, {})
    assert [line.split()[:2] for line in printed] == [["model.onnx", name] for name in SUBSETS.values()]
    assert printed[1].split()[2:] == [f"{image[key]:.4f}" for key in shown]
    assert len(TASK.header.split()) == len(printed[0].split())
    assert any(line.split()[:2] == ["b", f"{row['precision']:.4f}"] for line in TASK.table(scores).splitlines())
    assert TASK.plots(scores, baselines, NAMES) == {
        "confusion_matrix": (scores.details["confusion"], NAMES),
        "subset_scores": (scores.subsets, baselines.unimodal),
    }
    assert 'print(runner(image=image, audio=audio)["label"])  # or image only' in usage(TASK, scores)


def test_without_scores_nothing_is_shown():
    assert TASK.markdown(Scores(), Baselines(), "") == TASK.headline(Scores()) == ""
    assert TASK.summary(Scores(), Baselines()) == []
