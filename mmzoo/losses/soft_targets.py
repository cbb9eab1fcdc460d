"""Cross-entropy and accuracy for class indices or soft targets."""

from collections.abc import Callable

from keras import KerasTensor, losses, ops


def class_shares(y_true: KerasTensor, num_classes: int) -> KerasTensor:
    """Convert class indices or soft targets to soft targets `(B, num_classes)` float32.

    Soft targets are returned as they are; indices `(B,)` or `(B, 1)` become one-hot.
    """
    if len(y_true.shape) == 2 and y_true.shape[1] == num_classes:
        return ops.cast(y_true, "float32")
    return ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), num_classes)


def cross_entropy(num_classes: int, label_smoothing: float = 0.0) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the cross-entropy `(B,)` of class indices or soft targets.

    Probabilities are `(B, num_classes)`. One loss serves mixed training examples and whole validation examples. Label
    smoothing: Szegedy et al. 2016, section 7.
    """

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        return losses.categorical_crossentropy(
            class_shares(y_true, num_classes), y_pred, label_smoothing=label_smoothing
        )

    return loss


def largest_share(num_classes: int) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the metric `accuracy` `(B,)` for class indices or soft targets.

    1 if the predicted class has the largest target probability, otherwise 0.
    """

    def accuracy(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        right = ops.equal(ops.argmax(class_shares(y_true, num_classes), axis=-1), ops.argmax(y_pred, axis=-1))
        return ops.cast(right, "float32")

    return accuracy
