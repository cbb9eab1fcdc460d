"""Text to an embedding by a small Transformer over its tokens."""

import keras
from keras import layers

from mmzoo.blocks.attention import masked_mean, transformer_block
from mmzoo.blocks.position import AddPosition, TokenEmbedding, padding_mask


def text_transformer(length, embed_dim, num_tokens=260, num_layers=2, num_heads=4, units=64, name="text_transformer"):
    """Return a `keras.Model`: int32 token ids `(B, length)`, 0 behind the text, to embeddings `(B, embed_dim)`.

    Ids lie in 0..`num_tokens - 1`. Tokens `(B, length, units)` with learned positions pass `num_layers` blocks in
    which none sees padding. They are normalized and averaged over the text, and a Dense layer with ReLU
    follows. The encoder of Vaswani et al. 2017, section 3.1, with pre-norm blocks (Xiong et al. 2020).

    Raises:
        ValueError: `units` is not a multiple of `num_heads`.
    """
    token_ids = keras.Input((length,), dtype="int32", name="token_ids")
    mask = padding_mask(token_ids)
    x = TokenEmbedding(num_tokens, units, name="front_end")(token_ids)
    x = AddPosition(name="positions")(x)
    for i in range(num_layers):
        x = transformer_block(x, num_heads, mask=mask, name=f"block{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x = masked_mean(x, mask)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(token_ids, x, name=name)


def example():
    """Return the encoder of 128 bytes of text."""
    return text_transformer(128, 64)
