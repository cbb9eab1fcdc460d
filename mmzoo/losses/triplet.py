"""Triplets, the hardest of the batch: the farthest of the same id against the nearest of another."""

from keras import ops


def batch_hard_triplet(margin=None):
    """Return the loss `(B,)` of ids `(B,)` and embeddings `(B, D)`, for batches with several examples of each id.

    `max(0, margin + farthest positive - nearest negative)` in Euclidean distance, or, without `margin`, the soft margin
    `log(1 + exp(farthest positive - nearest negative))`. An anchor without a positive or a negative in the batch is
    left out: it costs 0, and the mean over the batch is that over the others.

    Hermans et al. 2017, section 2, equation 5; soft margin: section 2, "Soft-margin".
    """

    def loss(y_true, y_pred):
        x, ids = ops.cast(y_pred, "float32"), ops.reshape(y_true, (-1,))
        square = ops.sum(ops.square(x[:, None] - x[None, :]), axis=2)
        distance = ops.sqrt(square + 1e-12)  # its gradient at 0 is not finite
        same = ops.equal(ids[:, None], ids[None, :])
        farthest = ops.max(ops.where(same, distance, 0.0), axis=1)
        nearest = ops.min(ops.where(same, 1e9, distance), axis=1)
        gap = farthest - nearest
        cost = ops.softplus(gap) if margin is None else ops.relu(gap + margin)
        # the anchor itself is one of its own id; where there is no other id, the gap costs nothing as it is
        valid = ops.cast(ops.sum(ops.cast(same, "float32"), axis=1) > 1.5, "float32")
        return cost * valid / ops.maximum(ops.mean(valid), 1e-6)

    return loss
