"""Verification against roots of interpolated curves, counts over every threshold, and values by hand."""

import numpy as np
import pytest
from scipy.interpolate import interp1d
from scipy.optimize import brentq

from mmzoo.metrics.verification import all_pairs, verification_scores


def rates(similarity, same):
    """Return the false acceptances and false rejections over all thresholds, by counting."""
    similarity, same = np.array(similarity), np.array(same, bool)
    thresholds = [np.inf, *sorted(set(similarity.tolist()), reverse=True)]
    accepted = np.array([np.mean(similarity[~same] >= t) for t in thresholds])
    missed = np.array([np.mean(similarity[same] < t) for t in thresholds])
    return accepted, missed


def drawn(ties, seed=0, count=300):
    rng = np.random.default_rng(seed)
    same = rng.random(count) < 0.3
    similarity = rng.normal(size=count) + same
    return (np.round(similarity, 1) if ties else similarity), same


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_equals_counts_over_every_threshold(ties, seed):
    similarity, same = drawn(ties, seed)
    accepted, missed = rates(similarity, same)
    at = np.arange(len(accepted), dtype=float)
    accept, miss = interp1d(at, accepted), interp1d(at, missed)
    root = brentq(lambda t: accept(t) - miss(t), 0, at[-1], xtol=1e-13)
    found = verification_scores(similarity, same, target_prior=0.05)
    assert found["eer"] == pytest.approx(float(accept(root)), abs=1e-9)
    wins = [(a > b) + 0.5 * (a == b) for a in similarity[same] for b in similarity[~same]]
    assert found["auc"] == pytest.approx(np.mean(wins))
    assert found["min_dcf"] == pytest.approx(min(0.05 * missed + 0.95 * accepted) / 0.05)
    at_threshold = [np.mean(similarity[~same] >= found["threshold"]), np.mean(similarity[same] < found["threshold"])]
    assert at_threshold == pytest.approx([found["eer"]] * 2, abs=0.05)


def test_values_by_hand():
    # one of three wrong pairs is above one of three right ones: both errors are 1/3
    found = verification_scores([0.9, 0.8, 0.4, 0.5, 0.2, 0.1], [1, 1, 1, 0, 0, 0])
    assert found["eer"] == pytest.approx(1 / 3)
    assert found["auc"] == pytest.approx(8 / 9)
    perfect = verification_scores([3, 2, 1, 0], [1, 1, 0, 0])
    assert perfect == pytest.approx({"eer": 0, "threshold": 2, "auc": 1, "min_dcf": 0})
    upside_down = verification_scores([0, 1, 2, 3], [1, 1, 0, 0])
    assert (upside_down["eer"], upside_down["auc"], upside_down["min_dcf"]) == (1, 0, 1)
    # of the points on one line of the curve, the one where the errors are equal gives the threshold
    line = verification_scores([8, 7, 6, 5, 4, 3, 2, 1], [1, 1, 0, 0, 0, 0, 1, 1])
    assert (line["eer"], line["threshold"]) == (0.5, 5)
    alike = verification_scores([1, 1, 1, 1], [1, 0, 1, 0])
    assert alike == pytest.approx({"eer": 0.5, "threshold": 1, "auc": 0.5, "min_dcf": 1})


def test_verification_scores_are_invariant_to_order_and_scale():
    similarity, same = drawn(ties=True)
    order = np.random.default_rng(3).permutation(len(same))
    found, other = verification_scores(similarity, same), verification_scores(np.exp(similarity[order]), same[order])
    assert np.exp(found.pop("threshold")) == pytest.approx(other.pop("threshold"))
    assert other == pytest.approx(found)
    mirrored = verification_scores(-similarity, ~same)
    assert (mirrored["eer"], mirrored["auc"]) == pytest.approx((found["eer"], found["auc"]))


def test_all_pairs_contains_each_pair_once():
    rng = np.random.default_rng(4)
    embeddings, ids = rng.normal(size=(6, 3)), np.array(list("aabbca"))
    embeddings[5] = 0
    cosine, same = all_pairs(embeddings, ids)
    expected = []
    for i in range(6):
        for j in range(i + 1, 6):
            norm = np.linalg.norm(embeddings[i]) * np.linalg.norm(embeddings[j])
            expected.append((embeddings[i] @ embeddings[j] / norm if norm else 0, ids[i] == ids[j]))
    assert np.stack([cosine, same], axis=1) == pytest.approx(np.array(expected, float))
    assert same.sum() == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"similarity": [1.0, np.nan]}, "similarity: .*finite"),
        ({"similarity": []}, "similarity: .*shape"),
        ({"same": [1]}, "same: "),
        ({"same": [1, 1]}, "same: .*both"),
        ({"same": [1, 2]}, "same: .*both"),
        ({"same": [1, np.nan]}, "same: .*NaN"),
        ({"target_prior": 0}, "target_prior: "),
        ({"target_prior": float("nan")}, "target_prior: "),
    ],
)
def test_bad_arguments_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        verification_scores(**{"similarity": [0.5, 1.0], "same": [0, 1]} | change)


def test_bad_embeddings_are_named():
    with pytest.raises(ValueError, match=r"embeddings: .*finite"):
        all_pairs([[1.0, np.inf]], [0])
    with pytest.raises(ValueError, match="ids: "):
        all_pairs([[1.0, 2.0]], [0, 1])
