"""A time series of sensors to an embedding by dilated convolutions, scaled in the graph."""

import keras
from keras import layers, ops

from mmzoo.blocks.conv import conv_norm
from mmzoo.blocks.standardize import Standardize


def series_conv(shape, embed_dim, widths=(32, 32, 64, 64), mean=None, variance=None, name="series_conv"):
    """Return a `keras.Model`: float32 series `(B, T, C)` in their own units to embeddings `(B, embed_dim)`.

    `shape` is `(T, C)`. `mean` and `variance` `(C,)` of the training data are saved with the model as weights that
    nobody trains; without them `model.get_layer("front_end").adapt(series)` sets them. Residual blocks of two causal
    convolutions of 3 steps, their dilation doubled from block to block, so that the last of `n` blocks sees
    `4 * (2**n - 1)` steps back and none ahead; the mean over time follows. TCN, Bai et al. 2018, sections 3.2 to
    3.4, with batch norm, which costs nothing on the device, for weight norm.

    Raises:
        ValueError: one of `mean` and `variance` without the other, or of another length.
    """
    if (mean is None) != (variance is None):
        raise ValueError(f"series_conv expects mean and variance together. Received: {mean=}, {variance=}")
    steps, channels = shape
    series = keras.Input(shape, name="series")
    front_end = Standardize(name="front_end")
    x = front_end(series)
    if mean is not None:
        front_end.set_figures(mean, variance)
    x = ops.reshape(x, (-1, steps, 1, channels))
    for i, width in enumerate(widths):
        x = residual(x, width, 2**i, name=f"stage{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(series, x, name=name)


def causal_norm(x, filters, dilation, name):
    """Convolve over 3 steps, `dilation` apart, the last of which is now: `(B, T, 1, C) -> (B, T, 1, filters)`."""
    x = layers.ZeroPadding2D(((2 * dilation, 0), (0, 0)), name=f"{name}_past")(x)
    x = layers.Conv2D(filters, (3, 1), dilation_rate=(dilation, 1), use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def residual(x, filters, dilation, name):
    """Add two causal convolutions to `x` `(B, T, 1, C)`, ReLU behind the sum: `(B, T, 1, filters)`."""
    y = causal_norm(x, filters, dilation, name=f"{name}_in")
    y = causal_norm(y, filters, dilation, name=f"{name}_out")
    if x.shape[-1] != filters:
        x = conv_norm(x, filters, 1, 1, None, name=f"{name}_shortcut")
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))


def example():
    """Return the encoder of 128 steps of six channels: an accelerometer and a gyroscope."""
    return series_conv((128, 6), 64)
