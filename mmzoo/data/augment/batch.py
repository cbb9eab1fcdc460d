"""Augmentation of whole batches, each function stateless: the same `seed` `(2,)` int32 gives the same batch."""

import math

import numpy as np
import tensorflow as tf

CHUNK = 8  # samples: clips move in steps of a millisecond at 8 kHz, so that moving is copying


def draw(seed, salt, shape, low=0.0, high=1.0):
    """Draw uniformly from [`low`, `high`), of `shape`; each `salt` is another draw of the same `seed`."""
    return tf.random.stateless_uniform(shape, seed + tf.constant([0, salt]) * 100_003, low, high)


def jitter_images(images, seed, shift=2.0, degrees=10.0, scale=0.1):
    """Turn, zoom and shift pictures `(B, H, W, C)` uint8 about their center; what comes in is 0.

    Each is drawn uniformly from ± `degrees`, `1 ± scale` and ± `shift` pixels, bilinear.
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


def place_clips(clips, lengths, samples, seed=None):
    """Lay clips `(B, T)` int16, right-padded and `lengths` `(B,)` long, into waveforms `(B, samples)` in [-1, 1].

    With a `seed` each begins anywhere where it still fits, in steps of 8 samples; without, it is centered.
    Clips longer than `samples` are cut at their end.
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


def change_speed(clips, lengths, factor):
    """Play clips `(K, T)` int16, `lengths` `(K,)` long, `factor` times as fast: pitch and formants move along.

    Returns clips of the same shape, cut at their end where they grow too long, and their lengths. Done once for
    a bank, not for a batch: Ko et al. 2015, Audio augmentation for speech recognition, section 2, keep three
    speeds too.
    """
    from scipy.signal import resample_poly

    changed, new_lengths = np.zeros_like(clips), np.zeros_like(lengths)
    for i, (clip, length) in enumerate(zip(clips, lengths, strict=True)):
        played = resample_poly(clip[:length].astype(np.float32), 100, round(100 * factor))[: clips.shape[1]]
        changed[i, : len(played)] = np.clip(np.rint(played), -32768, 32767)
        new_lengths[i] = len(played)
    return changed, new_lengths


def draw_gain(waveforms, seed, decibels=6.0):
    """Make waveforms `(B, T)` in [-1, 1] louder or softer by up to ± `decibels`, drawn uniformly.

    One that would leave the range is as loud as fits.
    """
    gain = draw(seed, 6, [tf.shape(waveforms)[0], 1], -decibels, decibels)
    return in_range(waveforms * 10.0 ** (gain / 20))


def in_range(waveforms):
    """Scale those of waveforms `(B, T)` that leave [-1, 1] back into it, each as a whole."""
    return waveforms / tf.maximum(1.0, tf.reduce_max(tf.abs(waveforms), axis=1, keepdims=True))


def mix_noise(waveforms, lengths, noise, snr_db, seed):
    """Add stretches of a bank of noise `(R, T)` of unit RMS to waveforms `(B, T)` at a signal-to-noise ratio.

    Args:
        waveforms: `(B, T)`; a sum that would leave [-1, 1] is scaled back as a whole, the ratio stays.
        lengths: `(B,)`, samples of speech in each: the signal's power is taken over these alone.
        noise: `(R, T)`; a row is drawn and begins anywhere, wrapped around.
        snr_db: decibels, one number, or the two ends of a range from which each example draws.
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


def drop_modalities(size, count, seed, probability=0.2):
    """Return `present` `(size, count)`: with `probability` one modality of an example is missing, never all.

    Modality dropout, Neverova et al. 2016 (ModDrop), section 3.3, with one modality at a time.
    """
    dropped = tf.cast(draw(seed, 10, [size], 0, count), tf.int32)
    happens = draw(seed, 11, [size]) < probability
    missing = tf.one_hot(dropped, count) * tf.cast(happens, tf.float32)[:, None]
    return 1.0 - missing
