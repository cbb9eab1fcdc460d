"""Soft clustering: how much an embedding belongs to each of the learned prototypes."""

import keras
from keras import layers, ops

from mmzoo.blocks.normalize import unit_norm
from mmzoo.blocks.position import LearnedTokens


def prototypes(embedding, num_classes, kernel="student", alpha=1.0, temperature=0.1):
    """Return probabilities `(B, num_classes)`, which sum to 1, of an embedding `(B, D)`, one for each prototype.

    `kernel="student"`: proportional to `(1 + d2 / alpha) ** (-(alpha + 1) / 2)`, where `d2` is the squared distance
    to the prototype: DEC, Xie et al. 2016, section 3.1.1. `kernel="cosine"`: the softmax of cosines, divided by
    `temperature`: SwAV, Caron et al. 2020, section 3.1. The layer `prototypes` holds them as
    `(1, num_classes, D)`, to be set from k-means at the start.

    Raises:
        ValueError: `kernel` is neither.
    """
    if kernel not in ("student", "cosine"):
        raise ValueError(f"prototypes expects kernel to be student or cosine. Received: {kernel=}")
    units = embedding.shape[-1]
    point = ops.reshape(embedding, (-1, 1, units))
    centers = LearnedTokens(num_classes, name="prototypes")(point)[:, :num_classes]
    if kernel == "student":
        # the mean before the product keeps the sums small, as float16 needs
        squared = ops.mean(ops.square(centers - point), axis=-1) * units
        scores = ops.log(1.0 + squared / alpha) * (-(alpha + 1) / 2)
    else:
        scores = ops.mean(unit_norm(centers) * unit_norm(point), axis=-1) * (units / temperature)
    return layers.Softmax(name="probabilities")(scores)


def example():
    """Return the head on an embedding of 64 numbers, with 32 prototypes."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": prototypes(x, 32)})
