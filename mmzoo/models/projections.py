"""Encoders whose embeddings are projected and compared: the model of contrastive pretraining."""

from collections.abc import Mapping

import keras
from keras import layers, ops

from mmzoo.blocks.normalize import unit_norm


def projections(encoders: Mapping[str, keras.Model], width: int, unit: bool = True, name: str = "") -> keras.Model:
    """Build the model of M modalities to projections `(B, M, width)`, in the order of `encoders`.

    A perceptron with one hidden layer of twice the `width` projects each embedding, the layer `{modality}_embedding`
    (SimCLR, Chen et al. 2020, section 2.1). With `unit` the projections have length 1.
    """
    inputs, projected = {}, []
    for modality, encoder in encoders.items():
        inputs[modality] = keras.Input(encoder.input.shape[1:], dtype=encoder.input.dtype, name=modality)
        x = layers.Identity(name=f"{modality}_embedding")(encoder(inputs[modality]))
        x = layers.Dense(2 * width, activation="relu", name=f"{modality}_projection_hidden")(x)
        x = layers.Dense(width, name=f"{modality}_projection")(x)
        projected.append(unit_norm(x) if unit else x)
    return keras.Model(inputs, ops.stack(projected, axis=1), name=name or None)
