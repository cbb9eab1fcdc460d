"""Peers equal the models of scikit-learn with the setting that is best on validation."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

from mmzoo.data.arrays import SPLITS
from mmzoo.studies.own_tables.peers import models
from mmzoo.studies.own_tables.peers.features import modalities_of
from mmzoo.studies.own_tables.peers.models import peer_names, problem_of, run_peers
from mmzoo.studies.own_tables.scores import score

COUNTS = dict(zip(SPLITS, (120, 60, 60), strict=True))


@pytest.fixture
def make(tmp_path):
    """Return a function that returns a problem of two columns, a number and a text."""

    def problem(task, kinds=("number", "text")):
        rng, frames, labels = np.random.default_rng(0), {}, {}
        for split, count in COUNTS.items():
            truth = rng.integers(0, 3, count)
            size = truth + rng.normal(0, 0.7, count)
            words = [("red", "green", "blue")[k] if rng.random() < 0.7 else "grey" for k in truth]
            frames[split] = pd.DataFrame({"size": size, "note": [f"a {word} thing" for word in words]})
            several = np.stack([truth == 0, truth > 0], axis=1).astype(int)
            labels[split] = {"class": truth, "number": 2.0 * truth + 5, "labels": several}[task]
        named = {"number": "size", "text": "note"}
        columns = {named[kind]: kind for kind in kinds}
        metric = {"class": "accuracy", "number": "mae", "labels": "micro_f1"}[task]
        names = {"class": ("0", "1", "2"), "number": (), "labels": ("first", "later")}[task]
        return problem_of(frames, columns, tmp_path, labels, (task, metric, names))

    return problem


def scaled(parts):
    train = parts["train"]
    squared = train.multiply(train).sum() if hasattr(train, "multiply") else np.square(train).sum()
    return {split: block / np.sqrt(squared / train.shape[0]) for split, block in parts.items()}


def by_validation(problem, parts, candidates, sign=1):
    """Fit candidates on the training rows; return the answers of the first of the best on validation."""
    best, chosen = -np.inf, None
    for model in candidates:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(parts["train"], problem.labels["train"])
        answers = model.predict(parts["validation"])
        value = sign * score(answers, problem.labels["validation"], problem.task)[problem.metric]
        if value > best:
            best, chosen = value, model.predict(parts["test"])
    return chosen


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_linear_classes_equal_logistic_regression(make, name):
    problem = make("class")
    parts = scaled(problem.features[name])
    candidates = (LogisticRegression(C=c, max_iter=300, tol=1e-3) for c in (0.1, 1, 10, 100, 1000))
    expected = by_validation(problem, parts, candidates)
    found = models.linear(problem, problem.features[name])
    assert np.mean(found.answers["test"] == expected) > 0.96  # each fit starts from the weights of the last
    own, base = (
        score(one.answers["test"], problem.labels["test"], "class") for one in (found, models.constant(problem))
    )
    assert own["accuracy"] > base["accuracy"] + 0.1
    np.testing.assert_allclose(found.probabilities["test"].sum(axis=1), 1, rtol=1e-5)


def test_linear_numbers_equal_ridge_regression(make):
    problem = make("number")
    expected = by_validation(
        problem, scaled(problem.features["text"]), (Ridge(alpha=1 / c) for c in (0.1, 1, 10, 100, 1000)), -1
    )
    found = models.linear(problem, problem.features["text"])
    np.testing.assert_allclose(found.answers["test"], expected, rtol=1e-6)


def test_linear_labels_are_one_regression_each(make):
    problem = make("labels")
    candidates = (OneVsRestClassifier(LogisticRegression(C=c, max_iter=300, tol=1e-3)) for c in (0.1, 1, 10, 100, 1e3))
    expected = by_validation(problem, scaled(problem.features["text"]), candidates)
    found = models.linear(problem, problem.features["text"])
    assert np.mean(found.answers["test"] == expected) > 0.96


def test_machine_of_texts_is_linear(make):
    problem = make("class")
    candidates = (LinearSVC(C=c) for c in (0.3, 3, 30))
    expected = by_validation(problem, scaled(problem.features["text"]), candidates)
    np.testing.assert_array_equal(
        models.support_vectors(problem, problem.features["text"], True).answers["test"], expected
    )


@pytest.mark.parametrize("task", ["class", "number", "labels"])
def test_machine_of_dense_features_beats_the_constant(make, task):
    problem = make(task)
    own = models.support_vectors(problem, problem.features["numbers"], False).answers["test"]
    base = models.constant(problem).answers["test"]
    sign = -1 if task == "number" else 1
    values = [sign * score(one, problem.labels["test"], task)[problem.metric] for one in (own, base)]
    assert values[0] > values[1] + 0.05


def test_trees_equal_scikit_learn(make):
    problem = make("class", ("number",))
    found = models.boosted(problem)
    numbers = problem.trees[0]
    expected = by_validation(
        problem,
        numbers,
        (
            HistGradientBoostingClassifier(**options, early_stopping=True, max_iter=300, random_state=0)
            for options in models.TREES
        ),
    )
    np.testing.assert_array_equal(found.answers["test"], expected)


def test_constants_are_class_median_and_frequent_labels(make):
    for task, expected in (("class", None), ("number", None), ("labels", [0, 1])):
        problem = make(task)
        train = problem.labels["train"]
        if task == "class":
            expected = np.bincount(train).argmax()
        if task == "number":
            expected = np.median(train)
        answers = models.constant(problem).answers["test"]
        assert answers.shape == problem.labels["test"].shape
        assert (answers == expected).all()


@pytest.mark.parametrize("task", ["class", "number", "labels"])
def test_every_peer_answers_every_row(make, task):
    problem = make(task)
    names = peer_names(task, ["text", "numbers"])
    found = {name: answers for name, answers, _ in run_peers(problem, names)}
    linear = ["linear, text", "SVM, text", "linear, numbers", "linear, all", "linear, average"]
    assert list(found) == ["constant", *linear, "boosted trees"]
    for answers in found.values():
        for split in SPLITS[1:]:
            assert answers.answers[split].shape == problem.labels[split].shape
    means = [found[f"linear, {name}"].probabilities["test"] for name in ("text", "numbers")]
    np.testing.assert_allclose(found["linear, average"].probabilities["test"], np.mean(means, axis=0))
    sign = -1 if task == "number" else 1
    value = {
        name: sign * score(one.answers["test"], problem.labels["test"], task)[problem.metric]
        for name, one in found.items()
    }
    assert value["linear, all"] > value["constant"]


def test_only_wanted_peers_are_trained(make):
    problem = make("class")
    assert [name for name, _, used in run_peers(problem, ["boosted trees"]) if used["cpu_seconds"] > 0] == [
        "boosted trees"
    ]


def test_table_of_one_modality_has_no_fused_peers():
    assert peer_names("number", ["numbers"]) == ["constant", "linear, numbers", "boosted trees"]
    assert peer_names("labels", ["image"]) == ["constant", "linear, image", "SVM, image", "boosted trees"]


def test_modalities_are_those_of_the_features(make):
    kinds = {"b": "date", "a": "text", "c": "audio", "d": "text"}
    assert modalities_of(kinds) == ["audio", "text", "numbers"]
    assert modalities_of({"size": "number", "note": "text"}) == list(make("class").features)
