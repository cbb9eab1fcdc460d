"""Clustering against every assignment, the entropies of the equation, and values by hand."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from mmzoo.metrics.clustering import clustering_scores


def by_equation(clusters, labels):
    n = len(labels)
    groups, kinds = sorted(set(clusters)), sorted(set(labels))
    joint = Counter(zip(clusters, labels, strict=True))
    purity = sum(max(joint[g, k] for k in kinds) for g in groups) / n
    # every way to give the clusters labels, each at most once; None for a cluster that gets none
    ways = permutations(kinds + [None] * len(groups), len(groups))
    accuracy = max(sum(joint[g, k] for g, k in zip(groups, way, strict=True)) for way in ways) / n
    a, b = Counter(clusters), Counter(labels)
    mutual = sum(c / n * np.log(n * c / a[g] / b[k]) for (g, k), c in joint.items())
    entropies = [-sum(c / n * np.log(c / n) for c in counts.values()) for counts in (a, b)]
    return {"purity": purity, "nmi": mutual / np.mean(entropies), "accuracy": accuracy}


@pytest.mark.parametrize(("groups", "kinds"), [(2, 3), (3, 3), (4, 2)])
def test_equals_every_assignment(groups, kinds):
    rng = np.random.default_rng(groups)
    labels = rng.integers(0, kinds, 60)
    clusters = np.where(rng.random(60) < 0.5, labels % groups, rng.integers(0, groups, 60))
    expected = by_equation(clusters.tolist(), labels.tolist())
    assert clustering_scores(clusters, labels) == pytest.approx(expected)


def test_values_by_hand():
    # Manning, Raghavan and Schuetze (2008), figure 16.4: three clusters of 17 points, purity 12 / 17
    clusters = [0] * 6 + [1] * 6 + [2] * 5
    labels = list("xxxxxo") + list("xoooo#") + list("xx###")
    found = clustering_scores(clusters, labels)
    assert found["purity"] == pytest.approx(12 / 17)
    assert found["nmi"] == pytest.approx(0.36, abs=0.005)
    assert found["accuracy"] == pytest.approx(12 / 17)
    assert clustering_scores([2, 2, 0, 0], ["a", "a", "b", "b"]) == {"purity": 1, "nmi": 1, "accuracy": 1}
    # one cluster for all says nothing; one for each example is pure and yet wrong
    assert clustering_scores([0] * 4, [0, 0, 1, 1]) == {"purity": 0.5, "nmi": 0, "accuracy": 0.5}
    assert clustering_scores([0, 1, 2, 3], [0, 0, 1, 1]) == pytest.approx({"purity": 1, "nmi": 2 / 3, "accuracy": 0.5})
    assert clustering_scores([0, 0], [5, 5]) == {"purity": 1, "nmi": 1, "accuracy": 1}


def test_clustering_scores_are_invariant_to_names_and_order():
    rng = np.random.default_rng(5)
    clusters, labels = rng.integers(0, 4, 80), rng.integers(0, 3, 80)
    order = rng.permutation(80)
    renamed = np.array([9, 2, 7, 4])[clusters][order]
    other = clustering_scores(renamed, np.array(["a", "c", "b"])[labels][order])
    assert other == pytest.approx(clustering_scores(clusters, labels))


@pytest.mark.parametrize(
    ("clusters", "labels", "words"),
    [
        ([], [], "labels: "),
        ([0], [[0]], "labels: "),
        ([0, 1, 2], [0, 1], "clusters: .*shape"),
        ([0.0, np.nan], [0, 1], "clusters: .*NaN"),
        ([0, 1], [0, np.nan], "labels: .*NaN"),
    ],
)
def test_bad_arguments_are_named(clusters, labels, words):
    with pytest.raises(ValueError, match=words):
        clustering_scores(clusters, labels)
