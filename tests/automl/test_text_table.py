"""Initial tables of hashed texts: the coefficients of linear models."""

import numpy as np
import pytest
from scipy import sparse

from mmzoo.automl.text_table import coefficients, frequencies, reduced
from mmzoo.blocks.hashed_text import SublinearFrequencies
from mmzoo.device.text_hash import SIZE, sparse_counts

TOPICS = (("goal match team", "win"), ("oven salt soup", "eat"), ("bond stock rate", "buy"))


def examples(count, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(TOPICS)
    texts = [" ".join([*rng.choice(TOPICS[k][0].split(), 2), f"filler{rng.integers(9)}"]) for k in labels]
    ends, buckets, counts = sparse_counts(texts)
    return sparse.csr_matrix((counts.astype(np.float32), buckets.astype(np.int32), ends), (count, SIZE)), labels


def test_frequencies_are_those_of_the_graph():
    counts, _ = examples(12, 0)
    given = counts.toarray().astype(np.uint8)
    given[3, : 2**14] = 0
    expected = np.asarray(SublinearFrequencies()(given))
    np.testing.assert_allclose(frequencies(sparse.csr_matrix(given)).toarray(), expected, atol=1e-6)


def test_coefficients_of_classes_classify():
    (train, labels), (other, other_labels) = examples(60, 0), examples(30, 1)
    found = coefficients(train, labels, other, other_labels, "class")
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-9)
    products = frequencies(train) @ found
    assert np.linalg.norm(products, 2) == pytest.approx(60**0.5)
    np.testing.assert_array_equal((frequencies(other) @ found).argmax(axis=1), other_labels)


def test_coefficients_of_a_number_follow_it():
    (train, labels), (other, other_labels) = examples(60, 0), examples(30, 1)
    found = coefficients(train, 100.0 * labels, other, 100.0 * other_labels, "number")
    assert found.shape == (SIZE, 1)
    assert np.corrcoef((frequencies(other) @ found)[:, 0], other_labels)[0, 1] > 0.95


def test_coefficients_of_labels_have_a_column_for_each_that_varies():
    (train, labels), (other, other_labels) = examples(60, 0), examples(30, 1)
    marks = np.eye(3, dtype=np.float32)
    marks = np.c_[marks, np.ones(3)]  # the last is always there
    found = coefficients(train, marks[labels], other, marks[other_labels], "labels")
    assert found.shape == (SIZE, 3)
    np.testing.assert_array_equal((frequencies(other) @ found).argmax(axis=1), other_labels)


def test_coefficients_of_one_class_are_zero():
    train, labels = examples(9, 0)
    assert not coefficients(train, 0 * labels, train, 0 * labels, "class").any()


def test_validation_without_texts_or_with_another_class():
    train, labels = examples(60, 0)
    for other in (train[:0], train[:3]):
        found = coefficients(train, np.minimum(labels, 1), other, np.full(other.shape[0], 2), "class")
        assert np.isfinite(found).all()
        assert found.any()


@pytest.mark.parametrize("rank", [2, 3, 8])
def test_reduced_keeps_the_products(rank):
    train, labels = examples(60, 0)
    values = coefficients(train, labels, train, labels, "class")  # of rank 2, as they are centered
    table = reduced(values, rank)
    assert (table.shape, table.dtype) == ((SIZE, rank), np.float32)
    x = frequencies(train)
    np.testing.assert_allclose((x @ table[:, :2]) @ (x @ table[:, :2]).T, (x @ values) @ (x @ values).T, atol=1e-3)
    assert (np.abs(table).sum(axis=0) > 0).all()  # int8 has a scale for every column
