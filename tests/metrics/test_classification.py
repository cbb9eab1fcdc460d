"""The scores of classifiers and the gain of one over another, against independent formulas."""

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from mmzoo.errors import BadInputError
from mmzoo.metrics.classification import fusion_gain, scores, wilson_interval


def test_scores_against_formulas():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    labels = rng.integers(0, 3, 50)  # class 3 never occurs
    s = scores(probabilities, labels, "wxyz")
    predicted = probabilities.argmax(1)
    assert s["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert s["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    assert s["log_loss"] == pytest.approx(-np.log(probabilities[range(50), labels]).mean(), rel=1e-5)
    for i, row in enumerate(s["per_class"]):
        hits, said, there = (
            ((predicted == i) & (labels == i)).sum(),
            (predicted == i).sum(),
            (labels == i).sum(),
        )
        expected = [hits / max(said, 1), hits / max(there, 1), 2 * hits / max(said + there, 1), there]
        assert [row[k] for k in ("precision", "recall", "f1", "support")] == pytest.approx(expected)
        assert s["confusion"][i] == [int(((labels == i) & (predicted == j)).sum()) for j in range(4)]
    assert json.loads(json.dumps(s)) == s
    with pytest.raises(BadInputError, match="1 rows with NaN"):
        scores(np.array([[np.nan, 1], [0, 1]]), np.array([0, 1]), "ab")


def test_fusion_gain_is_the_paired_bootstrap():
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 3, 600)
    fused = np.eye(3)[np.where(rng.random(600) < 0.9, labels, 0)]
    single = np.eye(3)[np.where(rng.random(600) < 0.8, labels, 1)]
    ahead = (fused.argmax(1) == labels).astype(float) - (single.argmax(1) == labels)
    g = fusion_gain(fused, single, labels)
    assert g["points"] == pytest.approx(100 * ahead.mean())
    drawn = 100 * ahead[rng.integers(0, 600, (4000, 600))].mean(1)
    assert [g["low"], g["high"]] == pytest.approx(np.percentile(drawn, [2.5, 97.5]).tolist(), abs=0.35)
    assert fusion_gain(fused, single, labels) == g
    # the same 600 examples five times are no more evidence than once
    five = [np.repeat(x, 5, axis=0) for x in (fused, single, labels, np.arange(600))]
    grouped, naive = fusion_gain(*five), fusion_gain(*five[:3])
    assert [grouped["low"], grouped["high"]] == pytest.approx([g["low"], g["high"]], abs=0.35)
    assert naive["high"] - naive["low"] < 0.6 * (grouped["high"] - grouped["low"])
    with pytest.raises(BadInputError, match="one length"):
        fusion_gain(fused, single[1:], labels)


def test_wilson_interval_solves_the_equation_of_the_score_test():
    low, high = wilson_interval(0.9, 60)
    for bound in (low, high):
        assert abs(0.9 - bound) == pytest.approx(1.96 * np.sqrt(bound * (1 - bound) / 60))
    assert low < 0.9 < high < 1
