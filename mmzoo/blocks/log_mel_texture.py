"""Audio front end of log-mel energies and their texture statistics."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import KerasTensor, layers, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.spectral_flatness import SpectralFlatness, tonality

RATES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)  # Hz, where one band of modulation ends and the next begins
OCTAVES = (2.0, 4.0, 8.0, 16.0, 24.0)  # Hz, the same for the regularity of a modulation
NEIGHBORS = len(OCTAVES) - 1  # mel bands per group, so that the results fill one row
SHORTEST = 0.5  # seconds: all octaves have a bin then
FLOOR = 0.1  # of the power of a modulation, in squares of log energy: below audibility
SMALLEST = 0.01  # of a variance or a step: below audibility
SLOW_RATE = 4000  # Hz, at most: the decimated rate for spectral lines of engines and voices
STATISTICS = 4
MOMENTUM = 0.9  # of the moving averages
OUTLIER = 5.0  # deviations: values are clipped there, so that 8 bits resolve the rest


def modulation_basis(frames: int, frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Compute the orthonormal DFT basis for modulation rates within `RATES`.

    Rates run from the first to the last of `RATES`, in Hz, for sequences of `frames` values.

    Returns:
        `basis` `(frames, 2 * bins)`, cosines and then sines, and the `frequency` `(bins,)` in Hz.
    """
    frequency = np.fft.rfftfreq(frames, 1 / frame_rate)
    bins = np.flatnonzero((frequency >= RATES[0]) & (frequency < RATES[-1]))
    turn = 2 * np.pi * np.arange(frames)[:, None] * bins / frames
    return np.concatenate([np.cos(turn), np.sin(turn)], axis=1) / np.sqrt(frames), frequency[bins]


def band_means(frequency: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """Compute the matrix `(bins, bands)` for means over frequency bands.

    Band i covers `[edges[i], edges[i + 1])` of `frequency` `(bins,)`. Bands without a bin are left out: their period
    exceeds the duration of the clip.
    """
    inside = (frequency[:, None] >= edges[:-1]) & (frequency[:, None] < edges[1:])
    inside = inside[:, inside.any(axis=0)]
    return inside / inside.sum(axis=0)


class LogMelTexture(layers.Layer):
    """Compute log-mel energies and texture statistics of a waveform.

    McDermott and Simoncelli 2011 (Sound texture perception via statistics of the auditory periphery). Waveform
    `(B, samples)` in [-1, 1] to `(B, frames + rows, num_mels)`.

    The first `frames` rows are the output of `LogMel` with the same settings. The rows after them hold, for each mel
    band,

    - the mean over time of the log energy, minus the mean over all bands,
    - `log(0.01 + variance)`,
    - the maximum minus the mean,
    - `log(0.01 + mean absolute difference of consecutive frames)`,
    - the modulation power: one row for each band of `RATES` available at this clip length. It is the logarithm of the
      mean power, at those rates, of the log energy around its mean, at least `log(0.1)`.

    The next row is the regularity of the modulation: the `tonality` of the power of `NEIGHBORS` neighboring mel bands
    in each of `OCTAVES`. It separates rotor blades from rain drops. The last row is the tonality of the waveform, in
    `num_mels` separate bands below `SLOW_RATE / 2`: see `SpectralFlatness`. No row depends on loudness.

    Each mel band of the energies, and each entry of the rows after them, is normalized by its training statistics
    (batch normalization, Ioffe and Szegedy 2015, without scale and offset). Values are clipped to ±5 deviations, so
    that 8 bits represent all rows equally well.

    One tensor, so that the front end of an encoder stays one float32 layer in a quantized model. A class because its
    constants belong to no weight: they are recomputed from four integers.

    Raises:
        ValueError: `LogMel` or `SpectralFlatness` refuse the settings, `num_mels` is below 4, or the waveform has no
            more than half a second.
    """

    def __init__(
        self, sample_rate: int = 8000, frame_length: int = 200, hop: int = 80, num_mels: int = 64, **kwargs: Any
    ) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))  # as LogMel, and powers span as much
        self.log_mel = LogMel(sample_rate, frame_length, hop, num_mels, name="log_mel")
        self.flatness = SpectralFlatness(-(-sample_rate // SLOW_RATE), num_mels, name="flatness")
        norm = {"center": False, "scale": False, "momentum": MOMENTUM, "dtype": "float32"}
        self.energy_norm = layers.BatchNormalization(name="energy_norm", **norm)
        self.texture_norm = layers.BatchNormalization(name="texture_norm", **norm)
        if num_mels < NEIGHBORS:
            raise ValueError(f"LogMelTexture expects num_mels of at least {NEIGHBORS}. Received: {num_mels=}")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.log_mel.build(input_shape)
        self.flatness.build(input_shape)
        if input_shape[1] < SHORTEST * self.log_mel.sample_rate + self.log_mel.frame_length:
            raise ValueError(f"LogMelTexture expects over {SHORTEST} s of audio. Received: {input_shape=}")
        basis, frequency = self._basis(input_shape[1])
        self.basis = basis.astype("float32")
        self.by_rate = band_means(frequency, RATES).astype("float32")
        self.by_octave = band_means(frequency, OCTAVES).astype("float32")
        size, rows, num_mels = self.compute_output_shape(input_shape)
        frames = self.num_frames(input_shape[1])
        self.energy_norm.build((size, frames, num_mels))
        self.texture_norm.build((size, (rows - frames) * num_mels))

    def _basis(self, samples: int) -> tuple[np.ndarray, np.ndarray]:
        return modulation_basis(self.num_frames(samples), self.log_mel.sample_rate / self.log_mel.hop)

    def num_frames(self, samples: int) -> int:
        """Count the rows of log-mel energies of `samples`."""
        return self.log_mel.num_frames(samples)

    def call(self, waveform: KerasTensor, training: bool = False) -> KerasTensor:
        energies, texture = self.measure(waveform)
        size = texture.shape[1] * texture.shape[2]
        statistics = self.texture_norm(ops.reshape(texture, (-1, size)), training=training)
        statistics = ops.reshape(statistics, (-1, *texture.shape[1:]))
        rows = ops.concatenate([self.energy_norm(energies, training=training), statistics], axis=1)
        return ops.minimum(ops.maximum(rows, -OUTLIER), OUTLIER)

    def measure(self, waveform: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """Compute energies `(B, frames, M)` and statistics `(B, rows, M)` before normalization."""
        energies = self.log_mel(waveform)
        mean = ops.mean(energies, axis=1, keepdims=True)
        around = energies - mean
        variance = ops.mean(ops.square(around), axis=1, keepdims=True)
        step = ops.mean(ops.abs(energies[:, 1:] - energies[:, :-1]), axis=1, keepdims=True)
        rows = [
            mean - ops.mean(mean, axis=2, keepdims=True),
            ops.log(variance + SMALLEST),
            ops.max(energies, axis=1, keepdims=True) - mean,
            ops.log(step + SMALLEST),
            *self._modulation(around),
            self.flatness(waveform)[:, None],
        ]
        return energies, ops.concatenate(rows, axis=1)

    def _modulation(self, around: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
        """Compute the modulation power `(B, rates, M)` and its tonality `(B, 1, M)`."""
        squares = ops.square(ops.matmul(ops.transpose(around, (0, 2, 1)), self.basis))
        power = squares[..., : len(self.by_rate)] + squares[..., len(self.by_rate) :]
        by_rate = ops.log(ops.maximum(ops.matmul(power, self.by_rate), FLOOR))
        groups = self.log_mel.num_mels // NEIGHBORS
        grouped = ops.mean(ops.reshape(power, (-1, groups, NEIGHBORS, len(self.by_rate))), axis=2)
        regular = tonality(ops.maximum(grouped, FLOOR), self.by_octave)
        return ops.transpose(by_rate, (0, 2, 1)), ops.reshape(regular, (-1, 1, groups * NEIGHBORS))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        size, frames, num_mels = self.log_mel.compute_output_shape(input_shape)
        rates = band_means(self._basis(input_shape[1])[1], RATES).shape[1]
        return (size, frames + STATISTICS + rates + 2, num_mels)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.log_mel.settings()}
