"""ArcFace: additive angular margin between classes.

The model's output is the cosines `(B, N)` of its embedding with a learned direction for each class, from stock layers:
`layers.Dense(num_classes, use_bias=False, kernel_constraint="unit_norm")(unit_norm(embedding))`. After training, use
the embedding before that layer.
"""

import math
from collections.abc import Callable

from keras import KerasTensor, losses, ops


def arcface(margin: float = 0.5, scale: float = 64.0) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the ArcFace loss `(B,)` of class indices `(B,)` and cosines `(B, N)`.

    Deng et al. 2019, section 2.1, equation 3; beyond `pi - margin` as in its authors' code. The loss is the
    cross-entropy of `scale * cosine`, with `margin` radians added to the angle of the true class. Beyond `pi - margin`,
    a larger angle would cost less; there the cosine is lowered by `margin * sin(margin)` instead.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        label = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        cosine = ops.clip(ops.cast(y_pred, "float32"), -1.0, 1.0)
        sine = ops.sqrt(ops.maximum(1.0 - ops.square(cosine), 1e-6))  # the gradient of a root at 0 is not finite
        wider = cosine * math.cos(margin) - sine * math.sin(margin)
        lower = cosine - margin * math.sin(margin)
        harder = ops.where(cosine > -math.cos(margin), wider, lower)
        logits = ops.where(ops.one_hot(label, cosine.shape[1]) > 0.5, harder, cosine)
        return losses.sparse_categorical_crossentropy(label, scale * logits, from_logits=True)

    return loss
