"""Cross-entropy of class indices and soft targets, with and without smoothing, by its formula."""

import numpy as np

from mmzoo.losses.soft_targets import cross_entropy, largest_share

COUNT = 5  # of classes, and of examples: shapes alone mislead


def test_cross_entropy_accepts_classes_and_soft_targets():
    rng = np.random.default_rng(0)
    told = rng.dirichlet(np.ones(COUNT), COUNT).astype("float32")
    labels = rng.integers(0, COUNT, COUNT).astype("int32")
    whole = -np.log(told[np.arange(COUNT), labels])
    for given in (labels, labels[:, None], np.eye(COUNT, dtype="float32")[labels]):
        np.testing.assert_allclose(cross_entropy(COUNT)(given, told), whole, rtol=1e-4)
        np.testing.assert_array_equal(largest_share(COUNT)(given, told), told.argmax(axis=1) == labels)
    shares = rng.dirichlet(np.ones(COUNT), COUNT).astype("float32")
    np.testing.assert_allclose(cross_entropy(COUNT)(shares, told), -(shares * np.log(told)).sum(axis=1), rtol=1e-4)
    assert largest_share(COUNT)(shares, told).shape == (COUNT,)


def test_cross_entropy_smoothing_is_uniform_over_classes():
    rng = np.random.default_rng(1)
    told = rng.dirichlet(np.ones(COUNT), 3).astype("float32")
    labels = np.array([0, 4, 2], "int32")
    smooth = 0.8 * np.eye(COUNT)[labels] + 0.2 / COUNT
    answer = cross_entropy(COUNT, label_smoothing=0.2)(labels, told)
    np.testing.assert_allclose(answer, -(smooth * np.log(told)).sum(axis=1), rtol=1e-4)
