"""TCN: dilated causal convolutions over a time series, standardized in the graph."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.standardize import Standardize


def series_conv(
    shape: tuple[int, int],
    embed_dim: int,
    widths: Sequence[int] = (32, 32, 64, 64),
    mean: np.ndarray | None = None,
    variance: np.ndarray | None = None,
    name: str = "series_conv",
    measured: bool = False,
) -> keras.Model:
    """Build an encoder of sensor time series by dilated convolutions.

    TCN, Bai et al. 2018, sections 3.2 to 3.4. Batch norm, free on the device, replaces weight norm. float32 series
    `(B, T, C)` in their own units to embeddings `(B, embed_dim)`; `shape` is `(T, C)`.

    `mean` and `variance` `(C,)` of the training data are saved with the model as weights that are not trainable.
    Without them, `model.get_layer("front_end").adapt(series)` sets them. Residual blocks have two causal convolutions
    of 3 steps; dilation doubles from block to block. The last of `n` blocks covers `4 * (2**n - 1)` past steps and no
    future ones. The mean over time follows. With `measured`, the last channel is 1 for a measured step and 0 for
    padding, and the mean is over the measured steps; a series without any has a mean of 0.

    Raises:
        ValueError: only one of `mean` and `variance`, or a different length.
    """
    if (mean is None) != (variance is None):
        raise ValueError(f"series_conv expects mean and variance together. Received: {mean=}, {variance=}")
    steps, channels = shape
    series = keras.Input(shape, name="series")
    front_end = Standardize(name="front_end")
    x = front_end(series)
    if mean is not None:
        front_end.set_figures(mean, variance)
    x = there = ops.reshape(x, (-1, steps, 1, channels))
    for i, width in enumerate(widths):
        x = residual(x, width, 2**i, name=f"stage{i}")
    if measured:
        there = there[..., channels - 1 : channels]
        share = layers.GlobalAveragePooling2D(name="measured")(there)
        x = layers.GlobalAveragePooling2D(name="pool")(x * there) / ops.maximum(share, 1 / steps)
    else:
        x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(series, x, name=name)


def causal_norm(x: keras.KerasTensor, filters: int, dilation: int, name: str) -> keras.KerasTensor:
    """Convolve over 3 past steps, `dilation` apart: `(B, T, 1, C) -> (B, T, 1, filters)`.

    The last of the three is the current step.
    """
    x = layers.ZeroPadding2D(((2 * dilation, 0), (0, 0)), name=f"{name}_past")(x)
    x = layers.Conv2D(filters, (3, 1), dilation_rate=(dilation, 1), use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def residual(x: keras.KerasTensor, filters: int, dilation: int, name: str) -> keras.KerasTensor:
    """Add two causal convolutions to the input: `(B, T, 1, C) -> (B, T, 1, filters)`.

    ReLU follows the sum.
    """
    y = causal_norm(x, filters, dilation, name=f"{name}_in")
    y = causal_norm(y, filters, dilation, name=f"{name}_out")
    if x.shape[-1] != filters:
        x = conv_norm(x, filters, 1, 1, None, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def example() -> keras.Model:
    """Return the encoder of 128 steps of an accelerometer and a gyroscope."""
    return series_conv((128, 6), 64)
