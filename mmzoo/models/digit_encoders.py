"""The encoders of the digit recipes: what one has pretrained, another picks up by name."""

import keras

from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.encoders.text_conv import text_conv

ENCODERS = {"image": light_cnn, "audio": log_mel_cnn, "text": text_conv}


def digit_encoders(sizes, embed_dim=64):
    """Return `{modality: keras.Model}` for any of image, audio, text, each to `(B, embed_dim)`.

    `sizes` are the first arguments of each encoder:
    `{"image": ((28, 28, 1),), "audio": (samples, rate), "text": (8,)}`.

    They are named `image_encoder` and so on: an encoder of one recipe fits that of another if `embed_dim` is the same.

    Raises:
        ValueError: a modality has no encoder.
    """
    if not set(sizes) <= set(ENCODERS):
        raise ValueError(f"digit_encoders expects modalities among {', '.join(ENCODERS)}. Received: {', '.join(sizes)}")
    return {name: ENCODERS[name](*size, embed_dim=embed_dim, name=f"{name}_encoder") for name, size in sizes.items()}


def with_map(encoder):
    """Return an image or audio `encoder` that also yields what it pools: outputs `embedding` and `map` `(B, H, W, C)`.

    Name and weights, and their order, are those of `encoder`.
    """
    outputs = {"embedding": encoder.output, "map": encoder.get_layer("pool").input}
    return keras.Model(encoder.input, outputs, name=encoder.name)
