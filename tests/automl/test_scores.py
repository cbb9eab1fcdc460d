"""Tests of the comparison of a model with its baselines, row by row."""

from types import SimpleNamespace

import numpy as np
import pytest
from json_card import card_of

from mmzoo.artifacts.folder import BASELINES
from mmzoo.automl.scores import compare
from mmzoo.metrics.classification import fusion_gain, wilson_interval
from mmzoo.metrics.labels import label_gain
from mmzoo.metrics.regression import error_gain, error_interval


def test_compare_of_classes_pairs_rows_with_the_best_baseline(tmp_path):
    rng = np.random.default_rng(0)
    labels, index = rng.integers(0, 3, 80), np.arange(100, 180)
    probabilities = 0.7 * np.eye(3)[labels] + 0.6 * rng.dirichlet(np.ones(3), 80)
    linear = np.where(rng.random(40) < 0.8, labels[::2], 0)
    image = np.where(rng.random(80) < 0.5, labels, 1).astype("uint16")
    np.savez(tmp_path / BASELINES, image=image)
    given = {"unimodal": {"image": np.mean(image == labels)}, "linear": {"all": np.mean(linear == labels[::2])}}
    card = card_of(
        scores={"details": {"confusion": [[1]]}},
        baselines={kind: {name: {"accuracy": value} for name, value in one.items()} for kind, one in given.items()},
    )
    test, source = SimpleNamespace(labels=labels, index=index), SimpleNamespace(kind="class", classes=("a", "b", "c"))
    found = compare(card, tmp_path, source, test, probabilities, {"all": linear}, index[::2])
    best = found.baselines.best
    assert (best["kind"], best["name"]) == ("linear", "all")
    assert best["gain"] == fusion_gain(probabilities[::2], np.eye(3)[linear], labels[::2])
    accuracy = float(np.mean(probabilities.argmax(axis=1) == labels))
    assert tuple(found.scores.details["interval"].values()) == wilson_interval(accuracy, 80)
    assert found.scores.details["confusion"] == [[1]]
    weak = compare(card, tmp_path, source, test, probabilities, {}, index[:0]).baselines.best
    assert (weak["kind"], weak["name"]) == ("unimodal", "image")
    assert weak["gain"] == fusion_gain(probabilities, np.eye(3)[image], labels)


def test_compare_of_a_number_may_have_the_constant_as_best(tmp_path):
    rng = np.random.default_rng(1)
    labels, index = rng.normal(10, 2, 50), np.arange(50)
    predictions, linear = labels[:, None] + rng.normal(0, 1, (50, 1)), labels + rng.normal(0, 9, 50)
    error = float(np.abs(10 - labels).mean())
    card = card_of(
        task="regression",
        baselines={"linear": {"all": {"mae": 7.0}}, "constant": {"value": 10.0, "mae": error}},
    )
    test = SimpleNamespace(labels=labels, index=index)
    source = SimpleNamespace(kind="number", classes=())
    found = compare(card, tmp_path, source, test, predictions, {"all": linear}, index)
    best = found.baselines.best
    assert (best["kind"], best["name"], best["mae"]) == ("constant", "10", error)
    assert best["gain"] == error_gain(predictions[:, 0], np.full(50, 10.0), labels)
    assert best["gain"]["mae"] == pytest.approx(error - np.abs(predictions[:, 0] - labels).mean())
    assert tuple(found.scores.details["interval"].values()) == error_interval(predictions[:, 0], labels)


def test_compare_of_labels_repeats_the_frequent_ones(tmp_path):
    rng = np.random.default_rng(2)
    labels = (rng.random((60, 3)) < (0.8, 0.3, 0.2)).astype("float32")
    predictions = np.clip(labels + rng.normal(0, 0.4, labels.shape), 0, 1)
    card = card_of(
        task="multilabel",
        baselines={"constant": {"labels": ["b"], "micro_f1": 0.4}, "linear": {"all": {"micro_f1": 0.3}}},
    )
    source = SimpleNamespace(kind="labels", classes=("b", "c", "d"), threshold=0.5)
    test = SimpleNamespace(labels=labels, index=np.arange(60))
    best = compare(card, tmp_path, source, test, predictions, {"all": labels}, np.arange(60)).baselines.best
    assert (best["kind"], best["name"]) == ("constant", "b")
    assert best["gain"] == label_gain(predictions, np.tile([1.0, 0, 0], (60, 1)), labels)
