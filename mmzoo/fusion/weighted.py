"""Fusion by a weighted mean, its weights learned for each set of modalities that are present."""

from keras import layers, ops

from mmzoo.blocks.attention import HIDDEN
from mmzoo.blocks.presence import split_present


def weighted(embeddings, present):
    """Average `{modality: (B, D)}` with learned weights that sum to 1 over those present: `(B, D)`.

    `present` `(B, M)` is 1 or 0 in the order of `embeddings`. The weights are the softmax of scores that a matrix
    makes of `present`: how far a modality is trusted depends on which others are there. They begin equal. Zeros where
    all are missing.
    """
    there = split_present(present, embeddings)
    scores = layers.Dense(len(embeddings), use_bias=False, kernel_initializer="zeros", name="scores")(present)
    shares = split_present(ops.softmax(scores + (present - 1.0) * HIDDEN, axis=-1), embeddings)
    # the share first: what is missing must add nothing, not e^-30 of it
    parts = [x * (shares[name] * there[name]) for name, x in embeddings.items()]
    return layers.Add(name="fusion")(parts) if len(parts) > 1 else parts[0]
