"""CTC head: log-probabilities of characters and the blank for each frame."""

import math

import keras
from keras import layers, ops


def ctc(frames: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """Predict CTC log-probabilities: `(B, T, D) -> (B, T, 1 + num_classes)`.

    Connectionist temporal classification, Graves et al. 2006, sections 3.1 and 4.1. Index 0 is the blank, characters
    are 1..`num_classes`. `keras.ops.ctc_loss` accepts them as its logits with its default `mask_index=0`.
    `mmzoo.metrics.decode` decodes them on the host.
    """
    logits = layers.Dense(1 + num_classes, name="logits")(frames)
    # GPU delegates refuse LOG_SOFTMAX, into which the converter turns the same formula with a sum in place of a mean;
    # the log of a softmax loses what float16 rounds to 0.
    shifted = logits - ops.max(logits, axis=-1, keepdims=True)
    total = ops.log(ops.mean(ops.exp(shifted), axis=-1, keepdims=True)) + math.log(1 + num_classes)
    return layers.Subtract(name="log_probabilities")([shifted, total])


def example() -> keras.Model:
    """Return the head for 50 frames and 28 characters.

    A frame has 64 numbers. Characters are 26 letters, space and apostrophe.
    """
    x = keras.Input((50, 64), name="frames")
    return keras.Model({"frames": x}, {"log_probabilities": ctc(x, 28)})
