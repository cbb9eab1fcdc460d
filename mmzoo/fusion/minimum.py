"""Fusion by the minimum of each feature."""

from collections.abc import Mapping

from keras import KerasTensor

from mmzoo.fusion.maximum import maximum


def minimum(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Take the minimum of each feature over the available modalities.

    `{modality: (B, D)}` to `(B, D)`. `present` `(B, M)` is 1 or 0 in the order of `embeddings`. Zeros if all are
    missing. There are no weights.
    """
    return -maximum({name: -x for name, x in embeddings.items()}, present)
