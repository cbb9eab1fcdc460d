"""The log-mel front end, and beside it how fast each of its bands swells: its modulation spectrum."""

import numpy as np
from keras import layers, ops

from mmzoo.blocks.log_mel import LogMel

RATES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0, 24.0)  # Hz, where one band of modulation ends and the next begins
FLOOR = 0.1  # of the power of a modulation, in squares of log energy: what no ear would hear


def modulation_bands(frames, frame_rate, rates=RATES):
    """Return what takes a course of `frames` values to the power in each band of modulation.

    A bin of the orthonormal DFT belongs to the band `[rates[i], rates[i + 1])` that its frequency lies in. Bands
    without one are left out: those below `frame_rate / frames`, the slowest that a sound of this length tells.

    Returns:
        `basis` `(frames, 2 * bins)`, cosines and then sines, and `mean` `(2 * bins, bands)`: the mean over the bins of
        a band of the power `square(course @ basis) @ mean`.

    Raises:
        ValueError: no band has a bin.
    """
    frequency = np.fft.rfftfreq(frames, 1 / frame_rate)
    inside = (frequency[:, None] >= rates[:-1]) & (frequency[:, None] < rates[1:])
    bins = np.flatnonzero(inside.any(axis=1))
    if not len(bins):
        raise ValueError(
            f"expected frames that tell a modulation of {rates[0]} to {rates[-1]} Hz. Received: {frames=} at "
            f"{frame_rate} Hz"
        )
    turn = 2 * np.pi * np.arange(frames)[:, None] * bins / frames
    basis = np.concatenate([np.cos(turn), np.sin(turn)], axis=1) / np.sqrt(frames)
    mean = inside[bins][:, inside.any(axis=0)]
    mean = mean / mean.sum(axis=0)
    return basis, np.concatenate([mean, mean])


class LogMelModulation(layers.Layer):
    """Waveform `(B, samples)` in [-1, 1] to `(B, frames + rates, num_mels)`: log-mel energies, then their modulation.

    The first `frames` rows are those of `LogMel` of the same settings. Of each row that follows an entry is the
    logarithm of the mean power, at the modulation rates of one band of `RATES`, of the course of that mel band's log
    energy around its mean, from `log(0.1)` on. It does not depend on how loud a sound is, and tells noises apart
    whose spectra are alike: rain, the sea and a helicopter differ in how fast they swell. McDermott and Simoncelli
    2011, Sound texture perception via statistics of the auditory periphery, "modulation power".

    One tensor, so that the front end of an encoder stays one layer in float32 when what follows is quantized. A class
    because its constants belong to no weight: they are computed again from four integers.

    Raises:
        ValueError: what `LogMel` refuses, or the waveform is too short for any modulation.
    """

    def __init__(self, sample_rate=8000, frame_length=200, hop=80, num_mels=40, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))  # as LogMel, and powers span as much
        self.log_mel = LogMel(sample_rate, frame_length, hop, num_mels, name="log_mel")

    def build(self, input_shape):
        self.log_mel.build(input_shape)
        basis, mean = self._bands(input_shape[1])
        self.basis, self.mean = basis.astype("float32"), mean.astype("float32")

    def _bands(self, samples):
        return modulation_bands(self.log_mel.num_frames(samples), self.log_mel.sample_rate / self.log_mel.hop)

    def call(self, waveform):
        energies = self.log_mel(waveform)
        course = ops.transpose(energies - ops.mean(energies, axis=1, keepdims=True), (0, 2, 1))
        power = ops.matmul(ops.square(ops.matmul(course, self.basis)), self.mean)
        modulation = ops.transpose(ops.log(ops.maximum(power, FLOOR)), (0, 2, 1))
        return ops.concatenate([energies, modulation], axis=1)

    def compute_output_shape(self, input_shape):
        size, frames, num_mels = self.log_mel.compute_output_shape(input_shape)
        return (size, frames + self._bands(input_shape[1])[1].shape[1], num_mels)

    def get_config(self):
        return {**super().get_config(), **self.log_mel.settings()}
