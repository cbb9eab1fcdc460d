"""Product of experts: the product of Gaussians predicted by each modality."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.presence import split_present

WIDEST = 6.0  # log-variances lie within -6 and 6: precisions up to 400, which float16 holds


def product_of_experts(
    embeddings: Mapping[str, KerasTensor], present: KerasTensor, units: int | None = None
) -> KerasTensor:
    """Fuse to the mean of the product of unimodal Gaussians.

    MVAE, Wu and Goodman 2018, section 2.2. `{modality: (B, D)}` to `(B, units)`, by default `(B, D)`. `present`
    `(B, M)` is 1 or 0 in the order of `embeddings`; zeros, the prior's mean, if all are missing. An autoencoder takes
    `product(gaussians(embeddings, units), present)`, with the variance too.
    """
    units = units or next(iter(embeddings.values())).shape[-1]
    return product(gaussians(embeddings, units), present)[0]


def gaussians(embeddings: Mapping[str, KerasTensor], units: int) -> dict[str, tuple[KerasTensor, KerasTensor]]:
    """Predict a Gaussian from each modality: `{modality: (mean, log_variance)}`, each `(B, units)`."""
    stated = {}
    for name, x in embeddings.items():
        mean = layers.Dense(units, name=f"{name}_mean")(x)
        spread = layers.Dense(units, name=f"{name}_spread")(x)
        stated[name] = mean, WIDEST * ops.tanh(spread * (1.0 / WIDEST))
    return stated


def product(
    stated: dict[str, tuple[KerasTensor, KerasTensor]], present: KerasTensor
) -> tuple[KerasTensor, KerasTensor]:
    """Multiply the available Gaussians with the prior N(0, 1).

    Wu and Goodman 2018, section 2.2. `{modality: (mean, log_variance)}` to mean and log-variance `(B, units)`. The
    precisions add up, with 1 for the prior, and weight the means. `present` `(B, M)` is 1 or 0 in the order of
    `stated`.
    """
    there = split_present(present, stated)
    precisions = {name: ops.exp(-log_variance) * there[name] for name, (_, log_variance) in stated.items()}
    total = sum(precisions.values()) + 1.0
    mean = sum(mean * precisions[name] for name, (mean, _) in stated.items()) / total
    return mean, -ops.log(total)
