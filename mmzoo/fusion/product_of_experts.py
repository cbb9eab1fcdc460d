"""Fusion by a product of experts: each modality says what it believes and how surely."""

from keras import layers, ops

from mmzoo.blocks.presence import split_present

WIDEST = 6.0  # log-variances lie within -6 and 6: precisions up to 400, which float16 holds


def product_of_experts(embeddings, present, units=None):
    """Join `{modality: (B, D)}` to the mean of the product of their Gaussians: `(B, units)`, by default `(B, D)`.

    `present` `(B, M)` is 1 or 0 in the order of `embeddings`; zeros, the prior's mean, where all are missing.
    MVAE, Wu and Goodman 2018, section 2.2. An autoencoder takes `product(gaussians(embeddings, units), present)`,
    which has the variance too.
    """
    units = units or next(iter(embeddings.values())).shape[-1]
    return product(gaussians(embeddings, units), present)[0]


def gaussians(embeddings, units):
    """Let each of `{modality: (B, D)}` state a Gaussian: `{modality: (mean, log_variance)}`, each `(B, units)`."""
    stated = {}
    for name, x in embeddings.items():
        mean = layers.Dense(units, name=f"{name}_mean")(x)
        spread = layers.Dense(units, name=f"{name}_spread")(x)
        stated[name] = mean, WIDEST * ops.tanh(spread * (1.0 / WIDEST))
    return stated


def product(stated, present):
    """Multiply the Gaussians `{modality: (mean, log_variance)}` that are present with the prior N(0, 1).

    `present` `(B, M)` is 1 or 0 in the order of `stated`. Returns mean and log-variance `(B, units)`: the precisions
    add up, with 1 for the prior, and weigh the means. Wu and Goodman 2018, section 2.2.
    """
    there = split_present(present, stated)
    precisions = {name: ops.exp(-log_variance) * there[name] for name, (_, log_variance) in stated.items()}
    total = sum(precisions.values()) + 1.0
    mean = sum(mean * precisions[name] for name, (mean, _) in stated.items()) / total
    return mean, -ops.log(total)
