"""fastText: mean of token embeddings regardless of order, the text baseline."""

import keras
from keras import layers

from mmzoo.blocks.attention import masked_mean
from mmzoo.blocks.position import TokenEmbedding, padding_mask


def text_bag(
    length: int, embed_dim: int, num_tokens: int = 260, units: int = 64, name: str = "text_bag"
) -> keras.Model:
    """Build a bag-of-tokens text encoder.

    fastText, Joulin et al. 2017, section 2, without its n-grams. int32 token ids `(B, length)`, padded with 0 at the
    end, to embeddings `(B, embed_dim)`.

    Ids are in 0..`num_tokens - 1`; 0 is padding and ignored. The token vectors `(B, length, units)` are averaged, and a
    Dense layer with ReLU follows.
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    mask = padding_mask(token_ids)
    x = TokenEmbedding(num_tokens, units, name="front_end")(token_ids)
    x = masked_mean(x, mask)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example() -> keras.Model:
    """Return the encoder of 128 bytes of text."""
    return text_bag(128, 64)
