"""ViT: a small Transformer over image patches."""

import keras
from keras import layers

from mmzoo.blocks.attention import transformer_block
from mmzoo.blocks.position import AddPosition

HEAD = 16  # width of each attention head


def vit_tiny(
    shape: tuple[int, int, int],
    embed_dim: int,
    patch_size: int = 4,
    units: int = 64,
    num_layers: int = 4,
    dropout: float = 0.0,
    name: str = "vit_tiny",
) -> keras.Model:
    """Build an image encoder by a small Vision Transformer.

    ViT, Dosovitskiy et al. 2021, section 3.1; the mean instead of a class token after its appendix D.3. uint8 images
    `(B, H, W, C)` in 0..255 to embeddings `(B, embed_dim)`.

    A strided convolution (layer `patches`, row by row) turns each square of `patch_size` pixels into one token of
    `units` numbers. Learned positions are added (layer `positions`). Pre-norm Transformer blocks with heads of 16
    follow. The mean over the normalized tokens goes through a Dense layer with ReLU. `dropout` acts on tokens and
    branches.

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


def example() -> keras.Model:
    """Return the encoder of 28x28 gray images, 49 tokens."""
    return vit_tiny((28, 28, 1), 64)
