"""Text CNN: convolutions of several widths over tokens, max-pooled over the text."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from mmzoo.blocks.position import TokenEmbedding, padding_mask

TOKEN_DIM = (
    64  # at most: the vocabulary has a few hundred tokens, and every filter covers all numbers of several tokens
)


def text_conv(
    length: int,
    embed_dim: int,
    num_tokens: int = 260,
    units: int = 64,
    windows: Sequence[int] = (3, 5, 7),
    dropout: float = 0.0,
    name: str = "text_conv",
) -> keras.Model:
    """Build a text encoder by convolutions over tokens.

    Kim 2014, section 2; characters in place of words after Zhang et al. 2015. int32 token ids `(B, length)`, padded
    with 0 at the end, to embeddings `(B, embed_dim)`.

    Ids are in 0..`num_tokens - 1`. A token is a vector of `units` numbers, at most 64. Parallel convolutions, one for
    each of `windows` (tokens), have `units` filters and ReLU each. Each filter's maximum over the text goes through a
    Dense layer with ReLU. Padding vectors are zero, like the zero padding of the convolutions, so that the amount of
    padding has no effect. `dropout` is the fraction of maxima dropped in training (Kim 2014, section 2.1).
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    there = ops.expand_dims(padding_mask(token_ids), -1)
    x = TokenEmbedding(num_tokens, min(units, TOKEN_DIM), name="front_end")(token_ids) * there
    maxima = []
    for window in windows:
        y = layers.Conv1D(units, window, padding="same", activation="relu", name=f"window{window}")(x)
        # after ReLU no value is below the zero of padding
        maxima.append(ops.max(y * there, axis=1))
    x = ops.concatenate(maxima, axis=-1)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 128 bytes of text."""
    return text_conv(128, 64)
