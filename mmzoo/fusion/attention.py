"""Cross-attention fusion: the first modality queries the others."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.attention import cross_block
from mmzoo.blocks.position import AddPosition, LearnedTokens
from mmzoo.blocks.presence import replace_absent, split_present


def attention(
    embeddings: Mapping[str, KerasTensor], present: KerasTensor, num_heads: int = 4, expansion: int = 2
) -> KerasTensor:
    """Fuse by cross-attention from the first modality to the others.

    Cross-attention, Tsai et al. 2019, section 3.1, with modalities as tokens. `{modality: (B, D)}` to `(B, D)`,
    normalized.

    `present` `(B, M)` is 1 or 0 in the order of `embeddings`. A missing first modality becomes a learned query; missing
    others are masked. One additional learned key is always visible, even if all other modalities are missing. Each key
    has a learned vector of its modality.

    Raises:
        ValueError: fewer than two modalities, or `num_heads` does not divide `D`.
    """
    if len(embeddings) < 2:
        raise ValueError(f"attention expects two modalities or more. Received: embeddings={list(embeddings)}")
    there = split_present(present, embeddings)
    (name, first), *others = embeddings.items()
    width = first.shape[-1]
    query = ops.reshape(replace_absent(first, there[name], name), (-1, 1, width))
    keys = [ops.reshape(x * there[name], (-1, 1, width)) for name, x in others]
    keys = ops.concatenate(keys, axis=1) if len(keys) > 1 else keys[0]
    keys = LearnedTokens(1, name="nothing")(AddPosition(name="modality")(keys))
    seen = ops.concatenate([present[:, 0:1] * 0.0 + 1.0, present[:, 1:]], axis=-1)
    x = cross_block(query, keys, num_heads, expansion, seen, name="gather")
    return ops.reshape(layers.LayerNormalization(name="fusion")(x), (-1, width))
