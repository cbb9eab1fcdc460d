"""Visual question answering by FiLM: the question scales and shifts the feature map of the image."""

from collections.abc import Callable

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.presence import replace_absent, split_present
from mmzoo.heads.classifier import classifier


def image_encoder(side: int, embed_dim: int, pooled: bool) -> keras.Model:
    """Return a `keras.Model` of uint8 images `(B, side, side, 3)` to a map `(B, side / 8, side / 8, embed_dim)`.

    With `pooled` to the mean over the map, `(B, embed_dim)`. The first convolution has stride 4: the largest maps would
    take most of a step.
    """
    image = keras.Input((side, side, 3), dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, 48, 7, strides=4, name="stem")
    x = conv_norm(x, 64, strides=2, name="stage1")
    x = conv_norm(x, 64, name="stage2")
    x = layers.GlobalAveragePooling2D(name="pool")(x) if pooled else x
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name="image_encoder")


def look(
    embeddings: dict[str, keras.KerasTensor], present: keras.KerasTensor, fuse: Callable[..., keras.KerasTensor]
) -> keras.KerasTensor:
    """Return the joint embedding `(B, D)` of a map `(B, H, W, D)` and a question `(B, D)`; `fuse` joins the two.

    The map is modulated to `relu((1 + scale) * map + shift)` (FiLM, Perez et al. 2018, section 2.1), then its maximum
    over places is taken. A missing question is a learned vector.
    """
    places, question = embeddings.values()
    there, width = split_present(present, embeddings), places.shape[-1]
    asked = replace_absent(question, there["text"], "asked")
    scale = layers.Dense(width, name="look_scale")(asked)
    shift = layers.Dense(width, name="look_shift")(asked)
    scale, shift = (ops.reshape(x, (-1, 1, 1, width)) for x in (scale, shift))
    found = layers.ReLU(name="look")(places * (1.0 + scale) + shift)
    found = layers.GlobalMaxPooling2D(name="found")(found)
    return fuse({"image": found, "text": question}, present)


def answer(
    embedding: keras.KerasTensor, num_classes: int, dropout: float, name: str = "probabilities"
) -> keras.KerasTensor:
    """Return probabilities `(B, num_classes)` from an embedding `(B, D)`.

    A map `(B, H, W, D)` is reduced to its maximum over places first.
    """
    apart = "" if name == "probabilities" else f"{name}_"
    if len(embedding.shape) == 4:
        embedding = layers.GlobalMaxPooling2D(name=f"{apart}found")(embedding)
    embedding = layers.Dropout(dropout, name=f"{apart}dropout")(embedding) if dropout else embedding
    return classifier(embedding, num_classes, name=name)
