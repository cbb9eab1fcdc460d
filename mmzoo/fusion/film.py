"""FiLM fusion: scale and shift of the first modality by the others."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.presence import replace_absent, split_present


def film(embeddings: Mapping[str, KerasTensor], present: KerasTensor) -> KerasTensor:
    """Fuse by feature-wise linear modulation of the first modality.

    FiLM, Perez et al. 2018, section 2.1. `{modality: (B, D)}` to `(B, D)`: `(1 + scale) * first + shift`, with `scale`
    and `shift` from one Dense layer each on the others. Scales are around 1, so that an untrained layer passes the
    first modality. `present` `(B, M)` is 1 or 0 in the order of `embeddings`; a learned vector replaces a missing
    modality.

    Raises:
        ValueError: fewer than two modalities.
    """
    if len(embeddings) < 2:
        raise ValueError(f"film expects two modalities or more. Received: embeddings={list(embeddings)}")
    there = split_present(present, embeddings)
    first, *others = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    condition = ops.concatenate(others, axis=-1) if len(others) > 1 else others[0]
    scale = layers.Dense(first.shape[-1], name="scale")(condition)
    shift = layers.Dense(first.shape[-1], name="shift")(condition)
    return layers.Add(name="fusion")([first * (1.0 + scale), shift])
