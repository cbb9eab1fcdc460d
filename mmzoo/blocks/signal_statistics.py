"""Statistics of the mel bands of a waveform, and of the channels of a time series, inside the graph."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import KerasTensor, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.standardized import StandardizedFeatures

SEGMENTS = 8  # of equal length, in time
SMALLEST = 1e-3  # of a variance
OF_CHANNEL = 5  # statistics of a channel of a series


class BandStatistics(StandardizedFeatures):
    """Compute statistics of log-mel energies over time.

    Of each band: mean, standard deviation, mean absolute difference of consecutive frames, maximum (Peeters 2004, A
    large set of audio features for sound description, section 2), and the mean of each of 8 segments of equal length.
    float32 waveforms `(B, samples)` in [-1, 1] to float32 `(B, 12 * num_mels)`, standardized. `LogMel` has the settings
    and their errors; a waveform shorter than 8 frames has no segments.
    """

    def __init__(
        self, sample_rate: int = 8000, frame_length: int = 200, hop: int = 80, num_mels: int = 40, **kwargs: Any
    ) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))
        self.log_mel = LogMel(sample_rate, frame_length, hop, num_mels, name="log_mel")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.log_mel.build(input_shape)
        super().build(input_shape)

    def measure(self, x: KerasTensor) -> KerasTensor:
        """Compute the features before they are standardized."""
        energies = self.log_mel(x)
        mean = ops.mean(energies, axis=1, keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(energies - mean), axis=1) + SMALLEST)
        step = ops.mean(ops.abs(energies[:, 1:] - energies[:, :-1]), axis=1)
        found = [ops.mean(energies, axis=1), deviation, step, ops.max(energies, axis=1)]
        length = energies.shape[1] // SEGMENTS
        for i in range(SEGMENTS if length else 0):
            found.append(ops.mean(energies[:, i * length : (i + 1) * length], axis=1))
        return ops.concatenate(found, axis=-1)

    def size(self, input_shape: tuple[int | None, ...]) -> int:
        """Return the number of features."""
        segments = SEGMENTS if self.log_mel.num_frames(input_shape[1]) >= SEGMENTS else 0
        return math.prod((4 + segments, self.log_mel.num_mels))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.log_mel.settings()}


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
        return OF_CHANNEL * (input_shape[-1] - 1)
