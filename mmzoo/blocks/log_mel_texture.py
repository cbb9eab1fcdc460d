"""The front end for sounds that are told by their texture: log-mel energies and their statistics as one tensor."""

import numpy as np
from keras import layers, ops

from mmzoo.blocks.log_mel import LogMel
from mmzoo.blocks.spectral_flatness import SpectralFlatness, tonality

RATES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)  # Hz, where one band of modulation ends and the next begins
OCTAVES = (2.0, 4.0, 8.0, 16.0, 24.0)  # Hz, the same where it is asked whether a modulation is regular
NEIGHBORS = len(OCTAVES) - 1  # mel bands that are asked together, so that the answers fill one row
SHORTEST = 0.5  # seconds: all octaves have a bin then
FLOOR = 0.1  # of the power of a modulation, in squares of log energy: what no ear would hear
SMALLEST = 0.01  # of a variance or a step, the same
SLOW_RATE = 4000  # Hz, at most, at which the lines of engines and voices are looked for
STATISTICS = 4
MOMENTUM = 0.9  # of what was in training
OUTLIER = 5.0  # deviations: what is farther from the mean counts as this, so that 8 bits part what is not


def modulation_basis(frames, frame_rate):
    """Return what takes a course of `frames` values to its orthonormal DFT between the first and last of `RATES`.

    Returns:
        `basis` `(frames, 2 * bins)`, cosines and then sines, and the `frequency` `(bins,)` in Hz.
    """
    frequency = np.fft.rfftfreq(frames, 1 / frame_rate)
    bins = np.flatnonzero((frequency >= RATES[0]) & (frequency < RATES[-1]))
    turn = 2 * np.pi * np.arange(frames)[:, None] * bins / frames
    return np.concatenate([np.cos(turn), np.sin(turn)], axis=1) / np.sqrt(frames), frequency[bins]


def band_means(frequency, edges):
    """Return `(bins, bands)`, which takes values by `frequency` `(bins,)` to their means in `[edges[i], edges[i + 1])`.

    Bands without a bin are left out: those slower than what is as long as the sound.
    """
    inside = (frequency[:, None] >= edges[:-1]) & (frequency[:, None] < edges[1:])
    inside = inside[:, inside.any(axis=0)]
    return inside / inside.sum(axis=0)


class LogMelTexture(layers.Layer):
    """Waveform `(B, samples)` in [-1, 1] to `(B, frames + rows, num_mels)`: log-mel energies, then their statistics.

    The first `frames` rows are those of `LogMel` of the same settings. The rows behind them tell, after McDermott and
    Simoncelli 2011 (Sound texture perception via statistics of the auditory periphery), of each mel band

    - the mean over time of the log energy, less that of all bands,
    - `log(0.01 + its variance)`,
    - its maximum less its mean,
    - `log(0.01 + the mean size of its step from a frame to the next)`,
    - the modulation power, a row for each band of `RATES` that a sound of this length tells: the logarithm of the mean
      power, at those rates, of the course of the log energy around its mean, from `log(0.1)` on,

    and then in one row how regular the modulation is: the `tonality` of the power of `NEIGHBORS` mel bands together in
    each of `OCTAVES`, which tells the blades of a rotor from the drops of rain. The last row is the tonality of
    the sound itself, in `num_mels` bands of their own below `SLOW_RATE / 2`: see `SpectralFlatness`. None depends on
    how loud a sound is.

    Each mel band of the energies, and each entry of the rows behind them, is normalized by what it was in training
    (batch normalization, Ioffe and Szegedy 2015, without scale and offset) and clipped to ±5 deviations: 8 bits then
    hold all rows alike.

    One tensor, so that the front end of an encoder stays one layer in float32 when what follows is quantized. A class
    because its constants belong to no weight: they are computed again from four integers.

    Raises:
        ValueError: what `LogMel` or `SpectralFlatness` refuse, or `num_mels` is below 4, or the waveform has no more
            than half a second.
    """

    def __init__(self, sample_rate=8000, frame_length=200, hop=80, num_mels=64, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))  # as LogMel, and powers span as much
        self.log_mel = LogMel(sample_rate, frame_length, hop, num_mels, name="log_mel")
        self.flatness = SpectralFlatness(-(-sample_rate // SLOW_RATE), num_mels, name="flatness")
        norm = {"center": False, "scale": False, "momentum": MOMENTUM, "dtype": "float32"}
        self.energy_norm = layers.BatchNormalization(name="energy_norm", **norm)
        self.texture_norm = layers.BatchNormalization(name="texture_norm", **norm)
        if num_mels < NEIGHBORS:
            raise ValueError(f"LogMelTexture expects num_mels of at least {NEIGHBORS}. Received: {num_mels=}")

    def build(self, input_shape):
        self.log_mel.build(input_shape)
        self.flatness.build(input_shape)
        if input_shape[1] < SHORTEST * self.log_mel.sample_rate + self.log_mel.frame_length:
            raise ValueError(f"LogMelTexture expects over {SHORTEST} s of sound. Received: {input_shape=}")
        basis, frequency = self._basis(input_shape[1])
        self.basis = basis.astype("float32")
        self.by_rate = band_means(frequency, RATES).astype("float32")
        self.by_octave = band_means(frequency, OCTAVES).astype("float32")
        size, rows, num_mels = self.compute_output_shape(input_shape)
        frames = self.num_frames(input_shape[1])
        self.energy_norm.build((size, frames, num_mels))
        self.texture_norm.build((size, (rows - frames) * num_mels))

    def _basis(self, samples):
        return modulation_basis(self.num_frames(samples), self.log_mel.sample_rate / self.log_mel.hop)

    def num_frames(self, samples):
        """Return how many rows of log-mel energies `samples` give."""
        return self.log_mel.num_frames(samples)

    def call(self, waveform, training=False):
        energies, texture = self.measure(waveform)
        size = texture.shape[1] * texture.shape[2]
        told = self.texture_norm(ops.reshape(texture, (-1, size)), training=training)
        told = ops.reshape(told, (-1, *texture.shape[1:]))
        rows = ops.concatenate([self.energy_norm(energies, training=training), told], axis=1)
        return ops.minimum(ops.maximum(rows, -OUTLIER), OUTLIER)

    def measure(self, waveform):
        """Return the energies `(B, frames, M)` and the rows behind them `(B, rows, M)` before they are normalized."""
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

    def _modulation(self, around):
        """Return the rows of modulation `(B, rates, M)` and of its tonality `(B, 1, M)`."""
        squares = ops.square(ops.matmul(ops.transpose(around, (0, 2, 1)), self.basis))
        power = squares[..., : len(self.by_rate)] + squares[..., len(self.by_rate) :]
        by_rate = ops.log(ops.maximum(ops.matmul(power, self.by_rate), FLOOR))
        groups = self.log_mel.num_mels // NEIGHBORS
        together = ops.mean(ops.reshape(power, (-1, groups, NEIGHBORS, len(self.by_rate))), axis=2)
        regular = tonality(ops.maximum(together, FLOOR), self.by_octave)
        return ops.transpose(by_rate, (0, 2, 1)), ops.reshape(regular, (-1, 1, groups * NEIGHBORS))

    def compute_output_shape(self, input_shape):
        size, frames, num_mels = self.log_mel.compute_output_shape(input_shape)
        rates = band_means(self._basis(input_shape[1])[1], RATES).shape[1]
        return (size, frames + STATISTICS + rates + 2, num_mels)

    def get_config(self):
        return {**super().get_config(), **self.log_mel.settings()}
