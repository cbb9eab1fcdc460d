"""Fusion by the median of each feature, through a network of minima and maxima."""

from keras import ops

from mmzoo.blocks.presence import split_present
from mmzoo.fusion.maximum import maximum


def median(embeddings, present):
    """Take, feature by feature, the median of those of `{modality: (B, D)}` that are present: `(B, D)`.

    `present` `(B, M)` is 1 or 0 in the order of `embeddings`. The mean of the middle two where an even number is
    present; zeros where all are missing. Nothing is learned. Two steps, without a sort operator: M (M - 1) / 2
    comparators order the modalities, those missing last (bubble sort as a network, Knuth 1998, section 5.3.4; three
    comparators for three modalities), and the rows in the middle of those present are averaged.
    """
    there = split_present(present, embeddings)
    largest = maximum(embeddings, present)
    rows = [x * there[name] + largest * (1.0 - there[name]) for name, x in embeddings.items()]
    for end in range(len(rows) - 1, 0, -1):
        for i in range(end):
            rows[i], rows[i + 1] = ops.minimum(rows[i], rows[i + 1]), ops.maximum(rows[i], rows[i + 1])
    # With K present row i has the weight of a hat around the middle, (K - 1) / 2: 1 on it, 1/2 half a row beside it.
    count = ops.sum(present, axis=-1, keepdims=True)
    return sum(x * ops.relu(1.0 - ops.abs(i + 0.5 - 0.5 * count)) for i, x in enumerate(rows))
