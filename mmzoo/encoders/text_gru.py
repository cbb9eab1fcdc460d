"""Convolution and unrolled GRU over text."""

import keras
from keras import layers, ops

from mmzoo.blocks.attention import masked_mean
from mmzoo.blocks.position import TokenEmbedding, padding_mask


def text_gru(
    length: int, embed_dim: int, num_tokens: int = 260, units: int = 64, stride: int = 8, name: str = "text_gru"
) -> keras.Model:
    """Build a text encoder by a convolution and a GRU.

    Convolution before recurrence after Xiao and Cho 2016, section 3; GRU: Cho et al. 2014, section 2.3. int32 token ids
    `(B, length)`, padded with 0 at the end, to embeddings `(B, embed_dim)`.

    Ids are in 0..`num_tokens - 1`. A convolution over five tokens with ReLU is followed by the maximum over each
    `stride` of them. The GRU then has `length / stride` steps, each unrolled to several operators of the exported
    graph. Its states over the text are averaged. A state depends only on earlier tokens, so that padding at the end
    changes no state. A Dense layer with ReLU follows.

    Raises:
        ValueError: `length` is not a multiple of `stride`.
    """
    if length % stride:
        raise ValueError(f"text_gru expects a length that stride divides. Received: {length=}, {stride=}")
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    mask = padding_mask(token_ids)
    there = ops.expand_dims(mask, -1)
    x = TokenEmbedding(num_tokens, units, name="front_end")(token_ids) * there
    x = layers.Conv1D(units, 5, padding="same", activation="relu", name="conv")(x)
    x = layers.MaxPooling1D(stride, name="steps")(x * there)
    x = layers.GRU(units, return_sequences=True, unroll=True, name="gru")(x)
    x = masked_mean(x, ops.max(ops.reshape(mask, (-1, length // stride, stride)), axis=2))
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 128 bytes of text."""
    return text_gru(128, 64)
