"""Fusion by a weighted mean, with learned weights for each modality subset."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.attention import HIDDEN
from mmzoo.blocks.presence import split_present


def weighted(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Fuse by a weighted mean over the available modalities.

    `{modality: (B, D)}` to `(B, D)`. `present` `(B, M)` is 1 or 0 in the order of `embeddings`. The weights are the
    softmax of a linear function of `present` and sum to 1: the weight of a modality depends on the other available
    ones. Initial weights are equal. Zeros if all are missing.
    """
    there = split_present(present, embeddings)
    scores = layers.Dense(len(embeddings), use_bias=False, kernel_initializer="zeros", name="scores")(present)
    shares = split_present(ops.softmax(scores + (present - 1.0) * HIDDEN, axis=-1), embeddings)
    # the weight first: a missing modality must add 0 and not e^-30 of its embedding
    parts = [x * (shares[name] * there[name]) for name, x in embeddings.items()]
    return layers.Add(name="fusion")(parts) if len(parts) > 1 else parts[0]
