"""Classification head."""

import keras
from keras import layers


def classifier(embedding, num_classes):
    """Return probabilities `(B, num_classes)`, which sum to 1, from an embedding `(B, D)`."""
    return layers.Dense(num_classes, activation="softmax", name="probabilities")(embedding)


def example():
    """Return the head on an embedding of 64 numbers, with ten classes."""
    x = keras.Input((64,), name="embedding")
    return keras.Model({"embedding": x}, {"probabilities": classifier(x, 10)})
