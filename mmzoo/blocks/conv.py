"""Convolutional blocks: `(B, H, W, C) -> (B, H', W', filters)`, batch norm with momentum 0.9 for small data."""

from keras import layers


def conv_norm(x, filters, kernel_size=3, strides=1, activation="relu", name="conv"):
    """Convolve without bias, normalize over the batch, activate: `(B, H, W, C) -> (B, H/strides, W/strides, filters)`.

    `activation=None` leaves the sum linear. Ioffe and Szegedy 2015, section 3.2.
    """
    x = layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def depthwise_norm(x, kernel_size=3, strides=1, activation="relu", name="depthwise"):
    """Convolve each channel by itself, normalize, activate: `(B, H, W, C) -> (B, H/strides, W/strides, C)`."""
    x = layers.DepthwiseConv2D(kernel_size, strides, padding="same", use_bias=False, name=name)(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def depthwise_separable(x, filters, kernel_size=3, strides=1, activation="relu", name="separable"):
    """Mix space by channel, then channels by point: `(B, H, W, C) -> (B, H/strides, W/strides, filters)`.

    MobileNet, Howard et al. 2017, section 3.1.
    """
    x = depthwise_norm(x, kernel_size, strides, activation, name=f"{name}_depthwise")
    return conv_norm(x, filters, 1, 1, activation, name=f"{name}_pointwise")


def inverted_residual(x, filters, strides=1, expansion=4, activation="relu", name="inverted"):
    """Widen, mix space, narrow without activation: `(B, H, W, C) -> (B, H/strides, W/strides, filters)`.

    The input is added where its shape is the output's. MobileNetV2, Sandler et al. 2018, section 3.4.
    """
    y = conv_norm(x, expansion * x.shape[-1], 1, 1, activation, name=f"{name}_expand")
    y = depthwise_norm(y, 3, strides, activation, name=f"{name}_depthwise")
    y = conv_norm(y, filters, 1, 1, None, name=f"{name}_project")
    if strides == 1 and x.shape[-1] == filters:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y


def squeeze_excite(x, ratio=4, name="squeeze_excite"):
    """Weigh each channel by what the whole picture holds: `(B, H, W, C) -> (B, H, W, C)`, weights in [0, 1].

    The gate is a hard sigmoid, which GPUs and int8 kernels compute exactly. Hu et al. 2018, section 3;
    the hard sigmoid after MobileNetV3, Howard et al. 2019, section 5.2.
    """
    units = max(4, x.shape[-1] // ratio)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(units, 1, activation="relu", name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(x.shape[-1], 1, activation="hard_sigmoid", name=f"{name}_expand")(gate)
    return layers.Multiply(name=f"{name}_scale")([x, gate])
