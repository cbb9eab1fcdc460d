"""Hashed words and character n-grams through a table of low rank; a linear model of text is a special case."""

import keras
import numpy as np
from keras import layers

from mmzoo.blocks.hashed_text import SublinearFrequencies
from mmzoo.device.text_hash import SIZE

RANK = 16


def text_hash(
    embed_dim: int,
    rank: int = RANK,
    table: np.ndarray | None = None,
    trainable: bool = True,
    name: str = "text_hash",
) -> keras.Model:
    """Build a text encoder by a linear map of hashed counts.

    Feature hashing (Weinberger et al. 2009, section 2, without the sign) of words, pairs of words and character
    n-grams, whose vectors are added (fastText, Joulin et al. 2017, section 2.1). uint8 counts `(B, 32768)`, as from
    `mmzoo.device.text_hash.text_counts`, to embeddings `(B, embed_dim)`.

    A count c becomes 1 + ln(c), and words and n-grams get norm 1 each. The layer `table` is a product with a matrix
    `(32768, rank)`, a Dense layer follows, and nothing is nonlinear behind the frequencies: with `rank` at least the
    number of classes, the encoder and a linear head can be any linear model of these frequencies.

    `table` is the initial matrix, by default random, and `trainable` whether training changes it.

    Raises:
        ValueError: `table` has another shape.
    """
    counts = keras.Input((SIZE,), dtype="uint8", name="text_counts")
    x = SublinearFrequencies(name="front_end")(counts)
    # few of the buckets of a text are not 0, and their squares sum to 2: numbers of unit variance
    initial = keras.initializers.RandomNormal(stddev=0.5**0.5)
    project = layers.Dense(rank, use_bias=False, kernel_initializer=initial, trainable=trainable, name="table")
    x = project(x)
    if table is not None:
        if table.shape != (SIZE, rank):
            raise ValueError(f"text_hash expects a table of shape {(SIZE, rank)}. Received: {table.shape}")
        project.kernel.assign(table)
    x = layers.Dense(embed_dim, name="embedding")(x)
    return keras.Model(counts, x, name=name)


def example() -> keras.Model:
    """Return the encoder of rank 16 to 64 numbers."""
    return text_hash(64)
