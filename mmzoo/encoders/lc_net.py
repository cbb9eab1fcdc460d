"""PP-LCNet: depthwise separable convolutions for CPUs, at any width."""

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm, depthwise_norm, squeeze_excite

# kernel size, channels at width 1, whether the block halves the image, whether it squeezes and excites
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
SMALLEST = 4  # pixels: a smaller image is not halved


def lc_net(
    shape: tuple[int, int, int], embed_dim: int, width: float = 1.0, dropout: float = 0.0, name: str = "lc_net"
) -> keras.Model:
    """Build an image encoder by depthwise separable convolutions for CPUs.

    PP-LCNet, Cui et al. 2021, sections 3.1 to 3.4 and table 1; `embedding` replaces its last 1x1 convolution. uint8
    images `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    A strided convolution and 13 depthwise separable blocks halve the image as long as its shorter side is over 4
    pixels. Global average pooling, dropout and a Dense layer with ReLU follow. Kernels are 3x3 in the first six blocks
    and 5x5 from the seventh block on. The last two blocks squeeze and excite. `width` multiplies the channels, rounded
    to multiples of 4.

    Hard-swish activates only the 5x5 blocks: most of its benefit lies in the deeper layers (MobileNetV3, Howard et al.
    2019, section 5.2). ReLU is fused into the convolution by every kernel, int8 included.

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


def scaled(filters: int, width: float) -> int:
    """Scale `filters` by `width` to a multiple of 4, at least 4."""
    return max(4, int(filters * width / 4 + 0.5) * 4)


def example() -> keras.Model:
    """Return the encoder of 96x96 color images at width 0.25."""
    return lc_net((96, 96, 3), 64, width=0.25)
