"""Fusion by the median of each feature, by a sorting network."""

from collections.abc import Mapping

from keras import KerasTensor, ops

from mmzoo.blocks.presence import split_present
from mmzoo.fusion.maximum import maximum


def median(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Take the median of each feature over the available modalities.

    `{modality: (B, D)}` to `(B, D)`. `present` `(B, M)` is 1 or 0 in the order of `embeddings`. An even number of
    modalities gives the mean of the middle two; zeros if all are missing. There are no weights.

    Two steps, without a sort operator. M (M - 1) / 2 comparators order the modalities, missing ones last: bubble sort
    as a network, Knuth 1998, section 5.3.4 (three comparators for three modalities). The middle rows of the available
    modalities are averaged.
    """
    there = split_present(present, embeddings)
    largest = maximum(embeddings, present)
    rows = [x * there[name] + largest * (1.0 - there[name]) for name, x in embeddings.items()]
    for end in range(len(rows) - 1, 0, -1):
        for i in range(end):
            rows[i], rows[i + 1] = ops.minimum(rows[i], rows[i + 1]), ops.maximum(rows[i], rows[i + 1])
    # With K present row i has the weight of a hat around the middle, (K - 1) / 2: 1 on it, 1/2 half a row away.
    count = ops.sum(present, axis=-1, keepdims=True)
    return sum(x * ops.relu(1.0 - ops.abs(i + 0.5 - 0.5 * count)) for i, x in enumerate(rows))
