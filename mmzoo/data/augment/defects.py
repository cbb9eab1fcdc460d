"""Scenes that something was done to, from normal ones alone: what a model that has seen nothing odd learns to find.

A piece of another place or picture is pasted into a picture, a stretch of another sound into a sound (CutPaste, Li et
al. 2021, section 2.2), or a picture meets the sound of another scene. Every function is stateless: the same `seed`
`(2,)` int32 gives the same batch.
"""

import math

import tensorflow as tf

from mmzoo.data.augment.batch import draw, in_range

PIECE = (0.1, 0.35)  # sides of a piece, as a share of those of the picture
SCAR = (0.03, 0.06)  # width of one that is long and thin
LENGTH = (0.25, 0.8)  # and its length
TINT = (0.4, 1.3)  # by which the brightness of a piece is multiplied
STRETCH = (0.03, 1.0)  # length of a stretch of sound, as a share of the whole
LEVEL = (-12.0, 3.0)  # decibels of what is pasted, to the RMS of the sound that it comes into
SILENCE = 1e-5  # RMS that is added where loudness is compared


def paste_pieces(images, seed):
    """Paste a piece into each of `images` `(B, H, W, C)` uint8, at any place and turned: a rectangle or a thin line.

    It comes from elsewhere in the same picture or from the one before it in the batch, and is brighter or darker.
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


def paste_stretches(waveforms, seed):
    """Paste a stretch of the sound before it in the batch into each of `waveforms` `(B, T)` in [-1, 1].

    It takes the place of what was there or is added to it, softer or a little louder than the whole.
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


def swap_sounds(waveforms):
    """Return for each of `waveforms` `(B, T)` the one two before it in the batch."""
    return tf.roll(waveforms, 2, axis=0)
