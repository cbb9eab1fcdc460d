"""Classification head."""

import keras
from keras import layers


def classifier(embedding, num_classes, name="probabilities"):
    """Return probabilities `(B, num_classes)`, which sum to 1, from an embedding `(B, D)`; float32 always."""
    return layers.Dense(num_classes, activation="softmax", dtype="float32", name=name)(embedding)


def example():
    """Return the head on an embedding of 64 numbers, with ten classes."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": classifier(x, 10)})
