"""Retrieval against a loop over sorted galleries, scikit-learn's average precision, and values by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from mmzoo.metrics.retrieval import both_ways, retrieval_scores


def by_sorting(similarity, query_ids, gallery_ids, ks):
    """Sort each gallery, wrong items before right ones of the same similarity, and look down the list."""
    ranks, precisions = [], []
    for row, wanted in zip(similarity, query_ids, strict=True):
        listed = sorted(zip(row, gallery_ids == wanted, strict=True), key=lambda item: (-item[0], item[1]))
        ranks.append(1 + [right for _, right in listed].index(True))
        precisions.append(average_precision_score(gallery_ids == wanted, row))
    recalls = {f"recall@{k}": sum(rank <= k for rank in ranks) / len(ranks) for k in ks}
    return recalls | {"median_rank": np.median(ranks), "map": np.mean(precisions)}


@pytest.mark.parametrize("ties", [False, True])
def test_equals_a_sorted_list(ties):
    rng = np.random.default_rng(0)
    query_ids, gallery_ids = rng.integers(0, 12, 40), np.concatenate([np.arange(12), rng.integers(0, 12, 30)])
    similarity = rng.normal(size=(40, 42)) + 1.0 * (query_ids[:, None] == gallery_ids)
    if ties:
        similarity = np.round(similarity)
    found = retrieval_scores(similarity, query_ids, gallery_ids, ks=(1, 3, 10))
    assert found == pytest.approx(by_sorting(similarity, query_ids, gallery_ids, (1, 3, 10)), abs=1e-12)
    assert 0 < found["recall@1"] < found["recall@10"] < 1


def test_values_by_hand():
    similarity = [[0.9, 0.8, 0.1, 0.7], [0.4, 0.3, 0.2, 0.1]]
    # the right items of the first query stand second and third
    found = retrieval_scores(similarity[:1], ["b"], ["a", "b", "a", "b"], ks=(1, 2))
    assert found == pytest.approx({"recall@1": 0, "recall@2": 1, "median_rank": 2, "map": (1 / 2 + 2 / 3) / 2})
    # now second for the first query, fourth for the other
    found = retrieval_scores(similarity, ["b", "c"], ["a", "b", "a", "c"], ks=(2, 3))
    assert found == pytest.approx({"recall@2": 0.5, "recall@3": 0.5, "median_rank": 3, "map": (1 / 2 + 1 / 4) / 2})


def test_retrieval_constant_embeddings_find_nothing():
    same = np.ones((20, 4))
    ids = np.arange(20)
    for found in both_ways({"image": same, "text": same}, {"image": ids, "text": ids}).values():
        assert found == pytest.approx({"recall@1": 0, "recall@5": 0, "recall@10": 0, "median_rank": 20, "map": 0.05})


def test_both_ways_with_five_captions_per_image():
    rng = np.random.default_rng(1)
    image = rng.normal(size=(30, 8))
    text = np.repeat(image, 5, axis=0) * rng.uniform(0.1, 9, (150, 1)) + 0.3 * rng.normal(size=(150, 8))
    ids = {"image": np.arange(30), "text": np.repeat(np.arange(30), 5)}
    found = both_ways({"image": image, "text": text}, ids)
    assert list(found) == ["image_to_text", "text_to_image"]
    cosines = np.array([[a @ b / np.linalg.norm(a) / np.linalg.norm(b) for b in text] for a in image])
    expected = by_sorting(cosines, ids["image"], ids["text"], (1, 5, 10))
    assert found["image_to_text"] == pytest.approx(expected)
    assert found["text_to_image"] == pytest.approx(by_sorting(cosines.T, ids["text"], ids["image"], (1, 5, 10)))
    turned = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    order = rng.permutation(150)
    other = both_ways(
        {"image": image @ turned, "text": 7 * text[order] @ turned}, {"image": ids["image"], "text": ids["text"][order]}
    )
    assert [pytest.approx(one) for one in other.values()] == list(found.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"similarity": [[np.nan, 1.0]]}, "similarity: .*finite"),
        ({"similarity": np.zeros((0, 2))}, "similarity: .*shape"),
        ({"query_ids": [0, 1]}, "query_ids: "),
        ({"gallery_ids": [0]}, "gallery_ids: "),
        ({"gallery_ids": [1, 2]}, "gallery_ids: .*none for 1 queries, the first with the id 0"),
        ({"ks": (0,)}, "ks: "),
        ({"ks": ()}, "ks: "),
    ],
)
def test_bad_arguments_are_named(change, words):
    good = {"similarity": [[0.5, 1.0]], "query_ids": [0], "gallery_ids": [0, 1]}
    retrieval_scores(**good)
    with pytest.raises(ValueError, match=words):
        retrieval_scores(**good | change)


def test_bad_embeddings_are_named():
    rows, ids = np.ones((2, 3)), np.arange(2)
    with pytest.raises(ValueError, match=r"embeddings\['text'\]: .*finite"):
        both_ways({"image": rows, "text": rows * np.nan}, {"image": ids, "text": ids})
    with pytest.raises(ValueError, match="one width"):
        both_ways({"image": rows, "text": rows[:, :2]}, {"image": ids, "text": ids})
    with pytest.raises(ValueError, match="two modalities"):
        both_ways({"image": rows}, {"image": ids})
