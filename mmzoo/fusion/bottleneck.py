"""Bottleneck fusion: one Transformer per modality, with a few shared tokens."""

from collections.abc import Mapping

from keras import KerasTensor, layers, ops

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import LearnedTokens
from mmzoo.blocks.presence import split_present
from mmzoo.fusion.transformer import as_tokens


def bottleneck(
    embeddings: Mapping[str, KerasTensor],
    present: KerasTensor,
    count: int = 4,
    units: int = 32,
    num_layers: int = 2,
    num_heads: int = 4,
    expansion: int = 2,
) -> KerasTensor:
    """Fuse modality streams through shared bottleneck tokens.

    MBT, Nagrani et al. 2021, section 3.2; the mean of a stream's tokens replaces its class token.
    `{modality: (B, D) or (B, T, D)}` to `(B, D)`.

    Each modality's tokens are projected to width `units`. In each of `num_layers` layers every stream attends to its
    own tokens and to `count` bottleneck tokens. The bottleneck is then averaged over the available modalities.
    `present` `(B, M)` is 1 or 0 in the order of `embeddings`. The available streams are averaged and projected to `D`,
    the width of the first modality. An embedding `(B, D)` is one token; tokens of rank 3 already contain their
    positions.

    Raises:
        ValueError: `num_heads` does not divide `units`, or fewer than two layers: no information would pass between
            streams.
    """
    if num_layers < 2:
        raise ValueError(f"bottleneck expects two layers or more. Received: {num_layers=}")
    there = split_present(present, embeddings)
    share = present / ops.maximum(ops.sum(present, axis=-1, keepdims=True), 1.0)
    share = {name: ops.expand_dims(x, -1) for name, x in split_present(share, embeddings).items()}
    join = LearnedTokens(count, name="bottleneck")
    streams = {}
    for name, x in embeddings.items():
        streams[name] = join(layers.Dense(units, name=f"{name}_tokens")(as_tokens(x, there[name])))
    for i in range(num_layers):
        if i:
            shared = sum(x[:, :count] * share[name] for name, x in streams.items())
            streams = {name: ops.concatenate([shared, x[:, count:]], axis=1) for name, x in streams.items()}
        for name, x in streams.items():
            streams[name] = transformer_block(x, num_heads, expansion, name=f"{name}{i}")
    outputs = {name: layers.LayerNormalization(name=f"{name}_norm")(x[:, count:]) for name, x in streams.items()}
    joined = sum(ops.mean(x, axis=1, keepdims=True) * share[name] for name, x in outputs.items())
    width = next(iter(embeddings.values())).shape[-1]
    return layers.Dense(width, name="fusion")(ops.reshape(joined, (-1, units)))
