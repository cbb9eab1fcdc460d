"""Fusion by concatenation."""

from keras import layers

from mmzoo.blocks.presence import replace_absent, split_present


def concat(embeddings, present):
    """Join `{modality: (B, D)}` by concatenation and one Dense layer with ReLU: `(B, D)`.

    `present` `(B, M)`, 1 or 0 in the order of `embeddings`; a missing one is a learned vector.
    """
    there = split_present(present, embeddings)
    parts = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    joined = layers.Concatenate(name="joined")(parts)
    return layers.Dense(parts[0].shape[-1], activation="relu", name="fusion")(joined)
