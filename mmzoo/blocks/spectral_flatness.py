"""How tonal a sound is, band by band: the flatness of its long-term spectrum."""

import numpy as np
from keras import layers, ops

from mmzoo.blocks.log_mel import FLOOR, PowerSpectrum

FRAME_LENGTH = 512  # samples after decimation: at 4 kHz 128 ms, whose bins of 8 Hz part the harmonics of a rotor
NOISE = 0.02  # of `log(arithmetic / geometric mean)`: five seconds of even noise leave about 0.004
QUARTER = FRAME_LENGTH // 4
BINS = np.concatenate([np.arange(2, 2 * QUARTER + 1, 2), np.arange(1, 2 * QUARTER, 2)])  # the order of `power_by_bin`


def power_by_bin(squares):
    """Return the power `(B, 256)` of all bins but 0, in the order of `BINS`, of what `PowerSpectrum` gives `(B, 512)`.

    Its columns are the cosines of even bins from 0 to 256, their sines but for these two, the cosines of odd bins, and
    their sines. Slices add them up without a matrix, which would weigh more than all else here.
    """
    even, odd = squares[:, : 2 * QUARTER], squares[:, 2 * QUARTER :]
    inner = even[:, 1:QUARTER] + even[:, QUARTER + 1 :]
    return ops.concatenate([inner, even[:, QUARTER : QUARTER + 1], odd[:, :QUARTER] + odd[:, QUARTER:]], axis=1)


def tonality(power, mean):
    """Return `log(0.02 - log(flatness))`, from -3.9 on, of `power` `(..., bins)`; more where lines stand out.

    The flatness of a band is the geometric over the arithmetic mean of the power in it (Gray and Markel 1974;
    AudioSpectrumFlatness of MPEG-7, ISO/IEC 15938-4), 1 where all bins are alike and near 0 for lines. `mean`
    `(bins, bands)` takes bins to the means of bands.
    """
    ratio = ops.log(ops.matmul(power, mean)) - ops.matmul(ops.log(power), mean)
    return ops.log(ops.maximum(ratio, 0.0) + NOISE)


class SpectralFlatness(layers.Layer):
    """Waveform `(B, samples)` in [-1, 1] to the tonality `(B, num_bands)` of as many bands, equally wide.

    The waveform is decimated by averaging each `decimation` samples, which is filter enough: a line that folds stays a
    line. Its power spectrum is averaged over frames of 512 with a hop of half a frame, Hann window (Welch 1967). A band
    has `256 / num_bands` neighboring bins, without bin 0; see `tonality`. Of noises with alike spectra that of an
    engine has lines and that of rain has none; frames as short as those of a log-mel front end do not show them.

    A class because its constants belong to no weight: they are computed again from two integers.

    Raises:
        ValueError: `num_bands` is no power of 2 up to 128, or the waveform is shorter than a frame or not a
            multiple of `decimation`.
    """

    def __init__(self, decimation=4, num_bands=64, **kwargs):
        super().__init__(**({"dtype": "float32"} | kwargs))  # as LogMel, and powers span as much
        if num_bands not in (1, 2, 4, 8, 16, 32, 64, 128):
            raise ValueError(f"SpectralFlatness expects a power of 2 up to 128 as num_bands. Received: {num_bands=}")
        self.decimation = decimation
        self.num_bands = num_bands

    def build(self, input_shape):
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

    def call(self, waveform):
        slow = ops.mean(ops.reshape(waveform, (-1, waveform.shape[1] // self.decimation, self.decimation)), axis=2)
        power = power_by_bin(ops.mean(self.spectrum(slow), axis=1))
        return tonality(ops.maximum(power, FLOOR), self.mean)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_bands)

    def get_config(self):
        return {**super().get_config(), "decimation": self.decimation, "num_bands": self.num_bands}
