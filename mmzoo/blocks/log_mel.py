"""Log-mel audio front end inside the graph, by two matrix products."""

import math
from typing import Any

import numpy as np
from keras import KerasTensor, layers, ops

FLOOR = 1e-6  # of the power: float16 holds it, and quiet frames do not reach minus infinity


def _hz_to_mel(hz: float) -> float:
    linear = hz / (200.0 / 3.0)
    return linear if hz < 1000.0 else 15.0 + math.log(hz / 1000.0) / (math.log(6.4) / 27.0)


def _mel_to_hz(mel: float) -> float:
    return mel * 200.0 / 3.0 if mel < 15.0 else 1000.0 * math.exp((mel - 15.0) * math.log(6.4) / 27.0)


def mel_filters(sample_rate: int, frame_length: int, num_mels: int) -> np.ndarray:
    """Compute triangular mel filters of height 1 on Slaney's mel scale.

    Slaney 1998, Auditory Toolbox, as in `librosa.filters.mel(norm=None)`. The result is
    `(frame_length // 2 + 1, num_mels)`, from 0 Hz to half the sample rate.
    """
    bins = np.arange(frame_length // 2 + 1) * sample_rate / frame_length
    edges = [_mel_to_hz(m) for m in np.linspace(0.0, _hz_to_mel(sample_rate / 2), num_mels + 2)]
    low, center, high = (np.array(edges[i : num_mels + i]) for i in range(3))
    rising = (bins[:, None] - low) / (center - low)
    falling = (high - bins[:, None]) / (high - center)
    return np.maximum(0.0, np.minimum(rising, falling))


def hann(frame_length: int) -> np.ndarray:
    """Compute the periodic Hann window `(frame_length,)`, in [0, 1]."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(frame_length) / frame_length)


def half_dft(frame_length: int, parity: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the half-length DFT matrix for bins of one parity.

    One step of the FFT by decimation in frequency (Cooley and Tukey 1965), orthonormal, over `n = frame_length` points.
    The even bins of a DFT depend only on the sum of the two halves of a frame (`parity=0`). The other bins depend only
    on their difference (`parity=1`). Each parity takes a matrix `(n / 2, columns)`: the cosines of its bins, then their
    sines. The sines of bins 0 and n/2 are zero and left out.

    Returns:
        The matrix, and the bin of each column.
    """
    half = frame_length // 2
    bins = np.arange(parity, half + 1, 2)
    inner = bins[(bins > 0) & (bins < half)]
    time = 2.0 * np.pi * np.arange(half)[:, None] / frame_length
    columns = np.concatenate([np.cos(time * bins), np.sin(time * inner)], axis=1)
    return columns / math.sqrt(frame_length), np.concatenate([bins, inner])


def num_frames(samples: int, frame_length: int, hop: int) -> int:
    """Count the frames, one every `hop` samples, inside `samples`."""
    return 1 + (samples - frame_length) // hop


class PowerSpectrum:
    """Power spectrum of a waveform as squares of cosine and sine terms.

    Waveform `(B, samples)` to `(B, frames, frame_length)`. Sums by bin give the power spectrum. `frames` is
    `1 + (samples - frame_length) // hop`, without padding at the ends. Column i is the square of the cosine or sine of
    bin `bins[i]`. The DFT is orthonormal, under a Hann window.

    Frames are slices of the waveform cut into hops. The DFT is two matrix products, of the sum and of the difference of
    a frame's halves: half the work of one product with the whole DFT matrix. There is no gather, FFT or complex number:
    GPU delegates refuse all three.
    """

    def __init__(self, frame_length: int, hop: int) -> None:
        self.frame_length = frame_length
        self.hop = hop
        even, even_bins = half_dft(frame_length, 0)
        odd, odd_bins = half_dft(frame_length, 1)
        self.window = hann(frame_length).astype("float32")
        self.even, self.odd = even.astype("float32"), odd.astype("float32")
        self.bins = np.concatenate([even_bins, odd_bins])

    def __call__(self, waveform: KerasTensor) -> KerasTensor:
        """Compute the squares `(B, frames, frame_length)` of a waveform `(B, samples)`."""
        frames = num_frames(waveform.shape[1], self.frame_length, self.hop)
        shifts = math.ceil(self.frame_length / self.hop)
        whole = (frames + shifts - 1) * self.hop
        missing = whole - waveform.shape[1]
        if missing > 0:
            waveform = ops.pad(waveform, [[0, 0], [0, missing]])
        hops = ops.reshape(waveform[:, :whole], (-1, frames + shifts - 1, self.hop))
        last = self.frame_length - (shifts - 1) * self.hop
        widths = [self.hop] * (shifts - 1) + [last]
        framed = ops.concatenate([hops[:, i : i + frames, :w] for i, w in enumerate(widths)], axis=-1) * self.window
        left, right = framed[..., : self.frame_length // 2], framed[..., self.frame_length // 2 :]
        spectrum = ops.concatenate([ops.matmul(left + right, self.even), ops.matmul(left - right, self.odd)], axis=-1)
        return ops.square(spectrum)


class LogMel(layers.Layer):
    """Compute log-mel energies of a waveform.

    Waveform `(B, samples)` in [-1, 1] to energies `(B, frames, num_mels)`, at least -13.8. `frames` is
    `1 + (samples - frame_length) // hop`, without padding at the ends. An energy is
    `log(max(|DFT(window * frame)|^2 / frame_length @ mel_filters, 1e-6))`. With the orthonormal DFT the floor lies
    under noise of 1/600 of full scale, so that soft consonants stay above it. The loudest sine stays under
    `frame_length / 16` in a bin, within float16.

    Real and imaginary parts are squared in one step (`PowerSpectrum`). Each row of the mel matrix is at the column of
    its bin. A class because its constants belong to no weight: as plain arrays they would be written into the `.keras`
    file as text. They are recomputed from four integers.

    Raises:
        ValueError: `frame_length` is not even or shorter than `hop`, or the waveform is shorter than a frame.
    """

    def __init__(
        self, sample_rate: int = 8000, frame_length: int = 200, hop: int = 80, num_mels: int = 40, **kwargs: Any
    ) -> None:
        # 16 bits represent neither the constants nor the range of powers: float32 under mixed precision, too
        super().__init__(**({"dtype": "float32"} | kwargs))
        if frame_length % 2 or not 0 < hop <= frame_length:
            raise ValueError(
                f"LogMel expects an even frame_length of at least hop > 0. Received: {frame_length=}, {hop=}"
            )
        self.sample_rate = sample_rate
        self.frame_length = frame_length
        self.hop = hop
        self.num_mels = num_mels

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if len(input_shape) != 2 or input_shape[1] is None or input_shape[1] < self.frame_length:
            raise ValueError(
                f"LogMel expects a waveform (B, samples) of at least {self.frame_length} samples. "
                f"Received: {input_shape=}"
            )
        self.spectrum = PowerSpectrum(self.frame_length, self.hop)
        mel = mel_filters(self.sample_rate, self.frame_length, self.num_mels)
        self.mel = mel[self.spectrum.bins].astype("float32")

    def num_frames(self, samples: int) -> int:
        """Count the frames of `samples`."""
        return num_frames(samples, self.frame_length, self.hop)

    def call(self, waveform: KerasTensor) -> KerasTensor:
        energy = ops.matmul(self.spectrum(waveform), self.mel)
        return ops.log(ops.maximum(energy, FLOOR))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], self.num_frames(input_shape[1]), self.num_mels)

    def settings(self) -> dict[str, int]:
        """Return the four constructor integers by argument name."""
        return {name: getattr(self, name) for name in ("sample_rate", "frame_length", "hop", "num_mels")}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.settings()}
