"""InfoNCE, SigLIP, NT-Xent and VICReg against loops over their equations, and against PyTorch."""

import itertools

import keras
import numpy as np
import pytest

from mmzoo.losses import contrastive

IDS = np.array([3, 1, 3, 8, 1], "float32")


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def unit(x):
    return x / np.sqrt(np.sum(x**2, axis=-1, keepdims=True) + 1e-6 * x.shape[-1])


def log_softmax(x):
    return x - np.log(np.sum(np.exp(x)))


def mean_over_positives(ids, i, logits):
    """Compute the cross-entropy of row `i`, uniform over examples of the same id."""
    positives = [j for j in range(len(ids)) if ids[j] == ids[i]]
    return -np.mean([log_softmax(logits)[j] for j in positives])


def close(actual, expected):
    np.testing.assert_allclose(keras.ops.convert_to_numpy(actual), expected, rtol=2e-4, atol=1e-5)


def test_info_nce_is_the_mean_over_both_directions_of_all_pairs():
    x = draw(5, 3, 4)
    z = unit(x)
    expected = np.zeros(5)
    for i, (a, b) in itertools.product(range(5), itertools.permutations(range(3), 2)):
        expected[i] += mean_over_positives(IDS, i, z[:, b] @ z[i, a] / 0.2) / 6
    close(contrastive.info_nce(0.2)(IDS, x), expected)


def test_info_nce_of_ids_that_differ_is_cross_entropy():
    from torch import arange, tensor
    from torch.nn.functional import cross_entropy

    cosines = np.tanh(draw(5, 5))
    both = [cross_entropy(tensor(x) / 0.07, arange(5), reduction="none").numpy() for x in (cosines, cosines.T)]
    close(contrastive.info_nce()(np.arange(5), cosines), np.mean(both, axis=0))


def test_siglip_is_a_sigmoid_for_every_pair():
    cosines = np.tanh(draw(5, 5))
    expected = np.zeros(5)
    for i, j in itertools.product(range(5), repeat=2):
        z = 1 if IDS[i] == IDS[j] else -1
        expected[i] += np.log1p(np.exp(-z * (cosines[i, j] / 0.5 - 2)))
    close(contrastive.siglip(0.5, -2.0)(IDS, cosines), expected)


def test_siglip_of_embeddings_equals_siglip_of_cosines():
    z = unit(draw(5, 3, 4))
    each = [contrastive.siglip()(IDS, z[:, a] @ z[:, b].T) for a, b in itertools.combinations(range(3), 2)]
    close(contrastive.siglip()(IDS, z), np.mean([np.asarray(x) for x in each], axis=0))
    assert "-10" in repr(contrastive.siglip.__defaults__)  # as in algorithm 1


@pytest.mark.parametrize("ids", [IDS, np.arange(5)])
def test_nt_xent_compares_with_all_other_views(ids):
    x = draw(5, 2, 4, seed=1)
    z, owner = unit(x).reshape(10, 4), np.repeat(ids, 2)
    expected = np.zeros(10)
    for i in range(10):
        others = [j for j in range(10) if j != i]
        log_p = dict(zip(others, log_softmax(z[others] @ z[i] / 0.5), strict=True))
        expected[i] = -np.mean([log_p[j] for j in others if owner[j] == owner[i]])
    close(contrastive.nt_xent()(ids, x), expected.reshape(5, 2).mean(axis=1))


def vicreg_in_numpy(a, b, weights):
    total = weights[0] * np.mean((a - b) ** 2)
    for x in (a, b):
        total += weights[1] * np.mean(np.maximum(0, 1 - np.sqrt(np.var(x, axis=0, ddof=1) + 1e-4)))
        covariances = np.cov(x.T)
        total += weights[2] * (np.sum(covariances**2) - np.sum(np.diag(covariances) ** 2)) / a.shape[1]
    return total


def test_vicreg_is_its_three_terms():
    x = 0.6 * draw(5, 2, 4, seed=2) + 1
    close(contrastive.vicreg()(IDS, x), vicreg_in_numpy(x[:, 0], x[:, 1], (25, 25, 1)))
    close(contrastive.vicreg(0, 0, 3)(IDS, x), vicreg_in_numpy(x[:, 0], x[:, 1], (0, 0, 3)))
    x = draw(5, 3, 4, seed=3)
    pairs = [vicreg_in_numpy(x[:, a], x[:, b], (2, 3, 4)) for a, b in itertools.combinations(range(3), 2)]
    close(contrastive.vicreg(2, 3, 4)(IDS, x), np.mean(pairs))


def test_right_costs_less_than_wrong():
    right = np.stack([np.eye(4), np.eye(4)], axis=1).astype("float32")
    wrong = np.stack([np.eye(4), np.roll(np.eye(4), 1, axis=0)], axis=1).astype("float32")
    for make in (contrastive.info_nce, contrastive.siglip, contrastive.nt_xent, contrastive.vicreg):
        cost = [float(np.mean(make()(np.arange(4), x))) for x in (right, wrong)]
        assert cost[0] < cost[1], make.__name__


def test_contrastive_gradient_pulls_examples_with_one_id_together():
    alike, apart = (np.stack([np.eye(4)[rows]] * 2, axis=1).astype("float32") for rows in ([0, 0, 1, 2], [0, 3, 1, 2]))
    for make in (contrastive.info_nce, contrastive.siglip, contrastive.nt_xent):
        near, far = (float(np.mean(make()(np.array([5, 5, 1, 2]), x))) for x in (alike, apart))
        assert near < far, make.__name__


def test_contrastive_one_view_raises():
    for make in (contrastive.info_nce, contrastive.nt_xent, contrastive.vicreg):
        with pytest.raises(ValueError, match="Received: y_pred"):
            make()(IDS, draw(5, 1, 4))
    with pytest.raises(ValueError, match="Received: y_pred"):
        contrastive.nt_xent()(IDS, draw(5, 4))


def test_two_modalities_learn_their_pairs():
    keras.utils.set_random_seed(0)
    inputs = {name: keras.Input((6,), name=name) for name in ("image", "audio")}
    projected = [keras.layers.Dense(4, name=f"{name}_projection")(x) for name, x in inputs.items()]
    model = keras.Model(inputs, keras.ops.stack(projected, axis=1))
    model.compile(keras.optimizers.Adam(0.03), loss=contrastive.info_nce(), jit_compile=False)
    x = np.tile(draw(16, 6), (10, 1))
    shown = {"image": x, "audio": x[:, ::-1] * 2}
    ids = np.tile(np.arange(16), 10)
    losses = model.fit(shown, ids, batch_size=16, epochs=5, verbose=0, shuffle=False).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
