"""Pictures to an embedding by a small convolutional network."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm, depthwise_separable, inverted_residual, squeeze_excite

BLOCKS = {"conv": conv_norm, "separable": depthwise_separable, "inverted": inverted_residual}


def light_cnn(shape, embed_dim, widths=(16, 32, 48, 48), block="conv", excite=False, name="light_cnn", width=1.0):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    Every other stage halves the picture, the first by a plain convolution; global average pooling and a Dense
    layer with ReLU follow. Plain convolutions (`block="conv"`) are the default: at these sizes they reach the
    machine's matrix-multiply speed, where many thin depthwise ones reach a third of it. `separable` is
    MobileNet's block (Howard et al. 2017), `inverted` MobileNetV2's (Sandler et al. 2018); `excite` adds
    squeeze-and-excitation (Hu et al. 2018) after the last stage. A `width` other than 1 multiplies `widths`, rounded
    to multiples of 4 (MobileNet, section 3.3).

    Raises:
        ValueError: `block` is none of `conv`, `separable`, `inverted`, or `width` is not positive.
    """
    if block not in BLOCKS:
        raise ValueError(f"light_cnn expects block to be one of {', '.join(BLOCKS)}. Received: {block=}")
    if width <= 0:
        raise ValueError(f"light_cnn expects a width over 0. Received: {width=}")
    if width != 1:
        widths = [max(4, int(filters * width / 4 + 0.5) * 4) for filters in widths]
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, widths[0], strides=2, name="stem")
    for i, filters in enumerate(widths[1:], start=1):
        x = BLOCKS[block](x, filters, strides=1 if i % 2 else 2, name=f"stage{i}")
    if excite:
        x = squeeze_excite(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name=name)


def example():
    """Return the encoder of a picture of 28x28 pixels, as `spoken_digits` has it."""
    return light_cnn((28, 28, 1), 64)
