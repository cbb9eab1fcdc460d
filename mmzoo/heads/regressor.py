"""Regression head, unbounded or within a range."""

import keras
from keras import layers


def regressor(
    embedding: keras.KerasTensor, num_values: int = 1, low: float | None = None, high: float | None = None
) -> keras.KerasTensor:
    """Predict numbers `(B, num_values)` from an embedding `(B, D)`.

    If `low` and `high` are given, outputs are between them by `low + (high - low) * sigmoid`. It has a gradient
    everywhere; clipping has none outside the range.

    Raises:
        ValueError: only one of `low` and `high`, or `low` is not below `high`.
    """
    if low is None and high is None:
        return layers.Dense(num_values, name="values")(embedding)
    if low is None or high is None or low >= high:
        raise ValueError(f"regressor expects low < high, or neither. Received: {low=}, {high=}")
    share = layers.Dense(num_values, activation="sigmoid", name="share")(embedding)
    return layers.Rescaling(high - low, low, name="values")(share)


def example() -> keras.Model:
    """Return the head for 64 numbers and four sentiment values.

    Values are between -3 and 3.
    """
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"values": regressor(x, 4, -3, 3)})
