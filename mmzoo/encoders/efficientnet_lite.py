"""EfficientNet-Lite0: inverted residuals with ReLU6 and without squeeze-and-excitation."""

from collections.abc import Callable, Mapping
from functools import partial

import keras
import numpy as np
from keras import KerasTensor, layers

from mmzoo.errors import BadInputError

# repeats, kernel size, strides of the first, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, FEATURES = 32, 1280  # channels: fixed in the Lite variants
SMALLEST = 32  # pixels: the last feature map is 1/32 of the image
EPSILON = 1e-3  # of batch normalization
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0..1, as the published weights expect
NETWORK = "network"  # the layer whose weights are published
# batch normalization after each convolution, as the PyTorch port names it
NORMS = {"stem": "_bn0", "head": "_bn1", "expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}


def efficientnet_lite0(
    shape: tuple[int, int, int],
    embed_dim: int,
    weights: Mapping[str, np.ndarray] | None = None,
    trainable: bool = False,
    name: str = "efficientnet_lite0",
) -> keras.Model:
    """Build an image encoder by EfficientNet-Lite0.

    EfficientNet, Tan and Le 2019, table 1. The Lite variants have ReLU6 in place of swish and no
    squeeze-and-excitation, for mobile accelerators. uint8 images `(B, H, W, 3)` in 0..255 to embeddings
    `(B, embed_dim)`. Images are normalized in the graph. The layer `network` yields the features `(B, 1280)`, a Dense
    layer with ReLU the embedding.

    Args:
        weights: tensors named and shaped as in the PyTorch port, see `mmzoo.models.published.weights`. Their batch
            normalization is folded into the convolutions: few images in small batches give worse moving averages. None
            for random weights, with batch normalization.
        trainable: whether the network is trained with the Dense layer.

    Raises:
        BadInputError: the shape is not `(H, W, 3)` of at least 32 pixels a side, or a tensor is missing.
    """
    if len(shape) != 3 or shape[-1] != 3 or min(shape) < 3 or min(shape[:2]) < SMALLEST:
        raise BadInputError(f"efficientnet_lite0 expects a shape (H, W, 3) of {SMALLEST} or more. Received: {shape=}")
    features = network(shape, folded=weights is not None)
    if weights is not None:
        load_tensors(features, weights)
    features.trainable = trainable
    image = keras.Input(shape, dtype="uint8", name="image")
    scale = [1 / (255 * deviation) for deviation in DEVIATION]
    offset = [-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="front_end")(image)
    x = features(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name=name)


def network(shape: tuple[int, int, int], folded: bool = False) -> keras.Model:
    """Build the network of normalized images `(B, H, W, 3)` to features `(B, 1280)`, with random weights.

    `folded` convolutions have a bias in place of batch normalization.
    """
    image = keras.Input(shape, name="normalized")
    conv = partial(_conv, folded=folded)
    x = conv(layers.Conv2D, image, "stem", filters=STEM, kernel_size=3, strides=2)
    number = 0
    for repeats, kernel_size, strides, expansion, channels in STAGES:
        for i in range(repeats):
            kernel = {"kernel_size": kernel_size, "strides": strides if i == 0 else 1}
            x = _block(x, conv, kernel, expansion, channels, f"block{number}")
            number += 1
    x = conv(layers.Conv2D, x, "head", filters=FEATURES, kernel_size=1)
    return keras.Model(image, layers.GlobalAveragePooling2D(name="pool")(x), name=NETWORK)


def _block(
    x: KerasTensor, conv: Callable[..., KerasTensor], kernel: dict, expansion: int, channels: int, name: str
) -> KerasTensor:
    """Apply an inverted residual; `kernel` is the size and the strides of its depthwise convolution."""
    y = x
    if expansion > 1:
        y = conv(layers.Conv2D, y, f"{name}_expand", filters=x.shape[-1] * expansion, kernel_size=1)
    y = conv(layers.DepthwiseConv2D, y, f"{name}_depthwise", **kernel)
    y = conv(layers.Conv2D, y, f"{name}_project", activate=False, filters=channels, kernel_size=1)
    return layers.Add(name=f"{name}_add")([x, y]) if x.shape == y.shape else y


def _conv(kind: type, x: KerasTensor, name: str, folded: bool, activate: bool = True, **options: int) -> KerasTensor:
    x = kind(padding="same", use_bias=folded, name=name, **options)(x)
    if not folded:
        x = layers.BatchNormalization(epsilon=EPSILON, momentum=0.9, name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x) if activate else x


def load_tensors(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Set the weights of a folded `network` from the tensors of the PyTorch port.

    Kernels there are `(out, in, H, W)`, and `(channels, 1, H, W)` of depthwise convolutions.

    Raises:
        BadInputError: a tensor is missing, or has another shape.
    """
    for layer in model.layers:
        if not layer.weights:
            continue
        *block, step = layer.name.split("_")
        place = f"_blocks.{block[0].removeprefix('block')}." if block else ""
        kernel = _tensor(tensors, f"{place}_{step}_conv.weight" if block else f"_conv_{step}.weight")
        norm = [f"{place}{NORMS[step]}.{one}" for one in ("weight", "bias", "running_mean", "running_var")]
        gamma, beta, mean, variance = (_tensor(tensors, one) for one in norm)
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = (kernel * scale[:, None, None, None]).transpose((2, 3, 0, 1) if step == "depthwise" else (2, 3, 1, 0))
        values = [kernel, beta - mean * scale]
        shapes = [(one.shape, value.shape) for one, value in zip(layer.weights, values, strict=True)]
        if any(expected != received for expected, received in shapes):
            raise BadInputError(f"efficientnet_lite0: expected {layer.name} of other shapes. Received: {shapes}")
        layer.set_weights(values)


def _tensor(tensors: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name not in tensors:
        raise BadInputError(f"efficientnet_lite0: expected a tensor {name}. Received: {len(tensors)} others")
    return tensors[name]


def example() -> keras.Model:
    """Return the encoder of 96x96 color images, with random weights."""
    return efficientnet_lite0((96, 96, 3), 64)
