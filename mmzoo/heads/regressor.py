"""Numbers from an embedding, free or within a range."""

import keras
from keras import layers


def regressor(embedding, num_values=1, low=None, high=None):
    """Return numbers `(B, num_values)` from an embedding `(B, D)`, all between `low` and `high` where these are given.

    A range is kept by `low + (high - low) * sigmoid`, which has a gradient everywhere, where clipping has none.

    Raises:
        ValueError: one of `low` and `high` alone, or `low` is not below `high`.
    """
    if low is None and high is None:
        return layers.Dense(num_values, name="values")(embedding)
    if low is None or high is None or low >= high:
        raise ValueError(f"regressor expects low < high, or neither. Received: {low=}, {high=}")
    share = layers.Dense(num_values, activation="sigmoid", name="share")(embedding)
    return layers.Rescaling(high - low, low, name="values")(share)


def example():
    """Return the head on an embedding of 64 numbers: four values between -3 and 3, as sentiment is rated."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"values": regressor(x, 4, -3, 3)})
