"""Metrics of pairs in a batch."""

import numpy as np

from mmzoo.metrics.batch_retrieval import found, strangers


def test_strangers_is_its_formula():
    x = np.random.default_rng(0).normal(size=(6, 3, 4)).astype("float32")
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    shares = []
    for i, j in [(i, j) for i in range(3) for j in range(3) if i != j]:
        cosines = x[:, i] @ x[:, j].T
        shares.append((cosines > np.diag(cosines)[:, None]).mean(axis=1))
    np.testing.assert_allclose(strangers(np.arange(6), x), np.mean(shares, axis=0), atol=1e-6)


def test_the_metric_counts_who_finds_its_own_first():
    x = np.eye(4, dtype="float32")
    np.testing.assert_array_equal(found(np.arange(4), np.stack([x, x], axis=1)), 1)
    np.testing.assert_array_equal(found(np.arange(4), np.stack([x, x[[1, 0, 2, 3]]], axis=1)), [0, 0, 1, 1])
    np.testing.assert_array_equal(found([0, 0, 1, 2], np.stack([x, x[[1, 0, 2, 3]]], axis=1)), 1)
    np.testing.assert_array_equal(found(np.arange(4), np.ones((4, 2, 3), "float32")), 0)
    one_way = np.stack([x[[0, 0, 2, 3]], x], axis=1)  # the second picture looks like the first
    np.testing.assert_array_equal(found(np.arange(4), one_way), [0.5, 0, 1, 1])
