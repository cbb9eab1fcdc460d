"""Fusion by concatenation."""

from collections.abc import Mapping

from keras import KerasTensor, layers

from mmzoo.blocks.presence import replace_absent, split_present


def concat(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Fuse by concatenation and one Dense layer with ReLU.

    `{modality: (B, D)}` to `(B, D)`. `present` `(B, M)` is 1 or 0 in the order of `embeddings`; a learned vector
    replaces a missing modality.
    """
    there = split_present(present, embeddings)
    parts = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    joined = layers.Concatenate(name="joined")(parts)
    return layers.Dense(parts[0].shape[-1], activation="relu", name="fusion")(joined)
