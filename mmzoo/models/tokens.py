"""An encoder cut before its pooling: the tokens that streams join."""

import keras
from keras import layers

from mmzoo.blocks.position import padding_mask


def tokens_of(encoder, layer="norm"):
    """Return a `keras.Model` of the same input and name as `encoder`: what `layer` of it yields, tokens `(B, T, D)`.

    `vit_tiny`, `text_transformer` and `audio_transformer` yield them at the layer `norm`. An encoder of int32 token
    ids, 0 behind the text, yields zeros there. For `single_stream` and `multi_stream`.

    Raises:
        ValueError: `encoder` has no such layer, or what it yields is not `(B, T, D)`.
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
