"""Encoders cut before their pooling, with tokens as output."""

import keras
from keras import layers

from mmzoo.blocks.position import padding_mask


def tokens_of(encoder: keras.Model, layer: str = "norm") -> keras.Model:
    """Cut an encoder at `layer` to output its tokens `(B, T, D)`.

    For `single_stream` and `multi_stream`. The new model has the same input and name as `encoder`. `vit_tiny`,
    `text_transformer` and `audio_transformer` output tokens at the layer `norm`. For an encoder of int32 token ids,
    padded with 0, padding tokens are zero.

    Raises:
        ValueError: `encoder` has no such layer, or its output is not `(B, T, D)`.
    """
    if layer not in [inner.name for inner in encoder.layers]:
        names = ", ".join(inner.name for inner in encoder.layers)
        raise ValueError(f"tokens_of expects a layer of {encoder.name}: {names}. Received: {layer=}")
    x = encoder.get_layer(layer).output
    if len(x.shape) != 3:
        raise ValueError(f"tokens_of expects a layer that yields (B, T, D). Received: {layer=} of shape {x.shape}")
    if encoder.input.dtype == "int32":
        mask = layers.Reshape((x.shape[1], 1), name="text")(padding_mask(encoder.input))
        x = layers.Multiply(name="text_tokens")([x, mask])
    return keras.Model(encoder.input, x, name=encoder.name)
