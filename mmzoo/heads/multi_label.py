"""Several labels at once: an independent probability for each class."""

import keras
from keras import layers


def multi_label(embedding, num_classes):
    """Return probabilities `(B, num_classes)`, each in [0, 1] by itself, from an embedding `(B, D)`; float32 always."""
    return layers.Dense(num_classes, activation="sigmoid", dtype="float32", name="probabilities")(embedding)


def example():
    """Return the head on an embedding of 64 numbers, with ten labels."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": multi_label(x, 10)})
