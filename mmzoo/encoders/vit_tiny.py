"""Pictures to an embedding by a small Transformer over patches."""

import keras
from keras import layers

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import AddPosition

HEAD = 16  # numbers that each head of the attention compares


def vit_tiny(shape, embed_dim, patch_size=4, units=64, num_layers=4, dropout=0.0, name="vit_tiny"):
    """Return a `keras.Model`: uint8 pictures `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    Each square of `patch_size` pixels becomes one token of `units` numbers by a strided convolution (layer `patches`,
    row by row), and a learned vector of its place is added (layer `positions`). Pre-norm Transformer blocks with heads
    of 16 follow; the mean over the normalized tokens goes through a Dense layer with ReLU. `dropout` acts on tokens
    and branches.
    ViT, Dosovitskiy et al. 2021, section 3.1; the mean instead of a class token after its appendix D.3.

    Raises:
        ValueError: `patch_size` does not divide both sides, or `units` is not a multiple of 16.
    """
    if patch_size < 1 or shape[0] % patch_size or shape[1] % patch_size:
        raise ValueError(f"vit_tiny expects sides that patch_size divides. Received: {shape=}, {patch_size=}")
    if units < HEAD or units % HEAD:
        raise ValueError(f"vit_tiny expects units in multiples of {HEAD}. Received: {units=}")
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="front_end")(image)
    x = layers.Conv2D(units, patch_size, patch_size, name="patches")(x)
    x = layers.Reshape((x.shape[1] * x.shape[2], units), name="row_by_row")(x)
    x = AddPosition(name="positions")(x)
    x = layers.Dropout(dropout, name="positions_dropout")(x)
    for i in range(num_layers):
        x = transformer_block(x, units // HEAD, dropout=dropout, name=f"block{i}")
    x = layers.LayerNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(image, x, name=name)


def example():
    """Return the encoder of a picture of 28x28 pixels, 49 tokens."""
    return vit_tiny((28, 28, 1), 64)
