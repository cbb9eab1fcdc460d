"""Transformer fusion: self-attention over all tokens and a learned fusion token."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import LearnedTokens
from mmzoo.blocks.presence import split_present


def transformer(
    embeddings: Mapping[str, KerasTensor],
    present: KerasTensor,
    num_layers: int = 2,
    num_heads: int = 4,
    expansion: int = 2,
    dropout: float = 0.0,
) -> KerasTensor:
    """Fuse by self-attention over the tokens of all modalities.

    Single-stream fusion, Kim et al. 2021 (ViLT), section 3.1. `{modality: (B, D) or (B, T, D)}` to `(B, D)`,
    normalized; `D` is the width of the first modality.

    An embedding `(B, D)` is one token. Tokens of rank 3 already contain their positions. Each modality has its own
    Dense layer; its bias is the learned vector of the modality. `present` `(B, M)` is 1 or 0 in the order of
    `embeddings`; the tokens of a missing modality are masked. The output is the learned fusion token after `num_layers`
    blocks.

    Raises:
        ValueError: `num_heads` does not divide `D`.
    """
    there = split_present(present, embeddings)
    width = next(iter(embeddings.values())).shape[-1]
    tokens, seen = [], [present[:, 0:1] * 0.0 + 1.0]
    for name, x in embeddings.items():
        x = as_tokens(x, there[name])
        tokens.append(layers.Dense(width, name=f"{name}_tokens")(x))
        seen.append(ops.tile(there[name], (1, x.shape[1])))
    x = LearnedTokens(1, name="fusion_token")(ops.concatenate(tokens, axis=1) if len(tokens) > 1 else tokens[0])
    seen = ops.concatenate(seen, axis=-1)
    for i in range(num_layers):
        x = transformer_block(x, num_heads, expansion, seen, dropout, name=f"fusion{i}")
    return ops.reshape(layers.LayerNormalization(name="fusion")(x[:, 0:1]), (-1, width))


def as_tokens(embedding: KerasTensor, present: KerasTensor) -> KerasTensor:
    """Convert `(B, D)` or `(B, T, D)` to tokens `(B, T, D)`.

    Tokens are zero if `present` `(B, 1)` is 0.
    """
    if len(embedding.shape) == 2:
        embedding = ops.expand_dims(embedding, 1)
    return embedding * ops.expand_dims(present, -1)
