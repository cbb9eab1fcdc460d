"""Cross-entropy of one class, or of the share of each class where examples were mixed; and the accuracy beside it."""

from keras import losses, ops


def class_shares(y_true, num_classes):
    """Return `(B, num_classes)` float32: shares as they are; of numbers of classes `(B,)` or `(B, 1)` all is of one."""
    if len(y_true.shape) == 2 and y_true.shape[1] == num_classes:
        return ops.cast(y_true, "float32")
    return ops.one_hot(ops.reshape(ops.cast(y_true, "int32"), (-1,)), num_classes)


def cross_entropy(num_classes, label_smoothing=0.0):
    """Return the loss of classes or their shares, `(B,)`, and probabilities `(B, num_classes)`.

    What is mixed in training is so taken by the loss that also validates on whole examples. Smoothing: Szegedy et al.
    2016, section 7.
    """

    def loss(y_true, y_pred):
        return losses.categorical_crossentropy(
            class_shares(y_true, num_classes), y_pred, label_smoothing=label_smoothing
        )

    return loss


def largest_share(num_classes):
    """Return the metric `accuracy`: 1 where the likeliest class has the largest share, else 0, `(B,)`."""

    def accuracy(y_true, y_pred):
        right = ops.equal(ops.argmax(class_shares(y_true, num_classes), axis=-1), ops.argmax(y_pred, axis=-1))
        return ops.cast(right, "float32")

    return accuracy
