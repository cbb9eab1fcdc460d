"""A row of numbers to an embedding by Dense layers, scaled in the graph."""

import keras
from keras import layers

from mmzoo.blocks.standardize import Standardize


def tabular_mlp(num_features, embed_dim, widths=(128, 128), mean=None, variance=None, dropout=0.0, name="tabular_mlp"):
    """Return a `keras.Model`: float32 rows `(B, num_features)` in their own units to embeddings `(B, embed_dim)`.

    `mean` and `variance` `(num_features,)` of the training data are saved with the model as weights that nobody
    trains; without them `model.get_layer("front_end").adapt(rows)` sets them. NaN is not understood: fill a missing
    number with its column's mean, and where its absence says something add a column of 0 and 1. Where the GPU
    computes in half precision a number beyond 65504 overflows: choose another unit. Categories come as one-hot columns.
    The MLP of Gorishniy et al. 2021, section 3.1.

    Raises:
        ValueError: one of `mean` and `variance` without the other, or of another length.
    """
    if (mean is None) != (variance is None):
        raise ValueError(f"tabular_mlp expects mean and variance together. Received: {mean=}, {variance=}")
    rows = keras.Input((num_features,), name="tabular")
    front_end = Standardize(name="front_end")
    x = front_end(rows)
    if mean is not None:
        front_end.set_figures(mean, variance)
    for i, width in enumerate(widths):
        x = layers.Dense(width, activation="relu", name=f"dense{i}")(x)
        x = layers.Dropout(dropout, name=f"dropout{i}")(x)
    x = layers.Dense(embed_dim, activation="relu", name="embedding")(x)
    return keras.Model(rows, x, name=name)


def example():
    """Return the encoder of a row of 32 numbers."""
    return tabular_mlp(32, 64)
