"""Small Transformer over tokens of text."""

import keras
from keras import layers

from mmzoo.blocks.attention import masked_mean, transformer_block
from mmzoo.blocks.position import AddPosition, TokenEmbedding, padding_mask


def text_transformer(
    length: int,
    embed_dim: int,
    num_tokens: int = 260,
    num_layers: int = 2,
    num_heads: int = 4,
    units: int = 64,
    name: str = "text_transformer",
) -> keras.Model:
    """Build a text encoder by a small Transformer.

    The encoder of Vaswani et al. 2017, section 3.1, with pre-norm blocks (Xiong et al. 2020). int32 token ids
    `(B, length)`, padded with 0 at the end, to embeddings `(B, embed_dim)`.

    Ids are in 0..`num_tokens - 1`. Tokens `(B, length, units)` with learned positions pass `num_layers` blocks; padding
    is masked. The tokens are normalized and averaged over the text. A Dense layer with ReLU follows.

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


def example() -> keras.Model:
    """Return the encoder of 128 bytes of text."""
    return text_transformer(128, 64)
