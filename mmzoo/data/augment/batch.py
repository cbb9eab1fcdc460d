"""Stateless batch augmentation: the same `seed` `(2,)` int32 gives the same batch."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

CHUNK = 8  # samples: clips move in steps of a millisecond at 8 kHz, so that moving is copying


def draw(
    seed: tf.Tensor,
    salt: int,
    shape: Sequence[int | tf.Tensor] | tf.Tensor,
    low: float | tf.Tensor = 0.0,
    high: float | tf.Tensor = 1.0,
) -> tf.Tensor:
    """Draw uniformly from [`low`, `high`), of `shape`.

    Each `salt` is an independent draw of the same `seed`.
    """
    return tf.random.stateless_uniform(shape, seed + tf.constant([0, salt]) * 100_003, low, high)


def jitter_images(
    images: tf.Tensor, seed: tf.Tensor, shift: float = 2.0, degrees: float = 10.0, scale: float = 0.1
) -> tf.Tensor:
    """Rotate, zoom and shift images `(B, H, W, C)` uint8 about their center.

    Each is drawn uniformly from ± `degrees`, `1 ± scale` and ± `shift` pixels. Interpolation is bilinear; outside is 0.
    """
    size, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    angle = draw(seed, 1, [size], -1.0, 1.0) * (degrees * math.pi / 180)
    zoom = 1 + draw(seed, 2, [size], -scale, scale)
    dx, dy = draw(seed, 3, [size], -shift, shift), draw(seed, 4, [size], -shift, shift)
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    cx, cy = (width - 1) / 2, (height - 1) / 2
    x0 = cx - cos * (cx + dx) + sin * (cy + dy)
    y0 = cy - sin * (cx + dx) - cos * (cy + dy)
    zero = tf.zeros_like(cos)
    transforms = tf.stack([cos, -sin, x0, sin, cos, y0, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )


def place_clips(clips: tf.Tensor, lengths: tf.Tensor, samples: int, seed: tf.Tensor | None = None) -> tf.Tensor:
    """Place clips `(B, T)` int16 in waveforms `(B, samples)` in [-1, 1].

    Clips are right-padded and `lengths` `(B,)` long. With a `seed` each begins at a random position inside the
    waveform, in steps of 8 samples; without, it is centered. Clips longer than `samples` are cut at their end.
    """
    chunks = samples // CHUNK
    clips = tf.reshape(clips[:, : chunks * CHUNK], (-1, chunks, CHUNK))
    free = tf.maximum(0, chunks - (lengths + CHUNK - 1) // CHUNK)
    if seed is None:
        start = free // 2
    else:
        part = draw(seed, 5, tf.shape(free))
        start = tf.cast(part * tf.cast(free + 1, tf.float32), tf.int32)
    index = tf.math.floormod(tf.range(chunks)[None] - start[:, None], chunks)
    placed = tf.gather(clips, index, batch_dims=1)
    return tf.reshape(tf.cast(placed, tf.float32) / 32768.0, (-1, chunks * CHUNK))


def change_speed(clips: np.ndarray, lengths: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Change the speed of clips, with pitch and formants, by `factor`.

    Ko et al. 2015, Audio augmentation for speech recognition, section 2, also with three fixed speeds. Clips are
    `(K, T)` int16 with `lengths` `(K,)`. Returns clips of the same shape, cut at their end if too long, and their
    lengths. It runs once for a bank of clips, not per batch.
    """
    from scipy.signal import resample_poly

    changed, new_lengths = np.zeros_like(clips), np.zeros_like(lengths)
    for i, (clip, length) in enumerate(zip(clips, lengths, strict=True)):
        played = resample_poly(clip[:length].astype(np.float32), 100, round(100 * factor))[: clips.shape[1]]
        changed[i, : len(played)] = np.clip(np.rint(played), -32768, 32767)
        new_lengths[i] = len(played)
    return changed, new_lengths


def draw_gain(waveforms: tf.Tensor, seed: tf.Tensor, decibels: float = 6.0) -> tf.Tensor:
    """Change the gain of waveforms `(B, T)` by up to ± `decibels`, drawn uniformly.

    Waveforms are in [-1, 1]. A waveform outside the range is scaled to fit.
    """
    gain = draw(seed, 6, [tf.shape(waveforms)[0], 1], -decibels, decibels)
    return in_range(waveforms * 10.0 ** (gain / 20))


def in_range(waveforms: tf.Tensor) -> tf.Tensor:
    """Scale waveforms `(B, T)` outside [-1, 1] back into the range.

    Each is scaled as a whole.
    """
    return waveforms / tf.maximum(1.0, tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True))


def mix_noise(
    waveforms: tf.Tensor, lengths: tf.Tensor, noise: tf.Tensor, snr_db: float | tuple[float, float], seed: tf.Tensor
) -> tf.Tensor:
    """Add noise to waveforms `(B, T)` at a signal-to-noise ratio.

    Args:
        waveforms: `(B, T)`; a sum outside [-1, 1] is scaled back as a whole, at the same ratio.
        lengths: `(B,)`, samples of speech in each; the signal's power is the mean over them.
        noise: `(R, T)` of unit RMS; a row is drawn and begins at a random position, wrapped around.
        snr_db: decibels, one number, or the two ends of a range for a draw per example.
        seed: `(2,)` int32.
    """
    size, samples = tf.shape(waveforms)[0], waveforms.shape[1]
    rows, chunks = noise.shape[0], samples // CHUNK
    low, high = snr_db if isinstance(snr_db, tuple) else (snr_db, snr_db)
    snr = draw(seed, 7, [size, 1], low, high) if low < high else tf.fill([size, 1], float(low))
    row = tf.cast(draw(seed, 8, [size], 0, rows), tf.int32)
    start = tf.cast(draw(seed, 9, [size], 0, chunks), tf.int32)
    index = tf.math.floormod(tf.range(chunks)[None] + start[:, None], chunks) + row[:, None] * chunks
    stretch = tf.gather(tf.reshape(noise, (rows * chunks, CHUNK)), index)
    stretch = tf.reshape(stretch, (-1, samples))
    spoken = tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]
    power = tf.reduce_sum(tf.square(waveforms), axis=1, keepdims=True) / spoken
    return in_range(waveforms + stretch * tf.sqrt(power) * 10.0 ** (-snr / 20))


def drop_modalities(size: tf.Tensor, count: int, seed: tf.Tensor, probability: float = 0.2) -> tf.Tensor:
    """Draw `present` `(size, count)` with modality dropout.

    Modality dropout, Neverova et al. 2016 (ModDrop), section 3.3, with one modality at a time. With `probability`, one
    modality of an example is missing, never all.
    """
    dropped = tf.cast(draw(seed, 10, [size], 0, count), tf.int32)
    happens = draw(seed, 11, [size]) < probability
    missing = tf.one_hot(dropped, count) * tf.cast(happens, tf.float32)[:, None]
    return 1.0 - missing
