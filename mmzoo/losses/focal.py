"""Focal loss for heatmaps of object centers, with reduced penalty near centers.

For labels of 0 and 1, use Keras's `BinaryFocalCrossentropy`. Here targets between 0 and 1 lower the penalty.
"""

from collections.abc import Callable

from keras import KerasTensor, ops


def heatmap_focal(alpha: float = 2.0, beta: float = 4.0) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the focal loss `(B,)` of heatmaps `(B, H, W, N)` in [0, 1].

    Law and Deng 2018 (CornerNet), section 3.2, equation 1; Zhou et al. 2019 (CenterNet), section 3, equation 1. A
    target is exactly 1 at a center and decreases around it, as a Gaussian does. The loss is `-(1 - p)^alpha log p` at a
    center and `-(1 - y)^beta p^alpha log(1 - p)` elsewhere. It is summed and divided by the number of centers of the
    image, at least 1.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        y = ops.cast(y_true, "float32")
        # as CenterNet's code: float16 holds the gradient of a logarithm there
        p = ops.clip(ops.cast(y_pred, "float32"), 1e-4, 1.0 - 1e-4)
        center = ops.cast(ops.equal(y, 1.0), "float32")
        cost = center * (1.0 - p) ** alpha * ops.log(p)
        cost = cost + (1.0 - center) * (1.0 - y) ** beta * p**alpha * ops.log(1.0 - p)
        return -ops.sum(cost, axis=(1, 2, 3)) / ops.maximum(ops.sum(center, axis=(1, 2, 3)), 1.0)

    return loss
