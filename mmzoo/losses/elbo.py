"""The evidence lower bound of a multimodal variational autoencoder, with its sign turned: reconstruction + beta * KL.

The model has one output: the reconstructions of all modalities, each flat, then mean and log-variance of the latent
Gaussian, all along the last axis. `y` is the flat inputs of all modalities, in the same order.
"""

from keras import ops


def elbo(widths, latent_dim, weights=None, beta=1.0, likelihoods=None):
    """Return the loss `(B,)` of flat inputs `(B, sum of widths)` and outputs `(B, sum of widths + 2 * latent_dim)`.

    `sum_m weights[m] * -log p(x_m | z) + beta * KL(q(z | x) || N(0, I))`. `widths` is `{modality: numbers}`, `weights`
    `{modality: lambda}`, 1 by default, and `likelihoods` `{modality: function}` is `gaussian` by default.

    Wu and Goodman 2018 (MVAE), section 2, equation 3.

    Raises:
        ValueError: the output has another width.
    """
    weights, likelihoods = weights or {}, likelihoods or {}
    flat = sum(widths.values())

    def loss(y_true, y_pred):
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


def unit_gaussian_kl(mean, log_variance):
    """Return the divergence `(B,)` in nats of a diagonal Gaussian, `(B, Z)` twice, from the unit Gaussian.

    Kingma and Welling 2014, appendix B.
    """
    return 0.5 * ops.sum(ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance, axis=1)


def gaussian(y_true, y_pred):
    """Return `-log N(y_true; y_pred, 1)` `(B,)` of numbers `(B, D)`, but for its constant: half the squared error."""
    return 0.5 * ops.sum(ops.square(y_true - y_pred), axis=1)


def bernoulli(y_true, logits):
    """Return the cross-entropy `(B,)`, summed, of numbers `(B, D)` in [0, 1], as pixels are, with `logits`."""
    return ops.sum(ops.softplus(logits) - y_true * logits, axis=1)


def categorical(y_true, logits):
    """Return the cross-entropy `(B,)` of a one-hot label `(B, N)` with `logits` `(B, N)`."""
    return -ops.sum(y_true * ops.log_softmax(logits), axis=1)
