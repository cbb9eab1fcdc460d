"""MLP over rows of numbers, standardized in the graph."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers

from mmzoo.blocks.piecewise_linear import PiecewiseLinear
from mmzoo.blocks.standardize import Standardize


def tabular_mlp(
    num_features: int,
    embed_dim: int,
    widths: Sequence[int] = (128, 128),
    mean: np.ndarray | None = None,
    variance: np.ndarray | None = None,
    dropout: float = 0.0,
    name: str = "tabular_mlp",
) -> keras.Model:
    """Build an encoder of table rows by Dense layers.

    The MLP of Gorishniy et al. 2021, section 3.1. float32 rows `(B, num_features)` in their own units to embeddings
    `(B, embed_dim)`.

    `mean` and `variance` `(num_features,)` of the training data are saved with the model as weights that are not
    trainable. Without them, `model.get_layer("front_end").adapt(rows)` sets them. NaN is not supported. Fill a missing
    number with its column's mean. If its absence is informative, add a column of 0 and 1. A GPU in half precision
    overflows at numbers beyond 65504: choose another unit. Categories are one-hot columns.

    Raises:
        ValueError: only one of `mean` and `variance`, or a different length.
    """
    if (mean is None) != (variance is None):
        raise ValueError(f"tabular_mlp expects mean and variance together. Received: {mean=}, {variance=}")
    rows = keras.Input((num_features,), name="tabular")
    front_end = Standardize(name="front_end")
    x = front_end(rows)
    if mean is not None:
        front_end.set_figures(mean, variance)
    return keras.Model(rows, _mlp(x, widths, embed_dim, dropout), name=name)


def tabular_piecewise(
    num_features: int,
    embed_dim: int,
    figures: tuple[np.ndarray, np.ndarray, Sequence[Sequence[float]]],
    widths: Sequence[int] = (128, 128),
    dropout: float = 0.0,
    name: str = "tabular_mlp",
) -> keras.Model:
    """Build a `tabular_mlp` with a piecewise linear encoding of numbers (Gorishniy et al. 2022, section 3.2).

    `figures` are mean and variance `(num_features,)` of the training data, and the ascending edges of each feature's
    bins, () for a feature without.

    Raises:
        ValueError: figures of a different length, or edges that do not ascend.
    """
    mean, variance, edges = figures
    rows = keras.Input((num_features,), name="tabular")
    front_end = PiecewiseLinear([max(0, len(own) - 1) for own in edges], name="front_end")
    x = front_end(rows)
    front_end.set_figures(mean, variance, edges)
    return keras.Model(rows, _mlp(x, widths, embed_dim, dropout), name=name)


def _mlp(x: keras.KerasTensor, widths: Sequence[int], embed_dim: int, dropout: float) -> keras.KerasTensor:
    for i, width in enumerate(widths):
        x = layers.Dense(width, activation="relu", name=f"dense{i}")(x)
        x = layers.Dropout(dropout, name=f"dropout{i}")(x)
    return layers.Dense(embed_dim, activation="relu", name="embedding")(x)


def example() -> keras.Model:
    """Return the encoder of a row of 32 numbers."""
    return tabular_mlp(32, 64)
