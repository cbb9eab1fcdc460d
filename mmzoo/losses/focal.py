"""Focal loss for heatmaps of object centers: cells near a center are wrong, but less so.

For labels that are 0 or 1, Keras's `BinaryFocalCrossentropy` serves; here targets between them lower the penalty.
"""

from keras import ops


def heatmap_focal(alpha=2.0, beta=4.0):
    """Return the loss `(B,)` of target heatmaps `(B, H, W, N)` and predicted ones, both in [0, 1].

    A target is exactly 1 at a center and falls off around it, as a Gaussian does. At a center `-(1 - p)^alpha log p`,
    elsewhere `-(1 - y)^beta p^alpha log(1 - p)`, summed and divided by the number of centers of the picture, or by 1.

    Law and Deng 2018 (CornerNet), section 3.2, equation 1; Zhou et al. 2019 (CenterNet), section 3, equation 1.
    """

    def loss(y_true, y_pred):
        y = ops.cast(y_true, "float32")
        # as CenterNet's code: float16 holds the gradient of a logarithm there
        p = ops.clip(ops.cast(y_pred, "float32"), 1e-4, 1.0 - 1e-4)
        center = ops.cast(ops.equal(y, 1.0), "float32")
        cost = center * (1.0 - p) ** alpha * ops.log(p)
        cost = cost + (1.0 - center) * (1.0 - y) ** beta * p**alpha * ops.log(1.0 - p)
        return -ops.sum(cost, axis=(1, 2, 3)) / ops.maximum(ops.sum(center, axis=(1, 2, 3)), 1.0)

    return loss
