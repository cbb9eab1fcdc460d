"""The ELBO against scipy's densities and PyTorch's divergence."""

import numpy as np
import pytest
from scipy import stats

from mmzoo.losses import elbo


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def test_unit_gaussian_kl_equals_torch():
    from torch import tensor
    from torch.distributions import Normal, kl_divergence

    mean, log_variance = draw(4, 3), draw(4, 3, seed=1)
    expected = kl_divergence(Normal(tensor(mean), tensor(np.exp(log_variance / 2))), Normal(0.0, 1.0)).sum(1)
    np.testing.assert_allclose(elbo.unit_gaussian_kl(mean, log_variance), expected, rtol=1e-5, atol=1e-6)
    assert np.all(np.abs(elbo.unit_gaussian_kl(np.zeros((2, 3)), np.zeros((2, 3)))) < 1e-9)


def test_likelihoods_equal_scipy():
    y, x = draw(4, 3), draw(4, 3, seed=1)
    constant = 1.5 * np.log(2 * np.pi)
    expected = -stats.norm.logpdf(y, x).sum(1) - constant
    np.testing.assert_allclose(elbo.gaussian(y, x), expected, rtol=1e-4)
    hit, p = (y > 0).astype("float32"), 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(elbo.bernoulli(hit, x), -stats.bernoulli.logpmf(hit, p).sum(1), rtol=1e-4)
    label = np.eye(3, dtype="float32")[[0, 2, 1, 1]]
    share = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    expected = [-stats.multinomial.logpmf(k, 1, q / q.sum()) for k, q in zip(label, share.astype(float), strict=True)]
    np.testing.assert_allclose(elbo.categorical(label, x), expected, rtol=1e-4)


def test_elbo_weighs_modalities_and_divergence():
    y, out = draw(4, 5), draw(4, 9, seed=2)
    y[:, 2:] = np.abs(y[:, 2:]) % 1
    mean, log_variance = out[:, 5:7], out[:, 7:]
    picture = np.sum((y[:, :2] - out[:, :2]) ** 2, axis=1) / 2
    p = 1 / (1 + np.exp(-out[:, 2:5]))
    sound = -np.sum(y[:, 2:] * np.log(p) + (1 - y[:, 2:]) * np.log(1 - p), axis=1)
    divergence = np.sum((np.exp(log_variance) + mean**2 - 1 - log_variance) / 2, axis=1)
    loss = elbo.elbo({"image": 2, "audio": 3}, 2, {"audio": 0.2}, beta=0.7, likelihoods={"audio": elbo.bernoulli})
    np.testing.assert_allclose(loss(y, out), picture + 0.2 * sound + 0.7 * divergence, rtol=1e-4)
    both_plain = elbo.elbo({"image": 2, "audio": 3}, 2)
    np.testing.assert_allclose(
        both_plain(y, out), np.sum((y - out[:, :5]) ** 2, axis=1) / 2 + divergence, rtol=1e-4, atol=1e-5
    )


def test_right_costs_less_than_wrong():
    y = draw(4, 5)
    loss = elbo.elbo({"image": 2, "audio": 3}, 2)
    prior = np.zeros((4, 4), "float32")
    right, wrong, far = (np.mean(loss(y, np.c_[a, b])) for a, b in ((y, prior), (y + 1, prior), (y, prior + 1)))
    assert right == pytest.approx(0, abs=1e-6)
    assert right < wrong
    assert right < far


def test_elbo_wrong_width_raises():
    with pytest.raises(ValueError, match="Received: y_pred"):
        elbo.elbo({"image": 2, "audio": 3}, 2)(draw(4, 5), draw(4, 8))
