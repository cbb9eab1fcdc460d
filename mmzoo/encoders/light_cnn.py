"""Small convolutional network for images."""

from collections.abc import Sequence

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm, depthwise_separable, inverted_residual, squeeze_excite

BLOCKS = {"conv": conv_norm, "separable": depthwise_separable, "inverted": inverted_residual}


def light_cnn(
    shape: tuple[int, int, int],
    embed_dim: int,
    widths: Sequence[int] = (16, 32, 48, 48),
    block: str = "conv",
    excite: bool = False,
    name: str = "light_cnn",
    width: float = 1.0,
) -> keras.Model:
    """Build an image encoder by a small convolutional network.

    uint8 images `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`. Every other stage halves the image, the first
    by a plain convolution. Global average pooling and a Dense layer with ReLU follow.

    `block` is `conv`, `separable` (MobileNet, Howard et al. 2017) or `inverted` (MobileNetV2, Sandler et al. 2018).
    Plain convolutions are the default: at these sizes they reach the machine's matrix-multiply speed, and thin
    depthwise ones a third of this speed. `excite` adds squeeze-and-excitation (Hu et al. 2018) after the last stage. A
    `width` other than 1 multiplies `widths`, rounded to multiples of 4 (MobileNet, section 3.3).

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


def example() -> keras.Model:
    """Return the encoder of 28x28 gray images, as in `spoken_digits`."""
    return light_cnn((28, 28, 1), 64)
