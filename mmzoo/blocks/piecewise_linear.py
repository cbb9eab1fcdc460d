"""Piecewise linear encoding of numbers."""

from collections.abc import Sequence

import numpy as np
from keras import KerasTensor, Layer, ops


class PiecewiseLinear(Layer):
    """Standardize rows of numbers, and append a piecewise linear encoding of some of them.

    Gorishniy et al. 2022 (On Embeddings for Numerical Features in Tabular Deep Learning), section 3.2, with quantiles
    as bins: for the bin from `a` to `b` of a number x the encoding is `clip((x - a) / (b - a), 0, 1)`. A layer after
    it can bend at each edge. float32 `(B, F)`, in any unit, to `(B, F + E)`: the standardized numbers, then one value
    for each of the E bins, column by column.

    Statistics and edges are weights, not trainable, see `blocks.standardize`.

    Args:
        bins: the number of bins of each column, `(F,)`; 0 for a column without an encoding.
    """

    def __init__(self, bins: Sequence[int], **options) -> None:
        super().__init__(**options)
        self.bins = [int(count) for count in bins]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        width, total = input_shape[-1], sum(self.bins)
        if width != len(self.bins):
            raise ValueError(f"PiecewiseLinear expects {len(self.bins)} columns. Received: {input_shape=}")
        frozen = {"trainable": False, "dtype": "float32"}
        self.mean = self.add_weight(shape=(width,), initializer="zeros", name="mean", **frozen)
        self.scale = self.add_weight(shape=(width,), initializer="ones", name="scale", **frozen)
        self.start = self.add_weight(shape=(total,), initializer="zeros", name="start", **frozen)
        self.inverse = self.add_weight(shape=(total,), initializer="ones", name="inverse", **frozen)
        encoded = np.flatnonzero(self.bins)
        # only the columns from the first to the last encoded one are multiplied: rows may have thousands of categories
        self.first, self.last = (int(encoded[0]), int(encoded[-1]) + 1) if total else (0, 0)
        self.copies = np.repeat(np.eye(width, dtype="float32"), self.bins, axis=1)[self.first : self.last]

    def call(self, x: KerasTensor) -> KerasTensor:
        scaled = (x - self.mean) * self.scale
        if not sum(self.bins):
            return scaled
        # edges are standardized too, so that a GPU in half precision never holds a number in its own unit
        inside = (ops.matmul(scaled[:, self.first : self.last], self.copies) - self.start) * self.inverse
        return ops.concatenate([scaled, ops.minimum(ops.relu(inside), 1.0)], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], input_shape[1] + sum(self.bins))

    def set_figures(self, mean: np.ndarray, variance: np.ndarray, edges: Sequence[Sequence[float]]) -> None:
        """Set mean and variance `(F,)`, and the ascending edges of the bins of each column, in its own unit.

        Raises:
            ValueError: another number of edges than bins + 1, or edges that do not ascend.
        """
        deviation = np.sqrt(np.where(np.asarray(variance) > 0, variance, 1.0))
        start, width = [], []
        for count, own, middle, unit in zip(self.bins, edges, mean, deviation, strict=True):
            at = (np.asarray(own, "float64") - middle) / unit
            if len(at) != (count + 1 if count else 0) or np.any(np.diff(at) <= 0):
                raise ValueError(f"PiecewiseLinear expects {count + 1} ascending edges. Received: {own}")
            start += [*at[:-1]]
            width += [*np.diff(at)]
        self.mean.assign(np.asarray(mean, "float32"))
        self.scale.assign((1 / deviation).astype("float32"))
        self.start.assign(np.array(start, "float32"))
        self.inverse.assign(1 / np.array(width, "float32"))

    def get_config(self) -> dict:
        return {**super().get_config(), "bins": self.bins}
