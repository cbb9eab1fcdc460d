"""Image and text encoders in one embedding space."""

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.normalize import unit_norm
from mmzoo.blocks.presence import split_present


def image_text(encoders: dict[str, keras.Model], embed_dim: int, dropout: float) -> keras.Model:
    """Return a `keras.Model` of image and text to embeddings `(B, 2, embed_dim)`, of length 1; missing ones are zeros.

    Inputs are `{"image": ..., "text": ..., "present": (B, 2)}`. A linear projection follows each encoder.
    """
    inputs = {name: keras.Input(e.input.shape[1:], dtype=e.input.dtype, name=name) for name, e in encoders.items()}
    inputs["present"] = keras.Input((2,), name="present")
    there, embeddings = split_present(inputs["present"], encoders), []
    for name, encoder in encoders.items():
        x = layers.Dropout(dropout, name=f"{name}_dropout")(encoder(inputs[name]))
        x = layers.Dense(embed_dim, name=f"{name}_projection")(x)
        embeddings.append(layers.Multiply(name=f"{name}_embedding")([unit_norm(x), there[name]]))
    return keras.Model(inputs, ops.stack(embeddings, axis=1), name="image_text_retrieval")


def image_encoder(side: int, width: int, embed_dim: int) -> keras.Model:
    """Return a `keras.Model` of uint8 images `(B, side, side, 3)` to embeddings `(B, embed_dim)`.

    The last map has cells of 16 pixels and is flattened, so that left and right stay apart.
    """
    image = keras.Input((side, side, 3), dtype="uint8", name="image")
    x = layers.Rescaling(-1 / 255, 1.0, name="front_end")(image)  # 0 is white, as the padding
    x = conv_norm(x, width, 5, strides=2, name="stem")
    x = conv_norm(x, 2 * width, strides=2, name="stage1")
    x = conv_norm(x, 2 * width, name="stage2")
    x = conv_norm(x, 4 * width, strides=2, name="stage3")
    x = conv_norm(x, 4 * width, name="stage4")
    x = layers.MaxPooling2D(2, name="pool")(x)
    x = layers.Flatten(name="places")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name="image_encoder")
