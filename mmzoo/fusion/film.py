"""Fusion by FiLM: the other modalities scale and shift the features of the first."""

from keras import layers, ops

from mmzoo.blocks.presence import replace_absent, split_present


def film(embeddings, present):
    """Scale and shift the first of `{modality: (B, D)}` by what the others say: `(B, D)`.

    `(1 + scale) * first + shift`, with `scale` and `shift` from one Dense layer on the others. `present` `(B, M)` is
    1 or 0 in the order of `embeddings`; a missing one is a learned vector. Perez et al. 2018, section 2.1; scales lie
    around 1, so that an untrained layer lets the first modality pass.

    Raises:
        ValueError: fewer than two modalities.
    """
    if len(embeddings) < 2:
        raise ValueError(f"film expects two modalities or more. Received: embeddings={list(embeddings)}")
    there = split_present(present, embeddings)
    first, *others = [replace_absent(x, there[name], name) for name, x in embeddings.items()]
    said = ops.concatenate(others, axis=-1) if len(others) > 1 else others[0]
    scale = layers.Dense(first.shape[-1], name="scale")(said)
    shift = layers.Dense(first.shape[-1], name="shift")(said)
    return layers.Add(name="fusion")([first * (1.0 + scale), shift])
