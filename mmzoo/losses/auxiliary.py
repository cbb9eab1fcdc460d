"""Losses and metrics of a model whose modalities each learn alone beside what they tell together."""

from keras import metrics, ops


def beside(loss, width):
    """Return `loss` of what is told together `(B, width)`, and in training the mean of that of each modality beside it.

    What `mmzoo.blocks.auxiliary.Beside` yields in training, or `MeanAnswer`, is `(B, (1 + M) * width)`. Each encoder so
    learns from every row, however much another tells: losses of single modalities, weighed alike, as in Wang et al.
    2020 (What makes training multi-modal classification networks hard?), section 3.
    """

    def total(y_true, y_pred):
        parts = ops.split(ops.cast(y_pred, "float32"), y_pred.shape[1] // width, axis=-1)
        together, *alone = [loss(y_true, part) for part in parts]
        return together + sum(alone) / len(alone) if alone else together

    return total


def together_accuracy(width, right=metrics.sparse_categorical_accuracy):
    """Return the metric `accuracy` of what is told together, the first `width` probabilities: `(B,)`, 1 where right.

    `right` is the accuracy that is measured of them.
    """

    def accuracy(y_true, y_pred):
        return right(y_true, y_pred[..., :width])

    return accuracy
