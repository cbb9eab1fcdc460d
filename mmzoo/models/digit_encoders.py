"""Encoders of the digit recipes, transferable between recipes by name."""

from collections.abc import Mapping

import keras

from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.encoders.text_conv import text_conv

ENCODERS = {"image": light_cnn, "audio": log_mel_cnn, "text": text_conv}


def digit_encoders(sizes: Mapping[str, tuple], embed_dim: int = 64) -> dict[str, keras.Model]:
    """Build encoders for any of image, audio, text: `{modality: keras.Model}`.

    Each encodes to `(B, embed_dim)`. `sizes` are the first arguments of each encoder:
    `{"image": ((28, 28, 1),), "audio": (samples, rate), "text": (8,)}`.

    Names are `image_encoder` and so on. An encoder of one recipe fits another recipe with the same `embed_dim`.

    Raises:
        ValueError: a modality has no encoder.
    """
    if not set(sizes) <= set(ENCODERS):
        raise ValueError(f"digit_encoders expects modalities among {', '.join(ENCODERS)}. Received: {', '.join(sizes)}")
    return {name: ENCODERS[name](*size, embed_dim=embed_dim, name=f"{name}_encoder") for name, size in sizes.items()}


def with_map(encoder: keras.Model) -> keras.Model:
    """Extend an image or audio encoder with its last feature map.

    Outputs are `embedding` and `map` `(B, H, W, C)`, the input of its pooling. Name, weights and their order are the
    same as in `encoder`.
    """
    outputs = {"embedding": encoder.output, "map": encoder.get_layer("pool").input}
    return keras.Model(encoder.input, outputs, name=encoder.name)
