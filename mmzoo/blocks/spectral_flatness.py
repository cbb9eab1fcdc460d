"""Spectral flatness: tonality of the long-term spectrum in frequency bands."""

from typing import Any

import numpy as np
from keras import KerasTensor, layers, ops

from mmzoo.blocks.log_mel import FLOOR, PowerSpectrum

FRAME_LENGTH = 512  # samples after decimation: at 4 kHz 128 ms, with bins of 8 Hz that resolve the harmonics of a rotor
NOISE = 0.02  # of `log(arithmetic / geometric mean)`: five seconds of white noise give about 0.004
QUARTER = FRAME_LENGTH // 4
BINS = np.concatenate([np.arange(2, 2 * QUARTER + 1, 2), np.arange(1, 2 * QUARTER, 2)])  # the order of `power_by_bin`


def power_by_bin(squares: KerasTensor) -> KerasTensor:
    """Sum squared cosine and sine terms to power by bin: `(B, 512) -> (B, 256)`.

    `squares` is the output of `PowerSpectrum`. Bins are in the order of `BINS`, without bin 0. The columns of `squares`
    are, in order: cosines of even bins from 0 to 256, sines of inner even bins, cosines and sines of the remaining
    bins. Slices add them up without a matrix product, which would dominate the cost of the layer.
    """
    even, odd = squares[:, : 2 * QUARTER], squares[:, 2 * QUARTER :]
    inner = even[:, 1:QUARTER] + even[:, QUARTER + 1 :]
    return ops.concatenate([inner, even[:, QUARTER : QUARTER + 1], odd[:, :QUARTER] + odd[:, QUARTER:]], axis=1)


def tonality(power: KerasTensor, mean: np.ndarray) -> KerasTensor:
    """Compute the tonality `log(0.02 - log(flatness))` of each band, at least -3.9.

    Flatness is the geometric over the arithmetic mean of the power in a band (Gray and Markel 1974;
    AudioSpectrumFlatness of MPEG-7, ISO/IEC 15938-4). It is 1 for a flat spectrum and near 0 for spectral lines, so
    that lines raise the tonality. `power` is `(..., bins)`; `mean` `(bins, bands)` is the matrix of band means.
    """
    ratio = ops.log(ops.matmul(power, mean)) - ops.matmul(ops.log(power), mean)
    return ops.log(ops.maximum(ratio, 0.0) + NOISE)


class SpectralFlatness(layers.Layer):
    """Compute the tonality of equally wide frequency bands of a waveform.

    Waveform `(B, samples)` in [-1, 1] to `(B, num_bands)`; see `tonality`. The waveform is decimated by averaging
    `decimation` samples. That filter suffices: an aliased line stays a line. The power spectrum is averaged over Hann
    frames of 512 samples with a hop of half a frame (Welch 1967). A band has `256 / num_bands` neighboring bins,
    without bin 0. Engines have spectral lines and rain has none, at similar coarse spectra. Log-mel frames are too
    short to resolve those lines.

    A class because its constants belong to no weight: they are recomputed from two integers.

    Raises:
        ValueError: `num_bands` is no power of 2 up to 128, or the waveform is shorter than a frame or not a multiple of
            `decimation`.
    """

    def __init__(self, decimation: int = 4, num_bands: int = 64, **kwargs: Any) -> None:
        super().__init__(**({"dtype": "float32"} | kwargs))  # as LogMel, and powers span as much
        if num_bands not in (1, 2, 4, 8, 16, 32, 64, 128):
            raise ValueError(f"SpectralFlatness expects a power of 2 up to 128 as num_bands. Received: {num_bands=}")
        self.decimation = decimation
        self.num_bands = num_bands

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        rank, samples = len(input_shape), input_shape[1]
        shortest = self.decimation * FRAME_LENGTH
        if rank != 2 or samples is None or samples < shortest or samples % self.decimation:
            raise ValueError(
                f"SpectralFlatness expects a waveform (B, samples) of at least {shortest} samples, a multiple of "
                f"{self.decimation}. Received: {input_shape=}"
            )
        self.spectrum = PowerSpectrum(FRAME_LENGTH, FRAME_LENGTH // 2)
        band = (BINS - 1) * self.num_bands // len(BINS)
        self.mean = (band[:, None] == np.arange(self.num_bands)) * np.float32(self.num_bands / len(BINS))

    def call(self, waveform: KerasTensor) -> KerasTensor:
        slow = ops.mean(ops.reshape(waveform, (-1, waveform.shape[1] // self.decimation, self.decimation)), axis=2)
        power = power_by_bin(ops.mean(self.spectrum(slow), axis=1))
        return tonality(ops.maximum(power, FLOOR), self.mean)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.num_bands)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "decimation": self.decimation, "num_bands": self.num_bands}
