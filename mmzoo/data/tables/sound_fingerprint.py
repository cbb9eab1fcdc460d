"""Small spectrogram images of waveforms, for duplicate detection as with images."""

import numpy as np
from numpy.typing import ArrayLike

from mmzoo.errors import BadInputError

SIDE = 64  # frames, for any length of the waveform
BANDS = 32  # maximum number of frequency bands, geometrically spaced
FLOOR = 60.0  # dynamic range in dB; lower levels are black
QUIET = 1e-9  # added to the power, so that silence has a finite level


def spectrogram_image(waveform: ArrayLike) -> np.ndarray:
    """Compute a spectrogram image `(64, bands, 1)` of a waveform `(T,)`.

    The image is uint8, the waveform holds integers.
    Values are levels by time and frequency, 0 to 255, relative to the maximum: the image does not depend on loudness.
    A silent waveform gives a constant image. Waveforms below some thousand samples give fewer than 32 bands.

    Raises:
        BadInputError: `waveform` is not `(T,)` of integers with T above 0.
    """
    waveform = np.asarray(waveform)
    if waveform.ndim != 1 or not waveform.size or waveform.dtype.kind != "i":
        raise BadInputError(f"waveform: expected integers (T,). Received: {waveform.dtype} {waveform.shape}")
    x = waveform.astype(np.float32)
    x -= x.mean()
    hop = max(1, len(x) // SIDE)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, (0, 2 * hop)), 2 * hop)[::hop][:SIDE]
    power = np.abs(np.fft.rfft(frames * np.hanning(2 * hop).astype(np.float32), axis=1)) ** 2
    edges = np.unique(np.round(np.geomspace(1, power.shape[1], BANDS + 1)).astype(int))
    if len(edges) < 2:
        return np.zeros((SIDE, 1, 1), np.uint8)
    bands = np.add.reduceat(power, edges[:-1], axis=1) / np.diff(edges)
    level = 10 * np.log10(bands + QUIET)
    return np.clip((level - level.max() + FLOOR) / FLOOR * 255, 0, 255).astype(np.uint8)[..., None]
