"""An embedding of length 1, whose dot products are cosines: for retrieval and contrastive learning."""

import keras
from keras import layers

from mmzoo.blocks.normalize import unit_norm


def projector(embedding, units=64, hidden=0):
    """Return vectors `(B, units)` of length 1 from an embedding `(B, D)`.

    `hidden` 0 projects linearly, as CLIP does (Radford et al. 2021, section 2.3); more puts a Dense layer of that many
    units with ReLU before it, as SimCLR does (Chen et al. 2020, section 2.1).
    """
    if hidden:
        embedding = layers.Dense(hidden, activation="relu", name="projection_hidden")(embedding)
    projected = layers.Dense(units, name="projection_linear")(embedding)
    return layers.Identity(name="projection")(unit_norm(projected))


def example():
    """Return the head on an embedding of 64 numbers, with a hidden layer of 128."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"projection": projector(x, 64, 128)})
