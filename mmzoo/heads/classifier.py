"""Classification head."""

from keras import layers


def classifier(embedding, num_classes):
    """Return probabilities `(B, num_classes)`, which sum to 1, from an embedding `(B, D)`."""
    return layers.Dense(num_classes, activation="softmax", name="probabilities")(embedding)
