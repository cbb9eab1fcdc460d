"""Temporal convolutions over frame embeddings of an image encoder."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.temporal import each_frame, strip_input
from mmzoo.encoders.light_cnn import light_cnn


def temporal_conv(
    num_frames: int,
    image_encoder: keras.Model,
    embed_dim: int,
    widths: Sequence[int] = (64, 64),
    kernel_size: int = 3,
    name: str = "temporal_conv",
) -> keras.Model:
    """Build a video encoder by convolutions over frame embeddings.

    Convolutions over the features of frames: the encoder of Lea et al. 2017, section 3.1. uint8 strips of frames
    `(B, T*H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    `blocks.temporal.stack_frames` makes strips of `(B, T, H, W, C)`. `image_encoder` takes uint8 images `(B, H, W, C)`
    and is shared by all frames. Its embeddings are the channels of convolutions over time. All convolutions but the
    first halve the time axis.

    Raises:
        ValueError: the front end of `image_encoder` is no `Rescaling`.
    """
    video = strip_input(num_frames, image_encoder)
    x = each_frame(video, num_frames, image_encoder)
    x = ops.reshape(x, (-1, num_frames, 1, x.shape[-1]))
    for i, width in enumerate(widths):
        x = conv_norm(x, width, (kernel_size, 1), (2 if i else 1, 1), name=f"time{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(video, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 8 color frames of 64x64 pixels."""
    return temporal_conv(8, light_cnn((64, 64, 3), 64), 64)
