"""Multi-stream model: one Transformer per modality with cross-attention to the others."""

from collections.abc import Callable, Mapping

import keras
from keras import layers, ops

from mmzoo.blocks.attention import cross_block, transformer_block
from mmzoo.blocks.position import AddPosition
from mmzoo.blocks.presence import split_present
from mmzoo.fusion.transformer import as_tokens
from mmzoo.models.single_stream import from_tokens


def multi_stream(
    encoders: Mapping[str, keras.Model],
    fuse: Callable[[dict[str, keras.KerasTensor], keras.KerasTensor], keras.KerasTensor],
    head: Callable[[keras.KerasTensor], keras.KerasTensor],
    num_layers: int = 1,
    num_heads: int = 4,
    name: str = "multi_stream",
) -> keras.Model:
    """Build a multi-stream model on the dict `{modality: ..., "present": (B, M)}`.

    Co-attention of Lu et al. 2019 (ViLBERT), section 2.2, for any number of streams. Cross-attention comes before
    self-attention, as in Tsai et al. 2019 (MulT), section 3.2. The output is the output of `head`; `present` and the
    layer `embedding` are as in `late_fusion`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output of tokens `(B, T, D)`, of one width.
            Learned positions are added to the tokens.
        fuse: function of `({modality: (B, D)}, present)` to `(B, D)`, applied to the mean token of each stream.
        head: function of the embedding `(B, D)` to the prediction.
        num_layers: of each stream; each has cross-attention to all other streams, then self-attention.
        num_heads: of every attention; divides `D`.
    """

    def join(tokens: dict[str, keras.KerasTensor], present: keras.KerasTensor) -> keras.KerasTensor:
        there = split_present(present, tokens)
        streams = {m: AddPosition(name=f"{m}_place")(as_tokens(x, there[m])) for m, x in tokens.items()}
        for i in range(num_layers):
            streams = exchange(streams, there, num_heads, i)
        ends = {m: layers.LayerNormalization(name=f"{m}_norm")(x) for m, x in streams.items()}
        ends = {m: ops.mean(x, axis=1) for m, x in ends.items()}
        return fuse(ends, present) if len(ends) > 1 else next(iter(ends.values()))

    return from_tokens(encoders, join, head, name)


def exchange(
    streams: dict[str, keras.KerasTensor], present: dict[str, keras.KerasTensor], num_heads: int, i: int
) -> dict[str, keras.KerasTensor]:
    """Apply layer `i` of all streams: cross-attention, then self-attention.

    `streams` is `{modality: (B, T, D)}`, `present` `{modality: (B, 1)}`. The tokens of a missing modality are hidden
    from the others.
    """
    after = {}
    for modality, x in streams.items():
        others = [other for other in streams if other != modality]
        if others:
            keys = [streams[other] for other in others]
            seen = [ops.tile(present[other], (1, streams[other].shape[1])) for other in others]
            keys = ops.concatenate(keys, axis=1) if len(keys) > 1 else keys[0]
            seen = ops.concatenate(seen, axis=-1) if len(seen) > 1 else seen[0]
            x = cross_block(x, keys, num_heads, mask=seen, name=f"{modality}{i}_cross")
        after[modality] = transformer_block(x, num_heads, name=f"{modality}{i}")
    return after
