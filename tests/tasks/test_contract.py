"""What holds for every task, and that no other module asks what kind of prediction a model makes."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from epochs import small_recipe
from task_examples import look_up, two

from mmzoo import tasks
from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.data.batches.speech import CHARACTERS, encode_sentences
from mmzoo.errors import BadInputError
from mmzoo.tasks.task import Metric, Task

PACKAGE = Path(tasks.__file__).parents[1]
NAMES = tasks.names()
HAVE_KINDS = ("tasks", "automl/targets", "reports/html", "device")  # that may ask what kind of prediction it is
QUESTIONS = r"detects\(|finds_|transcribes\(|measures\(|\bmarks\(|\"map50\" in|hasattr\(module|hasattr\(recipe"
KNOWN = {"recipe.py": 2}  # which parts a recipe has


def predictions():
    """Return `{task: (predictor, examples)}` of tasks whose files are scored."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.ones(3), 6)
    boxes, objects = np.zeros((6, 2, 2, 4)), np.tile([[[0, 0, 8, 8, 1]]], (6, 1, 1))
    frames = np.zeros((6, 9, 1 + len(CHARACTERS)))
    vectors = rng.normal(size=(6, 4))
    halved = small_recipe(export=lambda config: SimpleNamespace(threshold=0.5))
    return {
        "anomaly": (look_up(anomaly_score=shares[:, :1]), two([0, 1, 0, 2, 0, 1], ("normal", "a", "b"))),
        "classification": (look_up(probabilities=shares), two([0, 1, 2, 0, 1, 2], "abc")),
        "detection": (look_up(heatmap=rng.random((6, 2, 2, 3)), boxes=boxes), two(objects, "abc")),
        "multilabel": (look_up(label_probabilities=shares), two(np.eye(3)[[0, 1, 2, 0, 1, 2]], "abc", halved)),
        "regression": (look_up(value=shares[:, :1]), two(rng.normal(size=6))),
        "retrieval": (look_up(image_embedding=vectors, text_embedding=vectors), two(np.arange(6))),
        "transcription": (look_up(log_probabilities=frames), two(encode_sentences(["one"] * 6), CHARACTERS)),
    }


def test_the_folder_is_the_registry():
    assert sorted([*predictions(), "pretraining"]) == NAMES
    with pytest.raises(BadInputError, match=rf"task: expected one of {', '.join(NAMES)}. Received: telepathy"):
        tasks.load("telepathy")


@pytest.mark.parametrize("name", NAMES)
def test_a_task_is_one_of_its_name(name):
    task = tasks.load(name)
    assert isinstance(task, Task)
    assert task.name == name
    assert isinstance(task.outputs, tuple)
    assert task.outputs or task.quick is None
    assert all(isinstance(metric, Metric) and metric.label for metric in (task.primary, task.judged, *task.metrics))
    assert task.markdown(Scores(), Baselines(), "") == task.headline(Scores()) == ""


@pytest.mark.parametrize("name", NAMES)
def test_the_metrics_of_a_file_are_those_of_quick(name):
    task = tasks.load(name)
    if task.quick is None:
        assert task.metrics == ()
        return
    predict, examples = predictions()[name]
    assert set(predict(examples.inputs)) == set(task.outputs)
    found = task.quick(predict, examples)
    for metric in (*task.metrics, task.primary, task.judged):
        assert isinstance(found[metric.key], float), metric.key
        assert re.search(r"\d", metric.show(found[metric.key]))
        assert metric.show(None) == ""
    if not task.score_all:  # lines of a file that is scored with all modalities only
        (line,) = task.lines("model.onnx", None, found)
        assert line.startswith("model.onnx ")


@pytest.mark.parametrize("name", NAMES)
def test_the_best_is_by_the_direction_of_the_metric(name):
    for metric in (tasks.load(name).primary, *tasks.load(name).metrics):
        found = {"low": {metric.key: 0.25}, "high": {metric.key: 0.75}}
        assert metric.best(found) == ("high" if metric.higher_is_better else "low")


def test_no_other_module_asks_what_kind_of_prediction_it_is():
    asking = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE).as_posix()
        count = len(re.findall(QUESTIONS, path.read_text(encoding="utf-8")))
        if count and not place.startswith(tuple(f"{folder}/" for folder in HAVE_KINDS)):
            asking[place] = count
    assert asking == KNOWN


@pytest.mark.parametrize("path", [p for p in sorted((PACKAGE / "tasks").glob("*.py"))], ids=lambda path: path.stem)
def test_a_task_sees_arrays_and_a_predictor(path):
    """Never a folder, a card, or the terminal."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\bprint\((?!.*['\"])|\bopen\(|card\.json|ModelFolder|\bCard\b|import .*read_card", text)
