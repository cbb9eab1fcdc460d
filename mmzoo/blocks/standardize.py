"""Standardization to mean 0 and deviation 1, and back from standardized logarithms, inside the graph."""

import numpy as np
from keras import KerasTensor, Layer, ops
from keras.layers import Rescaling


class Standardize(Layer):
    """Standardize the last axis by training statistics.

    float32 `(..., C)`, in any unit, to `(x - mean) / sqrt(variance)`. A class because `keras.layers.Normalization`
    stores adapted statistics twice, as weights and as constants of the graph. `set_weights` changes only the weights:
    an encoder copied into another model would scale by the old constants. Here the statistics are weights only, not
    trainable. A new layer changes nothing.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (input_shape[-1],)
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=shape, initializer="ones", trainable=False, name="scale")

    def call(self, x: KerasTensor) -> KerasTensor:
        return (x - self.mean) * self.scale

    def set_figures(self, mean: np.ndarray, variance: np.ndarray) -> None:
        """Set the mean and variance of each channel, `(C,)`.

        A channel of variance 0 is shifted and not divided.

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

    def adapt(self, examples: np.ndarray) -> None:
        """Set mean and variance from training examples `(..., C)`."""
        rows = np.asarray(examples, "float64").reshape(-1, self.mean.shape[0])
        self.set_figures(rows.mean(axis=0), rows.var(axis=0))


class ExponentialRescaling(Rescaling):
    """Convert standardized logarithms to numbers: `exp(min(scale * x + offset, highest)) - shift`, of any shape.

    Args:
        scale: standard deviation of the logarithms.
        offset: mean of the logarithms.
        shift: what was added to the numbers in front of the logarithm.
        highest: largest logarithm, so that no prediction far outside of training overflows.
    """

    def __init__(self, scale: float, offset: float = 0.0, shift: float = 0.0, highest: float = 80.0, **options) -> None:
        super().__init__(scale, offset, **options)
        self.shift, self.highest = shift, highest

    def call(self, inputs: KerasTensor) -> KerasTensor:
        logarithms = ops.minimum(super().call(inputs), self.highest)
        return ops.exp(logarithms) - self.shift

    def get_config(self) -> dict:
        return {**super().get_config(), "shift": self.shift, "highest": self.highest}
