"""Labels without their places in time: connectionist temporal classification.

Keras's `CTC`, but for labels that do not fit: they cost about 700, 100,000 or infinity there, as the backend has it.
"""

from keras import losses, ops


def ctc(y_true, y_pred):
    """Return the loss `(B,)` of labels `(B, L)` and logits or log-probabilities `(B, T, N)`, class 0 the blank.

    Labels are 1 to N - 1, padded with 0 or -1. A label fits if it has at most T classes, each repetition counted twice,
    for there is a blank between. One that does not fit costs 0.

    Graves et al. 2006, section 4.1.
    """
    label = ops.cast(ops.maximum(y_true, 0), "int32")
    there = ops.cast(label > 0, "int32")
    repeated = ops.cast(ops.equal(label[:, 1:], label[:, :-1]), "int32") * there[:, 1:]
    fits = ops.sum(there, axis=1) + ops.sum(repeated, axis=1) <= y_pred.shape[1]
    label = label * ops.cast(fits, "int32")[:, None]
    return losses.ctc(label, ops.cast(y_pred, "float32")) * ops.cast(fits, "float32")
