"""Histograms of gradients and of colors of an image, inside the graph."""

import math
from typing import Any

import numpy as np
from keras import KerasTensor, ops

from mmzoo.blocks.standardized import StandardizedFeatures

ORIENTATIONS = 9  # over half a turn
CELLS, COLOR_CELLS = 8, 4  # cells on a side
LEVELS = 8  # bins of a channel's histogram
FLAT = 1e-4  # energy of gradients below which a cell counts as flat


class ImageStatistics(StandardizedFeatures):
    """Compute histograms of oriented gradients, mean colors and color histograms of an image.

    Dalal and Triggs 2005 (Histograms of Oriented Gradients for Human Detection), with soft bins: a gradient at the
    angle `a` to an orientation, of 9 over half a turn, counts `max(0, |cos a| - cos 20°)` of its length. 8 x 8 cells
    are divided by the root of the mean energy of the 3 x 3 cells around them. Colors are the means of 4 x 4 cells and
    histograms of 8 levels with triangular bins.

    uint8 `(B, H, W, C)`, at least 10 pixels a side, to float32 `(B, F)`, standardized.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))  # powers need more than 16 bits

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        turn = np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS
        kernel = np.zeros((3, 3, 1, ORIENTATIONS + 2), "float32")
        kernel[1, 0, 0], kernel[1, 2, 0] = -np.append(np.cos(turn), [1, 0]), np.append(np.cos(turn), [1, 0])
        kernel[0, 1, 0], kernel[2, 1, 0] = -np.append(np.sin(turn), [0, 1]), np.append(np.sin(turn), [0, 1])
        self.gradients = kernel

    def measure(self, x: KerasTensor) -> KerasTensor:
        """Compute the features before they are standardized."""
        x = ops.cast(x, "float32") / 255.0
        return ops.concatenate([self._gradients(x), *self._colors(x)], axis=-1)

    def _gradients(self, x: KerasTensor) -> KerasTensor:
        """Compute the histograms `(B, cells * 9)`; the square root is the gamma compression of section 6.1."""
        gray = ops.mean(ops.sqrt(x), axis=-1, keepdims=True)
        found = ops.conv(gray, self.gradients, padding="valid")
        along, parts = ops.abs(found[..., :ORIENTATIONS]), ops.square(found[..., ORIENTATIONS:])
        length = ops.sqrt(ops.sum(parts, axis=-1, keepdims=True) + 1e-8)
        near = math.cos(math.pi / ORIENTATIONS)
        counted = ops.relu(along - near * length) / (1 - near)
        cells = _means(counted, CELLS)
        energy = ops.average_pool(ops.sum(ops.square(cells), axis=-1, keepdims=True), 3, 1, padding="same")
        return _flat(cells / ops.sqrt(energy + FLAT))

    def _colors(self, x: KerasTensor) -> list[KerasTensor]:
        centers = (np.arange(LEVELS) + 0.5) / LEVELS
        levels = [ops.mean(ops.relu(1.0 - LEVELS * ops.abs(x - float(c))), axis=(1, 2)) for c in centers]
        return [_flat(_means(x, COLOR_CELLS)), *levels]

    def size(self, input_shape: tuple[int | None, ...]) -> int:
        """Return the number of features."""
        _, height, width, channels = input_shape
        if min(height, width) < CELLS + 2:
            raise ValueError(f"ImageStatistics expects images of at least {CELLS + 2} pixels. Received: {input_shape=}")
        gradients = _count(height - 2, width - 2, CELLS) * ORIENTATIONS
        return gradients + _count(height, width, COLOR_CELLS) * channels + LEVELS * channels


def _count(height: int, width: int, cells: int) -> int:
    step = min(height, width) // cells
    return (height // step) * (width // step)


def _means(x: KerasTensor, cells: int) -> KerasTensor:
    step = min(x.shape[1:3]) // cells
    return ops.average_pool(x, step, step, padding="valid")


def _flat(x: KerasTensor) -> KerasTensor:
    return ops.reshape(x, (-1, math.prod(x.shape[1:])))
