"""Classes as directions, parted by an angle: the additive angular margin.

The model's output is the cosines `(B, N)` of its embedding with a learned direction for each class, from stock layers:
`layers.Dense(num_classes, use_bias=False, kernel_constraint="unit_norm")(unit_norm(embedding))`. After training the
embedding before that layer is what is used.
"""

import math

from keras import losses, ops


def arcface(margin=0.5, scale=64.0):
    """Return the loss `(B,)` of class indices `(B,)` and cosines `(B, N)`.

    The cross-entropy of `scale * cosine`, where the angle to the true class is made larger by `margin` radians. Beyond
    `pi - margin`, where a larger angle would cost less, the cosine is lowered by `margin * sin(margin)` instead.

    Deng et al. 2019, section 2.1, equation 3; beyond `pi - margin` as in its authors' code.
    """

    def loss(y_true, y_pred):
        label = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        cosine = ops.clip(ops.cast(y_pred, "float32"), -1.0, 1.0)
        sine = ops.sqrt(ops.maximum(1.0 - ops.square(cosine), 1e-6))  # the gradient of a root at 0 is not finite
        wider = cosine * math.cos(margin) - sine * math.sin(margin)
        lower = cosine - margin * math.sin(margin)
        harder = ops.where(cosine > -math.cos(margin), wider, lower)
        logits = ops.where(ops.one_hot(label, cosine.shape[1]) > 0.5, harder, cosine)
        return losses.sparse_categorical_crossentropy(label, scale * logits, from_logits=True)

    return loss
