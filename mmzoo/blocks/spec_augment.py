"""SpecAugment: time and frequency masking of a spectrogram, in training only."""

from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np
from keras import KerasTensor, Layer, ops, random


class SpecAugment(Layer):
    """Mask time spans and frequency bands of a spectrogram in training.

    SpecAugment, Park et al. 2019, section 2, without the time warp. `(B, T, M) -> (B, T, M)`; unchanged in inference.
    Each example gets `count` time masks of up to `frames` frames and `count` frequency masks of up to `bands` bands.
    Masks may overlap; masked values become the example's mean. A class because the generator state is saved, as in
    Dropout: a resumed run continues with the same draws. The inference graph contains no masking.

    Raises:
        ValueError: a width is negative, or longer than its axis.
    """

    def __init__(self, count: int = 2, frames: int = 25, bands: int = 10, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if min(count, frames, bands) < 0:
            raise ValueError(f"SpecAugment expects numbers of 0 or more. Received: {count=}, {frames=}, {bands=}")
        self.count = count
        self.frames = frames
        self.bands = bands
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 3 or input_shape[1] < self.frames or input_shape[2] < self.bands:
            raise ValueError(
                f"SpecAugment expects (B, T, M) of at least {self.frames} frames and {self.bands} bands. "
                f"Received: {input_shape=}"
            )

    def call(self, spectrogram: KerasTensor, training: bool = False) -> KerasTensor:
        if not training or not self.count:
            return spectrogram
        size, (_, frames, bands) = ops.shape(spectrogram)[0], spectrogram.shape
        hidden = ops.logical_or(
            self._stretches(size, frames, self.frames)[:, :, None], self._stretches(size, bands, self.bands)[:, None]
        )
        return ops.where(hidden, ops.mean(spectrogram, axis=(1, 2), keepdims=True), spectrogram)

    def _stretches(self, size: KerasTensor, length: int, widest: int) -> KerasTensor:
        """Draw `count` spans and return their union, bool `(size, length)`.

        A span is up to `widest` wide.
        """
        drawn = random.uniform((2, size, self.count, 1), seed=self.generator)
        width = ops.floor(drawn[0] * (widest + 1))
        start = ops.floor(drawn[1] * (length - width + 1))
        place = ops.arange(length, dtype="float32")
        return ops.any(ops.logical_and(place >= start, place < start + width), axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def save_own_variables(self, store: MutableMapping[str, np.ndarray]) -> None:
        store["generator"] = ops.convert_to_numpy(self.generator.state)

    def load_own_variables(self, store: Mapping[str, np.ndarray]) -> None:
        self.generator.state.assign(store["generator"])

    def get_config(self) -> dict[str, Any]:
        config = {name: getattr(self, name) for name in ("count", "frames", "bands", "seed")}
        return {**super().get_config(), **config}
