"""Batch-hard triplet loss: the farthest positive against the nearest negative."""

from collections.abc import Callable

from keras import KerasTensor, ops


def batch_hard_triplet(margin: float | None = None) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the batch-hard triplet loss `(B,)` of ids `(B,)` and embeddings `(B, D)`.

    Hermans et al. 2017, section 2, equation 5; soft margin: section 2, "Soft-margin". The loss is
    `max(0, margin + farthest positive - nearest negative)` in Euclidean distance. Without `margin` it is the soft
    margin `log(1 + exp(farthest positive - nearest negative))`. Batches need several examples of each id. An anchor
    without a positive or a negative in the batch costs 0. The mean over the batch is the mean over the other anchors.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        x, ids = ops.cast(y_pred, "float32"), ops.reshape(y_true, (-1,))
        square = ops.sum(ops.square(x[:, None] - x[None, :]), axis=2)
        distance = ops.sqrt(square + 1e-12)  # its gradient at 0 is not finite
        same = ops.equal(ids[:, None], ids[None, :])
        farthest = ops.max(ops.where(same, distance, 0.0), axis=1)
        nearest = ops.min(ops.where(same, 1e9, distance), axis=1)
        gap = farthest - nearest
        cost = ops.softplus(gap) if margin is None else ops.relu(gap + margin)
        # the anchor is one example of its id; without another id in the batch the gap already costs 0
        valid = ops.cast(ops.sum(ops.cast(same, "float32"), axis=1) > 1.5, "float32")
        return cost * valid / ops.maximum(ops.mean(valid), 1e-6)

    return loss
