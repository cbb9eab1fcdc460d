"""Text to an embedding by convolutions of several widths over its tokens, pooled over the text."""

import keras
from keras import layers, ops

from mmzoo.blocks.position import TokenEmbedding, padding_mask

TOKEN_DIM = 64  # at most: there are a few hundred tokens, and every filter weighs all numbers of several of them


def text_conv(length, embed_dim, num_tokens=260, units=64, windows=(3, 5, 7), dropout=0.0, name="text_conv"):
    """Return a `keras.Model`: int32 token ids `(B, length)`, 0 behind the text, to embeddings `(B, embed_dim)`.

    Ids lie in 0..`num_tokens - 1`. Beside each other, one convolution with `units` filters and ReLU for each of
    `windows` (tokens) looks for short sequences. Each filter's maximum over the text is kept, and a Dense layer with
    ReLU follows. Vectors of padding are zero, as those beyond the ends are, so that its amount does not matter. Kim
    2014, section 2; characters in place of words after Zhang et al. 2015. A token is a vector of `units` numbers, 64
    at most. Training leaves the share `dropout` of the maxima out (Kim 2014, section 2.1).
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    there = ops.expand_dims(padding_mask(token_ids), -1)
    x = TokenEmbedding(num_tokens, min(units, TOKEN_DIM), name="front_end")(token_ids) * there
    found = []
    for window in windows:
        y = layers.Conv1D(units, window, padding="same", activation="relu", name=f"window{window}")(x)
        # behind ReLU nothing is below the zero of a token that is not there
        found.append(ops.max(y * there, axis=1))
    x = ops.concatenate(found, axis=-1)
    if dropout:
        x = layers.Dropout(dropout, name="dropout")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example():
    """Return the encoder of 128 bytes of text."""
    return text_conv(128, 64)
