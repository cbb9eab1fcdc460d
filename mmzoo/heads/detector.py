"""Anchor-free detection head: a heatmap of object centers and boxes in pixels."""

import keras
import numpy as np
from keras import layers

from mmzoo.blocks.conv import conv_norm

PRIOR = 0.01  # a cell's probability at the start: nearly all cells hold no center


def detector(
    features: keras.KerasTensor, num_classes: int, stride: int, units: int = 64
) -> dict[str, keras.KerasTensor]:
    """Predict center heatmaps and boxes from a feature map `(B, H, W, C)`.

    Branches and peaks: CenterNet, Zhou et al. 2019, sections 3 and 4; distances to the sides: FCOS, Tian et al. 2019,
    section 3.1; the prior: Lin et al. 2017 (focal loss), section 4.1.

    The result is `{"heatmap": (B, H, W, num_classes), "boxes": (B, H, W, 4)}`. `heatmap` is in [0, 1]. `boxes` are
    left, top, right, bottom in pixels of an image of `(H * stride, W * stride)`: the center of the cell minus or plus
    the four distances to the sides. A distance is the image's longer side times a sigmoid: positive, bounded for
    float16, and exponential near 0. `mmzoo.metrics.boxes` finds the peaks on the host.
    """
    height, width = features.shape[1:3]
    x = conv_norm(features, units, name="heatmap_hidden")
    prior = keras.initializers.Constant(float(np.log(PRIOR / (1 - PRIOR))))
    heatmap = layers.Conv2D(num_classes, 1, activation="sigmoid", bias_initializer=prior, name="heatmap")(x)
    x = conv_norm(features, units, name="boxes_hidden")
    sides = layers.Conv2D(4, 1, activation="sigmoid", name="sides")(x)
    signs = np.array([-1, -1, 1, 1], "float32") * (stride * max(height, width))
    # NumPy's reshape: the ONNX converter turns the result of `ops` on a constant into an additional input
    columns = (_centers(width, stride) * np.array([1, 0, 1, 0], "float32")).reshape(1, 1, width, 4)
    rows = (_centers(height, stride) * np.array([0, 1, 0, 1], "float32")).reshape(1, height, 1, 4)
    boxes = sides * signs + columns + rows
    return {"heatmap": heatmap, "boxes": layers.Identity(name="boxes")(boxes)}


def _centers(count: int, stride: int) -> np.ndarray:
    """Compute the centers of `count` cells in pixels, `(count, 1)`."""
    return (np.arange(count, dtype="float32")[:, None] + 0.5) * stride


def example() -> keras.Model:
    """Return the head for 24x24 cells of 64 channels and 20 classes.

    A cell is 8x8 pixels.
    """
    x = keras.Input((24, 24, 64), name="features")
    return keras.Model({"features": x}, detector(x, 20, 8))
