"""Statistics of the channels of a time series, inside the graph."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import KerasTensor, ops

from mmzoo.blocks.standardized import StandardizedFeatures

KINDS = 5  # statistics of a channel


class SeriesStatistics(StandardizedFeatures):
    """Compute mean, deviation, minimum, maximum and mean absolute step of each channel over the measured steps.

    float32 `(B, T, C + 1)`, whose last channel is 1 for a measured step and 0 for padding, to float32 `(B, 5 * C)`,
    standardized. A series without a measured step has zeros before that. The channels are standardized first, so that
    squares stay small in half precision.

    Args:
        mean: `(C,)` of each channel, in its own unit.
        deviation: `(C,)`, above 0.
    """

    def __init__(self, mean: Sequence[float], deviation: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.figures = {"mean": [*map(float, mean)], "deviation": [*map(float, deviation)]}

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | self.figures

    def measure(self, x: KerasTensor) -> KerasTensor:
        """Compute the features before they are standardized."""
        channels = len(self.figures["mean"])
        mean, deviation = (np.array(self.figures[name], "float32") for name in ("mean", "deviation"))
        there = x[:, :, channels : channels + 1]
        values = (x[:, :, :channels] - mean) * (1 / deviation) * there
        count = ops.maximum(ops.sum(there, axis=1), 1.0)
        middle = ops.sum(values, axis=1) / count
        away = (values - ops.expand_dims(middle, 1)) * there
        spread = ops.sqrt(ops.sum(ops.square(away), axis=1) / count)
        both = there[:, 1:] * there[:, :-1]
        steps = ops.sum(ops.abs(values[:, 1:] - values[:, :-1]) * both, axis=1)
        steps = steps / ops.maximum(ops.sum(both, axis=1), 1.0)
        return ops.concatenate([middle, spread, ops.min(away, axis=1), ops.max(away, axis=1), steps], axis=-1)

    def size(self, input_shape: tuple[int | None, ...]) -> int:
        """Return the number of features."""
        return KINDS * (input_shape[-1] - 1)
