"""Projection head of unit length, for retrieval and contrastive learning."""

import keras
from keras import layers

from mmzoo.blocks.normalize import unit_norm


def projector(embedding: keras.KerasTensor, units: int = 64, hidden: int = 0) -> keras.KerasTensor:
    """Project an embedding to unit length: `(B, D) -> (B, units)`.

    Dot products of the outputs are cosines. `hidden` 0 projects linearly, as in CLIP (Radford et al. 2021, section
    2.3). A larger `hidden` adds a Dense layer of that many units with ReLU before it, as in SimCLR (Chen et al. 2020,
    section 2.1).
    """
    if hidden:
        embedding = layers.Dense(hidden, activation="relu", name="projection_hidden")(embedding)
    projected = layers.Dense(units, name="projection_linear")(embedding)
    return layers.Identity(name="projection")(unit_norm(projected))


def example() -> keras.Model:
    """Return the head for 64 numbers, with 128 hidden units."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"projection": projector(x, 64, 128)})
