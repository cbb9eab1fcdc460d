"""Fusion by a Transformer over the tokens of all modalities and a learned fusion token."""

from keras import layers, ops

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import LearnedTokens
from mmzoo.blocks.presence import split_present


def transformer(embeddings, present, num_layers=2, num_heads=4, expansion=2, dropout=0.0):
    """Join `{modality: (B, D) or (B, T, D)}` by self-attention over all tokens: `(B, D)`, normalized.

    An embedding `(B, D)` is one token. Tokens of rank 3 bring their positions along. Each modality has a Dense layer
    of its own, whose bias is the learned vector of the modality. `present` `(B, M)` is 1 or 0 in the order of
    `embeddings`: the tokens of a missing one are hidden. The answer is the learned fusion token after `num_layers`
    blocks. Single-stream fusion, Kim et al. 2021 (ViLT), section 3.1; `D` is that of the first modality.

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


def as_tokens(embedding, present):
    """Return `(B, D)` or `(B, T, D)` as tokens `(B, T, D)`, zeros where `present` `(B, 1)` is 0."""
    if len(embedding.shape) == 2:
        embedding = ops.expand_dims(embedding, 1)
    return embedding * ops.expand_dims(present, -1)
