"""Pictures to an embedding by depthwise separable convolutions made for CPUs, in any width."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm, depthwise_norm, squeeze_excite

# kernel size, channels at width 1, whether the block halves the picture, whether it squeezes and excites
BLOCKS = (
    (3, 32, False, False),
    (3, 64, True, False),
    (3, 64, False, False),
    (3, 128, True, False),
    (3, 128, False, False),
    (3, 256, True, False),
    *[(5, 256, False, False)] * 5,
    (5, 512, True, True),
    (5, 512, False, True),
)
STEM = 16  # channels at width 1
SMALLEST = 4  # pixels: a picture is not halved any more


def lc_net(shape, embed_dim, width=1.0, dropout=0.0, name="lc_net"):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    A strided convolution and 13 depthwise separable blocks, which halve the picture as long as its shorter side is
    over 4 pixels; global average pooling, dropout and a Dense layer with ReLU follow. Kernels are 3x3 at first and 5x5
    from the seventh block on, the last two blocks squeeze and excite, and `width` multiplies the channels, rounded to
    multiples of 4. Hard-swish activates the 5x5 blocks alone: most of its benefit lies in the deeper layers
    (MobileNetV3, Howard et al. 2019, section 5.2), and ReLU is part of a convolution in every kernel, int8 too.
    PP-LCNet, Cui et al. 2021, sections 3.1 to 3.4 and table 1; `embedding` stands for its last 1x1 convolution.

    Raises:
        ValueError: `width` is not positive.
    """
    if width <= 0:
        raise ValueError(f"lc_net expects a width over 0. Received: {width=}")
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255, name="front_end")(image)
    x = conv_norm(x, scaled(STEM, width), strides=2, name="stem")
    for i, (kernel_size, filters, halves, excite) in enumerate(BLOCKS):
        strides = 2 if halves and min(x.shape[1:3]) > SMALLEST else 1
        activation = "relu" if kernel_size == 3 else "hard_swish"
        x = depthwise_norm(x, kernel_size, strides, activation, name=f"block{i}_depthwise")
        if excite:
            x = squeeze_excite(x, name=f"block{i}_excite")
        x = conv_norm(x, scaled(filters, width), 1, 1, activation, name=f"block{i}_pointwise")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name=name)


def scaled(filters, width):
    """Return `filters * width` rounded to a multiple of 4, at least 4."""
    return max(4, int(filters * width / 4 + 0.5) * 4)


def example():
    """Return the encoder of a picture of 96x96 pixels at a quarter of the width."""
    return lc_net((96, 96, 3), 64, width=0.25)
