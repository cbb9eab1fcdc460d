"""Audio front end of keyword spotters: mel-frequency cepstral coefficients inside the graph."""

from typing import Any

import numpy as np
from keras import KerasTensor, layers, ops

from mmzoo.blocks.log_mel import LogMel


def dct_matrix(num_mels: int, num_coefficients: int) -> np.ndarray:
    """Compute the first columns of the orthonormal DCT-II, `(num_mels, num_coefficients)`.

    Ahmed, Natarajan and Rao 1974, equation 1; as in `scipy.fft.dct(norm="ortho")`.
    """
    angle = np.pi * (np.arange(num_mels)[:, None] + 0.5) * np.arange(num_coefficients) / num_mels
    matrix = np.cos(angle) * np.sqrt(2.0 / num_mels)
    matrix[:, 0] *= np.sqrt(0.5)
    return matrix


class Mfcc(layers.Layer):
    """Compute mel-frequency cepstral coefficients of a waveform.

    Davis and Mermelstein 1980, section II. Waveform `(B, samples)` in [-1, 1] to coefficients
    `(B, frames, num_coefficients)`: the first coefficients of the orthonormal DCT-II of `LogMel` energies with the same
    settings. The logarithm is natural; librosa's MFCC counts decibels, 4.34 times as much. Coefficient 0 is the
    loudness, down to `-13.8 * sqrt(num_mels)` in silence. A class because its constants belong to no weight: they are
    recomputed from five integers.

    Raises:
        ValueError: not `0 < num_coefficients <= num_mels`, or `LogMel` refuses the settings.
    """

    def __init__(
        self,
        sample_rate: int = 8000,
        frame_length: int = 200,
        hop: int = 80,
        num_mels: int = 40,
        num_coefficients: int = 20,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 < num_coefficients <= num_mels:
            raise ValueError(f"Mfcc expects 1 to num_mels coefficients. Received: {num_coefficients=}, {num_mels=}")
        self.num_coefficients = num_coefficients
        self.log_mel = LogMel(sample_rate, frame_length, hop, num_mels, name="log_mel")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.log_mel.build(input_shape)
        self.dct = dct_matrix(self.log_mel.num_mels, self.num_coefficients).astype("float32")

    def call(self, waveform: KerasTensor) -> KerasTensor:
        return ops.matmul(self.log_mel(waveform), self.dct)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*self.log_mel.compute_output_shape(input_shape)[:2], self.num_coefficients)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.log_mel.settings(), "num_coefficients": self.num_coefficients}
