"""R(2+1)D: residual convolutions over space and time in turn."""

from collections.abc import Sequence

import keras
from keras import layers

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.temporal import fold_frames, over_time


def r2plus1d(
    shape: tuple[int, int, int, int], embed_dim: int, widths: Sequence[int] = (16, 32, 64), name: str = "r2plus1d"
) -> keras.Model:
    """Build a video encoder by residual (2+1)-D convolutions.

    R(2+1)D, Tran et al. 2018, section 3.5. uint8 strips of frames `(B, T*H, W, C)` in 0..255 to embeddings
    `(B, embed_dim)`. `shape` is `(T, H, W, C)`; `blocks.temporal.stack_frames` makes strips.

    A stem halves the images. A residual block for each width follows; all but the first halve space and time. Motion is
    visible at every scale, before space is pooled.

    Raises:
        ValueError: `shape` has not four numbers.
    """
    if len(shape) != 4:
        raise ValueError(f"r2plus1d expects a shape (T, H, W, C). Received: {shape=}")
    frames, height, width, channels = shape
    video = keras.Input((frames * height, width, channels), dtype="uint8", name="video")
    x = fold_frames(layers.Rescaling(1 / 255, name="front_end")(video), frames)
    x = conv_2plus1d(x, frames, widths[0], (1, 2), name="stem")
    for i, filters in enumerate(widths):
        strides = 2 if i else 1
        x = residual(x, frames, filters, strides, name=f"stage{i}")
        frames = -(-frames // strides)
    x = over_time(layers.GlobalAveragePooling2D(keepdims=True, name="pool_space")(x), frames, time_mean)
    x = layers.Reshape((widths[-1],), name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(video, x, name=name)


def time_mean(x: keras.KerasTensor) -> keras.KerasTensor:
    """Average over time: `(B, T, 1, C) -> (B, 1, 1, C)`."""
    return layers.GlobalAveragePooling2D(keepdims=True, name="pool_time")(x)


def middle_width(channels: int, filters: int) -> int:
    """Compute the width between the spatial and the temporal convolution.

    Tran et al. 2018, section 3.5: `27 * channels * filters / (9 * channels + 3 * filters)`, rounded to a multiple of 4.
    The two convolutions then have as many weights as one of 3x3x3.
    """
    return max(4, round(27 * channels * filters / (9 * channels + 3 * filters) / 4) * 4)


def conv_2plus1d(
    x: keras.KerasTensor,
    num_frames: int,
    filters: int,
    strides: tuple[int, int] = (1, 1),
    activation: str | None = "relu",
    name: str = "conv",
) -> keras.KerasTensor:
    """Convolve images by 3x3, then through time by 3.

    `(B*T, H, W, C) -> (B*T', H', W', filters)`. `strides` are for time and space. The first convolution covers one
    frame, the second one pixel.
    """
    x = conv_norm(x, middle_width(x.shape[-1], filters), 3, strides[1], name=f"{name}_space")

    def through_time(x: keras.KerasTensor) -> keras.KerasTensor:
        return conv_norm(x, filters, (3, 1), (strides[0], 1), activation, name=f"{name}_time")

    return over_time(x, num_frames, through_time)


def residual(
    x: keras.KerasTensor, num_frames: int, filters: int, strides: int = 1, name: str = "residual"
) -> keras.KerasTensor:
    """Add two (2+1)-D convolutions to images `(B*T, H, W, C)`.

    The result is `(B*T', H', W', filters)`. If the shape changes, the shortcut takes every `strides`-th point of space
    and time through a linear layer.
    """
    y = conv_2plus1d(x, num_frames, filters, (strides, strides), name=f"{name}_in")
    y = conv_2plus1d(y, -(-num_frames // strides), filters, activation=None, name=f"{name}_out")
    if x.shape[-1] != filters or strides > 1:
        x = conv_norm(x, filters, 1, strides, None, name=f"{name}_shortcut")
        x = over_time(x, num_frames, layers.MaxPooling2D(1, (strides, 1), name=f"{name}_skip"))
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def example() -> keras.Model:
    """Return the encoder of 8 color frames of 64x64 pixels."""
    return r2plus1d((8, 64, 64, 3), 64)
