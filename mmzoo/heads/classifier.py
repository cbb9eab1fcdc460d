"""Classification head."""

import keras
from keras import layers


def classifier(embedding: keras.KerasTensor, num_classes: int, name: str = "probabilities") -> keras.KerasTensor:
    """Predict class probabilities from an embedding: `(B, D) -> (B, num_classes)`.

    Softmax, always float32.
    """
    return layers.Dense(num_classes, activation="softmax", dtype="float32", name=name)(embedding)


def example() -> keras.Model:
    """Return the head for an embedding of 64 numbers and ten classes."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": classifier(x, 10)})
