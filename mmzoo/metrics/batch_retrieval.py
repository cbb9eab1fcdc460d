"""Metrics of pairs in a batch: how many negatives are more similar than the positive."""

import keras
from keras import ops

from mmzoo.blocks.normalize import unit_norm


def strangers(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the share `(B,)` of the batch more similar than the positive; `y_pred` is `(B, M, D)`.

    The mean is over all ordered pairs of the M modalities or views. Chance is 0.5. Negatives of the same class count:
    with ten classes separated perfectly, 0.05 remain.
    """
    x = unit_norm(y_pred)
    shares = []
    for i in range(x.shape[1]):
        for j in range(x.shape[1]):
            if i != j:
                cosines = ops.matmul(x[:, i], ops.transpose(x[:, j]))
                own = ops.sum(x[:, i] * x[:, j], axis=1, keepdims=True)
                shares.append(ops.mean(ops.cast(cosines > own + 1e-6, "float32"), axis=1))
    return sum(shares) / len(shares)


def found(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Return the recall at 1 `(B,)` in the batch, the mean of both directions; `y_pred` is `(B, 2, D)`.

    Labels are ids `(B,)`; all examples of an id are positives.
    """
    ids = ops.reshape(y_true, (-1,))
    same = ops.cast(ops.equal(ids[:, None], ids[None, :]), "float32")
    cosines = ops.matmul(y_pred[:, 0], ops.transpose(y_pred[:, 1]))
    own, other = cosines - 9.0 * (1.0 - same), cosines - 9.0 * same
    ways = [ops.max(own, axis=axis) > ops.max(other, axis=axis) for axis in (0, 1)]
    return sum(ops.cast(way, "float32") for way in ways) / 2.0
