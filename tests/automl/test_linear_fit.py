"""Linear models of dense and sparse blocks equal the models of scikit-learn."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression, Ridge

from mmzoo.automl import linear_fit
from mmzoo.automl.linear_features import length
from mmzoo.automl.linear_fit import fits, products

N, DENSE, SPARSE = 300, 6, 40


@pytest.fixture
def blocks():
    rng = np.random.default_rng(0)
    rare = rng.random((N, SPARSE)) * (rng.random((N, SPARSE)) < 0.1)
    return [rng.normal(size=(N, DENSE)).astype("float32"), sparse.csr_matrix(rare.astype("float32"))]


@pytest.fixture
def whole(blocks):
    return np.hstack([blocks[0], blocks[1].toarray()])


def noisy(whole, count):
    rng = np.random.default_rng(1)
    return whole @ rng.normal(size=(whole.shape[1], count)) + rng.normal(size=(N, count))


@pytest.fixture(autouse=True)
def converged(monkeypatch):
    monkeypatch.setattr(linear_fit, "STRENGTHS", (0.1, 3.0))
    monkeypatch.setattr(linear_fit, "STEPS", 1000)
    monkeypatch.setattr(linear_fit, "TOLERANCE", 1e-7)


def test_classes_are_those_of_logistic_regression(blocks, whole):
    labels = noisy(whole, 3).argmax(axis=1)
    for strength, (weights, biases) in zip((0.1, 3.0), fits(blocks, labels, "class", 3), strict=True):
        peer = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(whole, labels)
        np.testing.assert_allclose(weights, peer.coef_.T, atol=5e-3)
        np.testing.assert_allclose(biases - biases.mean(), peer.intercept_ - peer.intercept_.mean(), atol=5e-3)


def test_numbers_are_those_of_ridge_regression(blocks, whole):
    labels = noisy(whole, 1)[:, 0]
    for strength, (weights, biases) in zip((0.1, 3.0), fits(blocks, labels, "number", 1), strict=True):
        peer = Ridge(alpha=1 / strength).fit(whole, labels)
        np.testing.assert_allclose(weights[:, 0], peer.coef_, atol=5e-3)
        assert biases[0] == pytest.approx(peer.intercept_, abs=5e-3)


def test_labels_are_a_logistic_regression_each(blocks, whole):
    labels = (noisy(whole, 2) > 0.3).astype("float32")
    for strength, (weights, _) in zip((0.1, 3.0), fits(blocks, labels, "labels", 2), strict=True):
        for k in range(2):
            peer = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(whole, labels[:, k])
            np.testing.assert_allclose(weights[:, k], peer.coef_[0], atol=5e-3)


@pytest.mark.parametrize("kind", ["class", "labels"])
def test_what_no_training_row_has_is_not_predicted(blocks, kind):
    labels = np.zeros(N, int) if kind == "class" else np.zeros((N, 2), "float32")
    if kind == "labels":
        labels[: N // 2, 0] = 1
    *_, (weights, biases) = fits(blocks, labels, kind, 2)
    raw = products(blocks, weights) + biases
    assert (raw[:, 1] - (raw[:, 0] if kind == "class" else 0)).max() < -8


def test_length_of_dense_and_sparse_blocks(blocks, whole):
    assert length(blocks[1]) == pytest.approx(np.sqrt(np.square(whole[:, DENSE:]).sum(axis=1).mean()), rel=1e-5)
    assert length(blocks[0]) == pytest.approx(np.sqrt(np.square(blocks[0]).sum(axis=1).mean()), rel=1e-5)
    assert length(np.zeros((3, 2))) == 1
