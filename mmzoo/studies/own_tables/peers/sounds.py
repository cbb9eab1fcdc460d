"""Features of sounds: statistics of mel-frequency cepstral coefficients."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

FRAME, HOP = 0.025, 0.010  # seconds
MELS, COEFFICIENTS = 40, 20
PARTS = 5  # of a sound, whose means follow one another
FLOOR = 1e-6


def cepstrum(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Compute 20 mel-frequency cepstral coefficients `(frames, 20)` of a waveform `(T,)` in [-1, 1]."""
    from scipy.fft import dct, rfft

    from mmzoo.blocks.log_mel import hann, mel_filters

    length, hop = 2 * round(FRAME * rate / 2), round(HOP * rate)
    waveform = np.pad(waveform, (0, max(0, length - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(waveform, length)[::hop]
    power = np.square(np.abs(rfft(frames * hann(length)))) / length
    return dct(np.log(np.maximum(power @ mel_filters(rate, length, MELS), FLOOR)), norm="ortho")[:, :COEFFICIENTS]


def statistics(coefficients: np.ndarray) -> np.ndarray:
    """Summarize coefficients `(frames, K)`: `(9 * K,)`.

    Mean and deviation of the whole and of its first differences, and the means of five parts of equal length.
    """
    steps = np.diff(coefficients, axis=0) if len(coefficients) > 1 else np.zeros_like(coefficients)
    bounds = np.linspace(0, len(coefficients), PARTS + 1).astype(int)
    parts = [coefficients[a : max(b, a + 1)].mean(axis=0) for a, b in itertools.pairwise(bounds)]
    whole = [f(x, axis=0) for x in (coefficients, steps) for f in (np.mean, np.std)]
    return np.concatenate([*whole, *parts]).astype(np.float32)


def sound_features(paths: Sequence[Path | None]) -> np.ndarray:
    """Return statistics, `(N, 180)` float32, of the sounds in files, at their own rate; None gives zeros."""
    import soundfile

    found = np.zeros((len(paths), (4 + PARTS) * COEFFICIENTS), np.float32)
    for row, path in enumerate(paths):
        if path is not None:
            waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
            found[row] = statistics(cepstrum(waveform.mean(axis=1), rate))
    return found
