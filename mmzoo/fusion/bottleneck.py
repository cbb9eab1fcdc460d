"""Fusion by bottleneck tokens: each modality has a Transformer of its own, and they speak through a few tokens."""

from keras import layers, ops

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import LearnedTokens
from mmzoo.blocks.presence import split_present
from mmzoo.fusion.transformer import as_tokens


def bottleneck(embeddings, present, count=4, units=32, num_layers=2, num_heads=4, expansion=2):
    """Join `{modality: (B, D) or (B, T, D)}` through `count` tokens that all streams share: `(B, D)`.

    Each modality's tokens are brought to width `units`. In each of `num_layers` layers every stream attends to its own
    tokens and to the bottleneck, which is then averaged over the modalities present. `present` `(B, M)` is 1 or 0 in
    the order of `embeddings`. The streams present are averaged and brought back to `D`, that of the first modality.
    An embedding `(B, D)` is one token; tokens of rank 3 bring their positions along. MBT, Nagrani et al. 2021,
    section 3.2; the mean of a stream's tokens stands for its class token.

    Raises:
        ValueError: `num_heads` does not divide `units`, or fewer than two layers: nothing would pass between streams.
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
    ends = {name: layers.LayerNormalization(name=f"{name}_norm")(x[:, count:]) for name, x in streams.items()}
    joined = sum(ops.mean(x, axis=1, keepdims=True) * share[name] for name, x in ends.items())
    width = next(iter(embeddings.values())).shape[-1]
    return layers.Dense(width, name="fusion")(ops.reshape(joined, (-1, units)))
