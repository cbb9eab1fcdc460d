"""Soft clustering head: assignment of an embedding to learned prototypes."""

import keras
from keras import layers, ops

from mmzoo.blocks.normalize import unit_norm
from mmzoo.blocks.position import LearnedTokens


def prototypes(
    embedding: keras.KerasTensor,
    num_classes: int,
    kernel: str = "student",
    alpha: float = 1.0,
    temperature: float = 0.1,
) -> keras.KerasTensor:
    """Predict soft cluster assignments `(B, num_classes)` of an embedding `(B, D)`.

    Assignments sum to 1, with one prototype per class. `kernel="student"`: proportional to
    `(1 + d2 / alpha) ** (-(alpha + 1) / 2)`, where `d2` is the squared distance to the prototype: DEC, Xie et al. 2016,
    section 3.1.1. `kernel="cosine"`: the softmax of cosines divided by `temperature`: SwAV, Caron et al. 2020, section
    3.1. The layer `prototypes` holds the prototypes as `(1, num_classes, D)`, for initialization by k-means.

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


def example() -> keras.Model:
    """Return the head for an embedding of 64 numbers and 32 prototypes."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": prototypes(x, 32)})
