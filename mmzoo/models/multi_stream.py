"""Multi-stream: each modality goes through a Transformer of its own that also attends to the others."""

from keras import layers, ops

from mmzoo.blocks.attention import cross_block, transformer_block
from mmzoo.blocks.position import AddPosition
from mmzoo.blocks.presence import split_present
from mmzoo.fusion.transformer import as_tokens
from mmzoo.models.single_stream import from_tokens


def multi_stream(encoders, fuse, head, num_layers=1, num_heads=4, name="multi_stream"):
    """Return a `keras.Model` on the dict `{modality: ..., "present": (B, M)}` with the output of `head`.

    Args:
        encoders: `{modality: keras.Model}`, each with one input and an output of tokens `(B, T, D)`, of one
            width. Each token gets a learned vector of its place.
        fuse: function of `({modality: (B, D)}, present)` to `(B, D)`; of the means of the streams' tokens.
        head: function of the embedding `(B, D)` to the answer.
        num_layers: of each stream; in a layer a stream gathers from all others, then from itself.
        num_heads: of every attention; divides `D`.

    `present` and the layer `embedding` are as in `late_fusion`. Co-attention of Lu et al. 2019 (ViLBERT), section 2.2,
    for any number of streams; as in Tsai et al. 2019 (MulT), section 3.2, cross-attention comes before
    self-attention.
    """

    def join(tokens, present):
        there = split_present(present, tokens)
        streams = {m: AddPosition(name=f"{m}_place")(as_tokens(x, there[m])) for m, x in tokens.items()}
        for i in range(num_layers):
            streams = exchange(streams, there, num_heads, i)
        ends = {m: layers.LayerNormalization(name=f"{m}_norm")(x) for m, x in streams.items()}
        ends = {m: ops.mean(x, axis=1) for m, x in ends.items()}
        return fuse(ends, present) if len(ends) > 1 else next(iter(ends.values()))

    return from_tokens(encoders, join, head, name)


def exchange(streams, present, num_heads, i):
    """Pass `{modality: (B, T, D)}` through layer `i` of all streams: each gathers from the others, then from itself.

    `present` is `{modality: (B, 1)}`; the tokens of a missing modality are hidden from the others.
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
