"""Synthetic anomalies from normal examples, for training anomaly detectors.

CutPaste, Li et al. 2021, section 2.2. A piece of another place or image is pasted into an image, or a span of another
clip into a clip. Audio can also be swapped between scenes. Every function is stateless: the same `seed` `(2,)` int32
gives the same batch.
"""

import math

import tensorflow as tf

from mmzoo.data.augment.batch import draw, in_range

PIECE = (0.1, 0.35)  # sides of a piece, as a fraction of the image's sides
SCAR = (0.03, 0.06)  # width of a thin line, the same
LENGTH = (0.25, 0.8)  # length of a thin line, the same
TINT = (0.4, 1.3)  # factor of a piece's brightness
STRETCH = (0.03, 1.0)  # length of a span of audio, as a fraction of the whole
LEVEL = (-12.0, 3.0)  # decibels of the pasted span, relative to the RMS of the target clip
SILENCE = 1e-5  # added to each RMS, against division by 0


def paste_pieces(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Paste a rotated rectangle or thin line into each image.

    `images` are `(B, H, W, C)` uint8. The position is random. The piece comes from elsewhere in the same image or from
    the previous one in the batch. Its brightness is changed.
    """
    size, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    one = [size, 1, 1]
    turn = draw(seed, 90, one, 0, 2 * math.pi)
    x, y = (draw(seed, 91 + i, one, 0.15, 0.85) for i in range(2))
    across = tf.range(width, dtype=tf.float32)[None, None] / width - x
    down = tf.range(height, dtype=tf.float32)[None, :, None] / height - y
    along, aside = across * tf.cos(turn) + down * tf.sin(turn), down * tf.cos(turn) - across * tf.sin(turn)
    thin = draw(seed, 93, one) < 0.5
    length = tf.where(thin, draw(seed, 94, one, *LENGTH), draw(seed, 95, one, *PIECE))
    breadth = tf.where(thin, draw(seed, 96, one, *SCAR), draw(seed, 97, one, *PIECE))
    inside = (tf.abs(along) < length / 2) & (tf.abs(aside) < breadth / 2)
    shift = tf.cast(draw(seed, 98, [2], 0.2, 0.8) * tf.constant([height, width], tf.float32), tf.int32)
    moved = tf.roll(images, shift, axis=[1, 2])
    own = draw(seed, 99, [size, 1, 1, 1]) < 0.5
    piece = tf.cast(tf.where(own, moved, tf.roll(moved, 1, axis=0)), tf.float32)
    piece = tf.minimum(piece * draw(seed, 100, [size, 1, 1, 1], *TINT), 255.0)
    return tf.where(inside[..., None], tf.cast(tf.round(piece), images.dtype), images)


def paste_stretches(waveforms: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Paste a span of the previous clip into each waveform.

    Waveforms are `(B, T)`, in [-1, 1]. The span replaces the original or is added to it, at a level from `LEVEL`, in
    decibels to the RMS of the whole.
    """
    size, samples = tf.shape(waveforms)[0], waveforms.shape[1]
    one, time = [size, 1], tf.range(samples, dtype=tf.float32)[None] / samples
    length = tf.exp(draw(seed, 101, one, *(math.log(share) for share in STRETCH)))
    start = draw(seed, 102, one) * (1 - length)
    inside = tf.cast((time >= start) & (time < start + length), tf.float32)
    loud = tf.sqrt(tf.reduce_mean(tf.square(waveforms), axis=1, keepdims=True)) + SILENCE
    other = tf.roll(waveforms / loud, 1, axis=0) * loud * 10.0 ** (draw(seed, 103, one, *LEVEL) / 20)
    kept = tf.cast(draw(seed, 104, one) < 0.5, tf.float32)
    return in_range(waveforms * (1 - inside * (1 - kept)) + other * inside)


def swap_audio(waveforms: tf.Tensor) -> tf.Tensor:
    """Roll `waveforms` `(B, T)` by two along the batch."""
    return tf.roll(waveforms, 2, axis=0)
