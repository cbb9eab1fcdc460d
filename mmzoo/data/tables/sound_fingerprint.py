"""A sound as a small picture of its spectrum, so that sounds are compared as pictures are."""

import numpy as np

from mmzoo.errors import BadInputError

SIDE = 64  # frames, however long the sound is
BANDS = 32  # of frequency, each wider than the one below
FLOOR = 60.0  # decibels under the loudest place, which are black
QUIET = 1e-9  # of the power of a sample, so that silence has a logarithm


def sound_picture(waveform):
    """Return uint8 `(64, bands, 1)` of a waveform `(T,)` of integers: level by time and frequency, 0 to 255.

    Levels are relative to the loudest place, so that the same sound at another loudness is the same picture. A silent
    sound is a flat one. There are fewer than 32 bands where the sound is shorter than some thousand samples.

    Raises:
        BadInputError: `waveform` is not `(T,)` of integers, T above 0.
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
