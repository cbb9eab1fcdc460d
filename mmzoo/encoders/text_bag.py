"""Text to an embedding by the mean of its tokens, whatever their order: the baseline to beat."""

import keras
from keras import layers

from mmzoo.blocks.attention import masked_mean
from mmzoo.blocks.position import TokenEmbedding, padding_mask


def text_bag(length, embed_dim, num_tokens=260, units=64, name="text_bag"):
    """Return a `keras.Model`: int32 token ids `(B, length)`, 0 behind the text, to embeddings `(B, embed_dim)`.

    Ids lie in 0..`num_tokens - 1`; 0 is padding and counts for nothing. The vectors `(B, length, units)` of the
    tokens are averaged, and a Dense layer with ReLU follows. fastText, Joulin et al. 2017, section 2, without
    its n-grams.
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    mask = padding_mask(token_ids)
    x = TokenEmbedding(num_tokens, units, name="front_end")(token_ids)
    x = masked_mean(x, mask)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example():
    """Return the encoder of 128 bytes of text."""
    return text_bag(128, 64)
