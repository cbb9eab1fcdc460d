"""Triplets and ArcFace against loops over their equations."""

import keras
import numpy as np
import pytest

from mmzoo.blocks.normalize import unit_norm
from mmzoo.losses import arcface, triplet


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def hardest(x, ids, i):
    """Return the distance of the farthest of the same id and that of the nearest other, None where there is none."""
    others = [j for j in range(len(x)) if j != i]
    near = [np.linalg.norm(x[i] - x[j]) for j in others if ids[j] != ids[i]]
    far = [np.linalg.norm(x[i] - x[j]) for j in others if ids[j] == ids[i]]
    return (max(far), min(near)) if far and near else None


def test_triplets_are_the_hardest_of_the_batch():
    x, ids = draw(7, 3), np.array([2, 5, 2, 5, 9, 2, 5])
    found = [hardest(x, ids, i) for i in range(7)]
    for margin in (None, 0.4):
        cost = [0.0] * 7
        for i, pair in enumerate(found):
            if pair:
                gap = pair[0] - pair[1]
                cost[i] = np.log1p(np.exp(gap)) if margin is None else max(0.0, margin + gap)
        assert cost[4] == 0  # the only one of its id
        expected = np.array(cost) * 7 / 6
        np.testing.assert_allclose(triplet.batch_hard_triplet(margin)(ids, x), expected, rtol=1e-4, atol=1e-6)


def test_triplet_right_costs_less_than_wrong():
    x, ids = np.array([[0, 0], [0, 0.1], [3, 3], [3, 3.1]], "float32"), np.array([0, 0, 1, 1])
    for margin in (None, 0.4):
        right, wrong = (np.mean(triplet.batch_hard_triplet(margin)(y, x)) for y in (ids, [0, 1, 0, 1]))
        assert right < wrong
    assert np.all(np.asarray(triplet.batch_hard_triplet(0.4)(np.zeros(4), x)) == 0)  # no negative
    assert np.all(np.asarray(triplet.batch_hard_triplet(0.4)(np.arange(4), x)) == 0)  # no positive


def test_arcface_adds_to_the_angle():
    margin, scale = 0.5, 8.0
    angles = np.array([[0.3, 1.0, 2.0], [2.9, 0.5, 1.2], [1.1, 2.2, 2.64], [1.5, 2.65, 0.1]])
    label = np.array([0, 0, 2, 1])
    expected = []
    for row, k in zip(angles, label, strict=True):
        logits = np.cos(row)
        beyond = row[k] + margin > np.pi
        logits[k] = logits[k] - margin * np.sin(margin) if beyond else np.cos(row[k] + margin)
        logits = scale * logits
        expected.append(np.log(np.sum(np.exp(logits))) - logits[k])
    loss = arcface.arcface(margin, scale)
    np.testing.assert_allclose(loss(label, np.cos(angles).astype("float32")), expected, rtol=1e-4)
    np.testing.assert_allclose(loss(label[:, None], np.cos(angles).astype("float32")), expected, rtol=1e-4)


def test_arcface_without_margin_is_cross_entropy():
    from torch import tensor
    from torch.nn.functional import cross_entropy

    cosines, label = np.tanh(draw(6, 4)), np.array([0, 1, 2, 3, 0, 1])
    expected = cross_entropy(64 * tensor(cosines), tensor(label), reduction="none")
    np.testing.assert_allclose(arcface.arcface(margin=0.0)(label, cosines), expected, rtol=1e-4, atol=1e-5)


def test_arcface_costs_less_the_smaller_the_angle():
    angles = np.linspace(0.1, 3.1, 40)
    cosines = np.stack([np.cos(angles), np.zeros(40)], axis=1).astype("float32")
    cost = np.asarray(arcface.arcface()(np.zeros(40), cosines))
    assert np.all(np.diff(cost) >= 0)
    assert np.all(np.diff(cost)[15:] > 0)


@pytest.mark.parametrize("loss", [triplet.batch_hard_triplet(), arcface.arcface(0.2, 16.0)], ids=["triplet", "arcface"])
def test_it_trains(loss, request):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    output = unit_norm(keras.layers.Dense(4)(inputs))
    if "arcface" in request.node.name:
        output = keras.layers.Dense(4, use_bias=False, kernel_constraint="unit_norm")(output)
    model = keras.Model(inputs, output)
    model.compile(keras.optimizers.Adam(0.03), loss=loss, jit_compile=False)
    label = np.arange(160) % 4
    x = draw(160, 6, seed=3) * 0.3 + draw(4, 6)[label]
    losses = model.fit(x, label, epochs=5, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
