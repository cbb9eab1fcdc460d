"""Base of front ends whose features are standardized by the training rows."""

from collections.abc import Iterable

import numpy as np
from keras import KerasTensor, Layer, ops

OUTLIER = 5.0  # deviations: values are clipped there, so that 8 bits resolve the rest
SMALLEST = 1e-5  # standard deviation of a feature that is not constant


class StandardizedFeatures(Layer):
    """Compute features `(B, F)`, minus their mean and divided by their deviation, clipped to ±5.

    A subclass has `measure(x)`, which returns the features, and `size(input_shape)`, which returns F. Statistics are
    weights, not trainable, see `blocks.standardize`; a new layer only clips.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape, frozen = (self.size(input_shape),), {"trainable": False, "dtype": "float32"}
        self.mean = self.add_weight(shape=shape, initializer="zeros", name="mean", **frozen)
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale", **frozen)

    def call(self, x: KerasTensor) -> KerasTensor:
        scaled = (self.measure(x) - self.mean) * self.scale
        return ops.minimum(ops.maximum(scaled, -OUTLIER), OUTLIER)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.size(input_shape))

    def adapt(self, batches: Iterable[np.ndarray]) -> None:
        """Set the statistics from batches of training examples `(B, ...)`; a constant feature becomes 0."""
        found = np.concatenate([ops.convert_to_numpy(self.measure(ops.convert_to_tensor(x))) for x in batches])
        deviation = found.std(axis=0, dtype="float64")
        self.mean.assign(found.mean(axis=0, dtype="float64").astype("float32"))
        self.scale.assign(np.where(deviation > SMALLEST, 1 / np.maximum(deviation, SMALLEST), 0).astype("float32"))


class StandardizedValues(StandardizedFeatures):
    """Standardize features `(B, F)` that another layer computed."""

    def measure(self, x: KerasTensor) -> KerasTensor:
        """Return the features as they are."""
        return x

    def size(self, input_shape: tuple[int | None, ...]) -> int:
        """Return the number of features."""
        return input_shape[-1]
