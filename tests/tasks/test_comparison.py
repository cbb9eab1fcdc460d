"""What tasks of one array per example share: Shapley values, groups of examples, and sentences on baselines."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_examples import cells, look_up, two

from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.data.presence import present_patterns
from mmzoo.tasks.comparison import (
    Scoring,
    baseline_lines,
    full_metrics,
    gain_title,
    per_class_table,
    same_example,
    shapley,
    subset_lines,
)
from mmzoo.tasks.task import Metric

HITS = Metric("hits", "hits")
COST = Metric("cost", "cost", str, higher_is_better=False)


@given(st.integers(1, 4), st.data())
@settings(max_examples=40, deadline=None)
def test_shapley_values_are_the_mean_over_all_orders(size, data):
    names = [f"m{i}" for i in range(size)]
    patterns = present_patterns(names)
    values = {name: data.draw(st.floats(0, 1), label=name) for name in patterns}
    by_pattern = {pattern: values[name] for name, pattern in patterns.items()}
    gains = {name: [] for name in names}
    for order in itertools.permutations(range(size)):
        there = [0] * size
        for i in order:
            before = by_pattern[tuple(there)]
            there[i] = 1
            gains[names[i]].append(by_pattern[tuple(there)] - before)
    found = shapley(values, names)
    assert found == pytest.approx({name: np.mean(gain) for name, gain in gains.items()}, abs=1e-12)
    assert sum(found.values()) == pytest.approx(by_pattern[(1,) * size] - by_pattern[(0,) * size], abs=1e-12)


def test_no_shapley_value_without_every_subset():
    assert shapley({"a": 0.5}, ["a"]) == {}
    assert shapley({"a+b": 0.9, "a": 0.5, "b": 0.6}, ["a", "b"]) == {}
    assert shapley({}, []) == {}


def scoring(metric):
    """Return a scoring of numbers: the mean of the predictions, and of the labels."""

    def scores(found, examples):
        return {metric.key: float(found.mean()), "truth": float(examples.labels.mean()), "all": found.tolist()}

    def gain(fused, single, examples, groups):
        return {"points": float(fused.mean() - single.mean()), "groups": len(set(groups))}

    return Scoring("y", metric, (metric.key, "truth"), scores, gain, ("all",), lambda single: single * 2)


def test_all_subsets_are_scored_and_the_details_are_of_all_modalities():
    tables = {"image+audio": [1, 2], "image": [3, 4], "audio": [5, 6], "none": [7, 8]}
    found = scoring(HITS).score(look_up(y=tables), two([0, 1]))
    assert {name: one["hits"] for name, one in found.subsets.items()} == {
        "image+audio": 1.5,
        "image": 3.5,
        "audio": 5.5,
        "none": 7.5,
    }
    assert found.subsets["none"] == {"hits": 7.5, "truth": 0.5}
    assert (found.n, found.details) == (2, {"all": [1, 2]})
    assert scoring(HITS).quick(look_up(y=tables), two([0, 1])) == full_metrics(found)
    assert full_metrics(Scores()) == {}
    assert subset_lines("f.tflite", found, ["hits"])[1].split() == ["f.tflite", "image", "3.5000"]


def test_a_missing_modality_of_an_example_stays_missing():
    examples, seen = two([0, 1]), []
    examples.inputs["present"][1] = 0, 1

    def predict(inputs):
        seen.append(inputs["present"].tolist())
        return {"y": np.zeros(2)}

    scoring(HITS).score(predict, examples)
    assert seen == [[[1, 1], [0, 1]], [[1, 0], [0, 0]], [[0, 1], [0, 1]], [[0, 0], [0, 0]]]


@pytest.mark.parametrize(("metric", "best"), [(HITS, "audio"), (COST, "image")])
def test_the_gain_is_over_the_best_baseline(metric, best):
    singles = {"image": look_up(y=[1, 1]), "audio": look_up(y=[2, 4])}
    fused, examples = look_up(y=[5, 5]), two([0, 1])
    found = scoring(metric).compare(fused, singles, examples)
    points = 5 - {"image": 1, "audio": 3}[best]
    assert found.baselines.fusion_gain == {"over": best, "points": points, "groups": 2}
    assert found.baselines.average == {metric.key: 2, "truth": 0.5}
    assert found.baselines.unimodal["audio"] == {metric.key: 3, "truth": 0.5}
    assert found.stored["audio"].tolist() == [4, 8]
    assert scoring(metric).gain_over(fused, np.array([0, 2]), examples) == {"points": 4, "groups": 2}


def test_examples_of_one_first_input_are_a_group():
    inputs = {"image": np.array([[1, 2], [1, 2], [3, 4], [1, 2]]), "audio": np.arange(4)[:, None]}
    groups = same_example(inputs)
    assert groups[0] == groups[1] == groups[3] != groups[2]
    groups = same_example({**inputs, "present": np.array([[1, 1], [0, 1], [1, 1], [0, 1]])})
    assert len(set(groups)) == 4, "what lacks the input is a group of its own"


def test_baselines_in_sentences():
    assert baseline_lines(Baselines(), HITS) == []
    unimodal = {"image": {"hits": 0.5, "parameters": 50001}, "audio": {"hits": 0.25}}
    agreed = {"agreement": 0.815, "fleiss_kappa": 0.7}
    assert baseline_lines(Baselines(unimodal, {"hits": 0.4321}, consistency=agreed), HITS) == [
        "Plain average of the unimodal predictions: hits 43.21 %.",
        "The unimodal baselines agree on 81.50 % of the examples (Fleiss' kappa 0.70).",
        "Parameters of the unimodal baselines: image 50,001.",
    ]
    assert gain_title(Baselines()) == "Fusion gain"
    assert gain_title(Baselines(fused=0.5)) == "Fusion gain of the multimodal model, which is not in this folder"


def test_of_many_classes_the_most_frequent_are_listed():
    rows = [{"label": str(i), "precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": i} for i in range(5)]
    text = per_class_table(rows, "class", 2)
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == ["| 4", "| 3"]
    assert cells(text, "4") == ["4", "50.00 %", "25.00 %", "33.33 %", "4"]
    assert len(per_class_table(rows, "class", 5).splitlines()) == 7
