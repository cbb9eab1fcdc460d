"""Multi-label head: an independent probability for each class."""

import keras
from keras import layers


def multi_label(embedding: keras.KerasTensor, num_classes: int) -> keras.KerasTensor:
    """Predict independent label probabilities: `(B, D) -> (B, num_classes)`.

    Sigmoid, always float32.
    """
    return layers.Dense(num_classes, activation="sigmoid", dtype="float32", name="probabilities")(embedding)


def example() -> keras.Model:
    """Return the head for an embedding of 64 numbers and ten labels."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": multi_label(x, 10)})
