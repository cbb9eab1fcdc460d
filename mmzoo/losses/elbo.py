"""Negative ELBO of a multimodal variational autoencoder: reconstruction + beta * KL.

The model has one output: the reconstructions of all modalities, each flat, then mean and log-variance of the latent
Gaussian, all along the last axis. `y` is the flat inputs of all modalities, in the same order.
"""

from collections.abc import Callable, Mapping

from keras import KerasTensor, ops


def elbo(
    widths: Mapping[str, int],
    latent_dim: int,
    weights: Mapping[str, float] | None = None,
    beta: float = 1.0,
    likelihoods: Mapping[str, Callable[[KerasTensor, KerasTensor], KerasTensor]] | None = None,
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the negative ELBO `(B,)` of a multimodal autoencoder.

    Wu and Goodman 2018 (MVAE), section 2, equation 3:
    `sum_m weights[m] * -log p(x_m | z) + beta * KL(q(z | x) || N(0, I))`. Targets are `(B, sum of widths)`; outputs are
    `(B, sum of widths + 2 * latent_dim)`. `widths` is `{modality: numbers}`, `weights` `{modality: lambda}`, 1 by
    default, and `likelihoods` `{modality: function}`, `gaussian` by default.

    Raises:
        ValueError: the output has another width.
    """
    weights, likelihoods = weights or {}, likelihoods or {}
    flat = sum(widths.values())

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        if y_pred.shape[1] != flat + 2 * latent_dim:
            raise ValueError(
                f"elbo expects outputs (B, {flat} + 2 * {latent_dim}). Received: y_pred.shape={y_pred.shape}"
            )
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        total, start = beta * unit_gaussian_kl(y_pred[:, flat : flat + latent_dim], y_pred[:, flat + latent_dim :]), 0
        for name, width in widths.items():
            part = slice(start, start + width)
            minus_log_likelihood = likelihoods.get(name, gaussian)(y_true[:, part], y_pred[:, part])
            total += weights.get(name, 1.0) * minus_log_likelihood
            start += width
        return total

    return loss


def unit_gaussian_kl(mean: KerasTensor, log_variance: KerasTensor) -> KerasTensor:
    """Compute the KL divergence `(B,)`, in nats, from the unit Gaussian.

    Kingma and Welling 2014, appendix B. `mean` and `log_variance` of the diagonal Gaussian are `(B, Z)` each.
    """
    return 0.5 * ops.sum(ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance, axis=1)


def gaussian(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
    """Compute half the squared error `(B,)` of numbers `(B, D)`.

    It is `-log N(y_true; y_pred, 1)` without its constant.
    """
    return 0.5 * ops.sum(ops.square(y_true - y_pred), axis=1)


def bernoulli(y_true: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """Compute the binary cross-entropy `(B,)`, summed over pixels `(B, D)`.

    Pixels are in [0, 1].
    """
    return ops.sum(ops.softplus(logits) - y_true * logits, axis=1)


def categorical(y_true: KerasTensor, logits: KerasTensor) -> KerasTensor:
    """Compute the cross-entropy `(B,)` of a one-hot label `(B, N)` with `logits` `(B, N)`."""
    return -ops.sum(y_true * ops.log_softmax(logits), axis=1)
