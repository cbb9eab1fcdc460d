"""The encoders of the digit recipes: what one has pretrained, another picks up by name."""

from functools import partial

import keras

from mmzoo.data.digit_words import LENGTH
from mmzoo.data.digits import CLIP, IMAGE, SAMPLE_RATE
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.log_mel_cnn import log_mel_cnn
from mmzoo.encoders.text_conv import text_conv

ENCODERS = {
    "image": partial(light_cnn, (IMAGE, IMAGE, 1)),
    "audio": partial(log_mel_cnn, CLIP, SAMPLE_RATE),
    "text": partial(text_conv, LENGTH),
}


def digit_encoders(modalities, embed_dim=64):
    """Return `{modality: keras.Model}` for any of image, audio, text, each to `(B, embed_dim)`.

    They are named `image_encoder` and so on: an encoder of one recipe fits that of another if `embed_dim` is the same.

    Raises:
        ValueError: a modality has no encoder.
    """
    if not set(modalities) <= set(ENCODERS):
        raise ValueError(f"digit_encoders expects modalities among {', '.join(ENCODERS)}. Received: {modalities=}")
    return {name: ENCODERS[name](embed_dim=embed_dim, name=f"{name}_encoder") for name in modalities}


def with_map(encoder):
    """Return an image or audio `encoder` that also yields what it pools: outputs `embedding` and `map` `(B, H, W, C)`.

    Name and weights, and their order, are those of `encoder`.
    """
    outputs = {"embedding": encoder.output, "map": encoder.get_layer("pool").input}
    return keras.Model(encoder.input, outputs, name=encoder.name)
