"""Numbers of any unit to mean 0 and deviation 1, inside the graph."""

import numpy as np
from keras import Layer


class Standardize(Layer):
    """Scale the last axis: float32 `(..., C)` to `(x - mean) / sqrt(variance)`, by figures of the training data.

    A class because `keras.layers.Normalization` keeps adapted figures twice, as weights and as constants of the graph,
    and `set_weights` changes only the first: an encoder copied into another model would scale by the old ones. Here
    they are weights alone, not trained. Fresh, the layer changes nothing.
    """

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=shape, initializer="ones", trainable=False, name="scale")

    def call(self, x):
        return (x - self.mean) * self.scale

    def set_figures(self, mean, variance):
        """Set the `mean` and `variance` of each channel, `(C,)`; where `variance` is 0 nothing is divided.

        Raises:
            ValueError: another length than `C`, a negative variance, or a number that is not finite.
        """
        mean, variance = np.asarray(mean, "float64"), np.asarray(variance, "float64")
        shape = tuple(self.mean.shape)
        if mean.shape != shape or variance.shape != shape:
            received = f"{mean.shape=}, {variance.shape=}"
            raise ValueError(f"Standardize expects a mean and a variance of shape {shape}. Received: {received}")
        if not np.all(np.isfinite(mean)) or not np.all(np.isfinite(variance)) or np.any(variance < 0):
            raise ValueError(f"Standardize expects finite figures, variance >= 0. Received: {mean=}, {variance=}")
        self.mean.assign(mean.astype("float32"))
        self.scale.assign((1.0 / np.sqrt(np.where(variance > 0, variance, 1.0))).astype("float32"))

    def adapt(self, examples):
        """Take mean and variance of each channel from an array of training examples `(..., C)`."""
        rows = np.asarray(examples, "float64").reshape(-1, self.mean.shape[0])
        self.set_figures(rows.mean(axis=0), rows.var(axis=0))
