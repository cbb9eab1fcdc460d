"""CTC with frame-level targets where they are known, and the accuracy of whole sentences."""

from collections.abc import Callable

import keras
from keras import ops

from mmzoo.losses.ctc import ctc


def guided_ctc(places: int) -> Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
    """Return the loss `(B,)` of labels `(B, places + T)` and log-probabilities `(B, T, N)`.

    Labels are `places` characters, then a frame-level target of each of the T steps, 0 where it is unknown. The loss is
    CTC (Graves et al. 2006) plus the cross-entropy of the known targets. Without targets a video-only model
    predicts only blanks.
    """

    def loss(y_true, y_pred):
        labels, guide = y_true[:, :places], y_true[:, places:]
        value = ctc(labels, y_pred)
        if guide.shape[1]:
            value -= ops.sum(ops.one_hot(guide, 1 + y_pred.shape[2])[..., 1:] * y_pred, axis=(1, 2))
        return value

    return loss


def sentence_accuracy(places: int) -> Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor]:
    """Return the metric `sentence_accuracy`, 1 where the best path spells the label: `(B,)`; labels as `guided_ctc`."""

    def sentence_accuracy(y_true, y_pred):
        y_true = y_true[:, :places]
        steps, length = y_pred.shape[1], y_true.shape[1]
        path = ops.argmax(y_pred, axis=-1)
        before = ops.pad(path[:, :-1], ((0, 0), (1, 0)))
        first = ops.cast(ops.logical_and(path > 0, ops.not_equal(path, before)), "int32")
        place = ops.where(first > 0, ops.cumsum(first, axis=1) - 1, steps)
        # one-hot rows put each letter in its place; those behind the last place of a label count as too many
        spelled = ops.einsum("btl,bt->bl", ops.one_hot(place, steps), ops.cast(path, "float32"))
        wanted = ops.pad(ops.cast(y_true, "float32"), ((0, 0), (0, steps - length)))
        return ops.cast(ops.all(ops.equal(spelled, wanted), axis=1), "float32")

    return sentence_accuracy
