"""Auxiliary unimodal losses, and accuracy of the fused prediction."""

from collections.abc import Callable

from keras import KerasTensor, metrics, ops


def with_auxiliary(
    loss: Callable[[KerasTensor, KerasTensor], KerasTensor], width: int
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Add auxiliary unimodal losses to `loss`, in training only.

    `loss(fused) + mean(loss(modality))`, with equal weights as in Wang et al. 2020 (What makes training multi-modal
    classification networks hard?), section 3. Each encoder learns from every row, independent of the other modalities.
    `y_pred` is the training output of a layer of `mmzoo.blocks.auxiliary`, `(B, (1 + M) * width)`. Without auxiliary
    predictions it is `(B, width)`, and the loss is `loss(fused)`.
    """

    def total(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        parts = ops.split(ops.cast(y_pred, "float32"), y_pred.shape[1] // width, axis=-1)
        fused, *unimodal = [loss(y_true, part) for part in parts]
        return fused + sum(unimodal) / len(unimodal) if unimodal else fused

    return total


def fused_accuracy(
    width: int, metric: Callable[[KerasTensor, KerasTensor], KerasTensor] = metrics.sparse_categorical_accuracy
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the metric `accuracy` of the fused prediction, `(B,)`.

    The fused prediction is the first `width` probabilities. `metric` is the accuracy to compute.
    """

    def accuracy(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        return metric(y_true, y_pred[..., :width])

    return accuracy
