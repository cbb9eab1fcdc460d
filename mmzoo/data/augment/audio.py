"""Audio augmentation: time shift, time stretch, and SpecAugment masking of log-mel energies.

Noise, gain and speed are in `mmzoo.data.augment.batch`. Functions with a `seed` `(2,)` int32 are stateless and change
each example independently.
"""

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import draw

# Samples, 32 ms at 8 kHz: of 128 to 1024, the one at which log-mel energies of the embedded speech, stretched by 0.8
# and 1.25, came closest to those of the clip read at the stretched times.
FRAME = 256


def shift_waveforms(waveforms: tf.Tensor, seed: tf.Tensor, samples: int) -> tf.Tensor:
    """Shift each of `waveforms` `(B, T)` in time by up to ± `samples`.

    Shifted-in samples are 0; shifted-out samples are lost.
    """
    size, length = tf.shape(waveforms)[0], waveforms.shape[1]
    shift = tf.cast(tf.floor(draw(seed, 70, [size, 1], -samples, samples + 1)), tf.int32)
    index = tf.range(length)[None] - shift
    moved = tf.gather(waveforms, tf.clip_by_value(index, 0, length - 1), batch_dims=1)
    return tf.where((index >= 0) & (index < length), moved, tf.zeros_like(moved))


def mask_log_mel(
    log_mel: tf.Tensor, seed: tf.Tensor, times: int = 2, time_width: int = 20, bands: int = 2, band_width: int = 8
) -> tf.Tensor:
    """Mask time spans and frequency bands of log-mel energies `(B, T, M)`.

    Park et al. 2019 (SpecAugment), section 2, without the warp. There are `times` time masks of 0 to `time_width`
    frames and `bands` frequency masks of 0 to `band_width` mels. Masks may overlap; masked values become the mean of
    the example.
    """
    size, frames, mels = tf.shape(log_mel)[0], log_mel.shape[1], log_mel.shape[2]
    hidden = _stretches(size, frames, times, time_width, seed, 71)[:, :, None]
    hidden |= _stretches(size, mels, bands, band_width, seed, 73)[:, None]
    return tf.where(hidden, tf.reduce_mean(log_mel, axis=(1, 2), keepdims=True), log_mel)


def _stretches(size: tf.Tensor, length: int, count: int, width: int, seed: tf.Tensor, salt: int) -> tf.Tensor:
    """Draw `count` spans of up to `width`; return their union, bool `(size, length)`."""
    wide = tf.floor(draw(seed, salt, [size, count, 1], 0, min(width, length) + 1))
    start = tf.floor(draw(seed, salt + 1, [size, count, 1]) * (length - wide + 1))
    place = tf.range(length, dtype=tf.float32)
    return tf.reduce_any((place >= start) & (place < start + wide), axis=1)


def stretch_time(
    clips: np.ndarray, lengths: np.ndarray, factor: float, frame_length: int = FRAME
) -> tuple[np.ndarray, np.ndarray]:
    """Change the tempo of clips at constant pitch, `factor` times as fast.

    A phase vocoder (Flanagan and Golden 1966) with Hann frames of `frame_length` samples and a hop of a quarter. It
    matches `librosa.effects.time_stretch`, which is no dependency. Clips are `(K, T)` int16 with `lengths` `(K,)`.
    Returns clips of the same shape, cut at their end if too long, and their lengths. It runs once for a bank of clips,
    not per batch.
    """
    changed, new_lengths = np.zeros_like(clips), np.zeros_like(lengths)
    for i, (clip, length) in enumerate(zip(clips, lengths, strict=True)):
        played = _vocoder(clip[:length].astype(np.float64), factor, frame_length)[: clips.shape[1]]
        changed[i, : len(played)] = np.clip(np.rint(played), -32768, 32767)
        new_lengths[i] = len(played)
    return changed, new_lengths


def _vocoder(clip: np.ndarray, factor: float, frame_length: int) -> np.ndarray:
    from scipy.signal import istft, stft

    length, hop = round(len(clip) / factor), frame_length // 4
    # silence after the end, read by the last frames of a slower clip
    padded = np.pad(clip, (0, 2 * frame_length))
    options = {"window": "hann", "nperseg": frame_length, "noverlap": frame_length - hop}
    *_, spectrum = stft(padded, **options)
    at = np.arange(0, spectrum.shape[1] - 1, factor)
    frame = at.astype(int)
    share = at - frame
    magnitude, phase = np.abs(spectrum), np.angle(spectrum)
    magnitude = (1 - share) * magnitude[:, frame] + share * magnitude[:, frame + 1]
    # phase advance of each bin in a hop: its center frequency plus the measured deviation, within half a turn
    expected = 2 * np.pi * hop * np.arange(len(spectrum))[:, None] / frame_length
    turned = phase[:, frame + 1] - phase[:, frame] - expected
    turned += expected - 2 * np.pi * np.round(turned / (2 * np.pi))
    turned = np.concatenate([phase[:, :1], turned[:, :-1]], axis=1)
    _, played = istft(magnitude * np.exp(1j * np.cumsum(turned, axis=1)), **options)
    return np.pad(played, (0, max(0, length - len(played))))[:length]
