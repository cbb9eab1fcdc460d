"""Fusion by the smallest value of each feature."""

from mmzoo.fusion.maximum import maximum


def minimum(embeddings, present):
    """Take, feature by feature, the smallest of those of `{modality: (B, D)}` that are present: `(B, D)`.

    `present` `(B, M)` is 1 or 0 in the order of `embeddings`. Zeros where all are missing. Nothing is learned.
    """
    return -maximum({name: -x for name, x in embeddings.items()}, present)
