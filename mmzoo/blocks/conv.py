"""Convolutional blocks `(B, H, W, C) -> (B, H', W', filters)`; batch norm has momentum 0.9 for small data."""

from keras import KerasTensor, layers


def conv_norm(
    x: KerasTensor,
    filters: int,
    kernel_size: int | tuple[int, int] = 3,
    strides: int | tuple[int, int] = 1,
    activation: str | None = "relu",
    name: str = "conv",
) -> KerasTensor:
    """Apply a convolution without bias, batch normalization and an activation.

    Ioffe and Szegedy 2015, section 3.2. `(B, H, W, C) -> (B, H/strides, W/strides, filters)`. `activation=None` keeps
    the normalized sum linear.
    """
    x = layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def depthwise_norm(
    x: KerasTensor,
    kernel_size: int | tuple[int, int] = 3,
    strides: int | tuple[int, int] = 1,
    activation: str | None = "relu",
    name: str = "depthwise",
) -> KerasTensor:
    """Apply a depthwise convolution, batch normalization and an activation.

    `(B, H, W, C) -> (B, H/strides, W/strides, C)`. `activation=None` keeps the normalized sum linear.
    """
    x = layers.DepthwiseConv2D(kernel_size, strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def depthwise_separable(
    x: KerasTensor,
    filters: int,
    kernel_size: int | tuple[int, int] = 3,
    strides: int | tuple[int, int] = 1,
    activation: str | None = "relu",
    name: str = "separable",
) -> KerasTensor:
    """Apply a depthwise separable convolution.

    MobileNet, Howard et al. 2017, section 3.1. `(B, H, W, C) -> (B, H/strides, W/strides, filters)`.
    """
    x = depthwise_norm(x, kernel_size, strides, activation, name=f"{name}_depthwise")
    return conv_norm(x, filters, 1, 1, activation, name=f"{name}_pointwise")


def inverted_residual(
    x: KerasTensor,
    filters: int,
    strides: int | tuple[int, int] = 1,
    expansion: int = 4,
    activation: str | None = "relu",
    name: str = "inverted",
) -> KerasTensor:
    """Apply an inverted residual with a linear bottleneck.

    MobileNetV2, Sandler et al. 2018, section 3.4. `(B, H, W, C) -> (B, H/strides, W/strides, filters)`. The input is
    added if its shape equals the output's.
    """
    y = conv_norm(x, expansion * x.shape[-1], 1, 1, activation, name=f"{name}_expand")
    y = depthwise_norm(y, 3, strides, activation, name=f"{name}_depthwise")
    y = conv_norm(y, filters, 1, 1, None, name=f"{name}_project")
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def squeeze_excite(x: KerasTensor, ratio: int = 4, name: str = "squeeze_excite") -> KerasTensor:
    """Scale each channel by a squeeze-and-excitation gate: `(B, H, W, C) -> (B, H, W, C)`.

    Hu et al. 2018, section 3. The gate is a hard sigmoid in [0, 1], after MobileNetV3, Howard et al. 2019, section 5.2.
    GPUs and int8 kernels compute a hard sigmoid exactly.
    """
    units = max(4, x.shape[-1] // ratio)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(units, 1, activation="relu", name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid", name=f"{name}_expand")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])
