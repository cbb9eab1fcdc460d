"""Fusion by the maximum of each feature."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from mmzoo.blocks.presence import split_present


def maximum(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Take the maximum of each feature over the available modalities.

    `{modality: (B, D)}` to `(B, D)`. `present` `(B, M)` is 1 or 0 in the order of `embeddings`. Zeros if all are
    missing. There are no weights.
    """
    there = split_present(present, embeddings)
    # The mean of the available modalities replaces a missing one: it is never above their maximum, and needs no large
    # constant outside the range of float16 or int8.
    total = sum(x * there[name] for name, x in embeddings.items())
    mean = total / ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
    first, *others = [x * there[name] + mean * (1.0 - there[name]) for name, x in embeddings.items()]
    for x in others:
        first = ops.maximum(first, x)
    return first
