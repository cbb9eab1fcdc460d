"""Sounds of a set length and their classes: checked, and made into batches that training changes and mixes."""

import functools
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import CHUNK, change_speed, draw, draw_gain, in_range
from mmzoo.data.decode.audio import fit_length, to_int16
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

EVALUATION_BATCH = 400
SPEEDS = (0.8, 0.9, 1.0, 1.12, 1.25)  # at which training plays a clip
GAIN = 6.0  # decibels by which training changes the loudness
SMALLEST_SHARE = 1e-3  # of a clip in a mixture
SECOND = 7_919  # what is added to the seed of the second view
SILENCE = 1e-5  # RMS that is added where loudness is compared


@dataclass(frozen=True, eq=False)
class Sounds:
    """One split: `clips` `(K, T)` int16, and `labels` `(K,)` int32 in 0 to `num_classes - 1`."""

    clips: np.ndarray
    labels: np.ndarray
    num_classes: int


def lay_out(waveform: np.ndarray, samples: int, name: str) -> np.ndarray:
    """Return a waveform `(T,)` in [-1, 1] as int16 `(samples,)`: cut at its end, or zeros behind it.

    Raises:
        BadInputError: `waveform` has no samples; the message names the file `name`.
    """
    if not len(waveform):
        raise BadInputError(f"{name}: expected a sound. Received: 0 seconds of it")
    return fit_length(to_int16(waveform[:samples]), samples)


def training_sounds(
    data: Sounds, batch_size: int, seed: int, epoch: int, passes: int, mixing: float
) -> tf.data.Dataset:
    """Return batches `({"audio": (B, T)}, (B, num_classes))` of one epoch; a label is a distribution.

    A clip is played at one of `SPEEDS`, repeated where it ends early, from anywhere in it and around its end, up to
    ± `GAIN` louder. With probability `mixing` another clip of the batch is mixed into it, see `mix_classes`.
    """
    return training_batches(_training(data, mixing), len(data.clips), batch_size, seed, epoch, passes)


@functools.lru_cache(maxsize=2)
def _training(data: Sounds, mixing: float) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    view, labels = _views(data), tf.constant(data.labels)

    @tf.function
    def make(index, seed):
        label = tf.one_hot(tf.gather(labels, index), data.num_classes)
        audio, label = mix_classes(view(index, seed), label, seed, mixing)
        return {"audio": audio}, label

    return make


def paired_sounds(data: Sounds, batch_size: int, seed: int, epoch: int, passes: int) -> tf.data.Dataset:
    """Return batches `({"first": (B, T), "second": (B, T)}, (B,))` of one epoch: two views of a clip, its number.

    Each is played as `training_sounds` plays it, unmixed. Labels are not used.
    """
    view = _views(data)

    def make(index, seed):
        return {"first": view(index, seed), "second": view(index, seed + tf.constant([SECOND, 0]))}, index

    return training_batches(make, len(data.clips), batch_size, seed, epoch, passes)


@functools.lru_cache(maxsize=2)
def _views(data):
    """Return a function of `index` `(B,)` and `seed` to augmented waveforms `(B, T)` of the clips of `data`."""
    clips = data.clips
    size, chunks = len(clips), clips.shape[1] // CHUNK
    bank = tf.constant(_played(clips).reshape(-1, chunks, CHUNK))

    def view(index, seed):
        count = tf.shape(index)[0]
        speed = tf.cast(draw(seed, 80, [count], 0, len(SPEEDS)), tf.int64)
        start = tf.cast(draw(seed, 81, [count], 0, chunks), tf.int32)
        played = tf.gather(bank, speed * size + index)
        place = tf.math.floormod(tf.range(chunks)[None] + start[:, None], chunks)
        played = tf.reshape(tf.gather(played, place, batch_dims=1), (-1, chunks * CHUNK))
        return draw_gain(tf.cast(played, tf.float32) / 32768.0, seed, GAIN)

    return view


def _played(clips):
    """Return `clips` `(K, T)` at all `SPEEDS`, one after another, `(len(SPEEDS) * K, T)`: each repeated to T."""
    rows = []
    for speed in SPEEDS:
        lengths = np.full(len(clips), clips.shape[1])
        played, lengths = (clips, lengths) if speed == 1.0 else change_speed(clips, lengths, speed)
        rows += [np.resize(clip[:length], clips.shape[1]) for clip, length in zip(played, lengths, strict=True)]
    return np.stack(rows)


def mix_classes(waveforms, label, seed, probability):
    """Mix waveforms `(B, T)` each with the one before it in the batch, and labels `(B, N)` by the same shares.

    A share is drawn uniformly from 0 to 1 and says how loud the two are heard, whatever their own loudness:
    between-class learning, Tokozume et al. 2018, section 3.1.3, with RMS as loudness. With `1 - probability` an
    example stays as it is. What would leave [-1, 1] is scaled back as a whole.
    """
    count = tf.shape(waveforms)[0]
    share = draw(seed, 82, [count, 1], SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    mixed = draw(seed, 83, [count, 1]) < probability
    loud = tf.sqrt(tf.reduce_mean(tf.square(waveforms), axis=1, keepdims=True)) + SILENCE
    weight = 1 / (1 + loud / tf.roll(loud, 1, axis=0) * (1 - share) / share)
    sounds = weight * waveforms + (1 - weight) * tf.roll(waveforms, 1, axis=0)
    sounds /= tf.sqrt(tf.square(weight) + tf.square(1 - weight))
    labels = share * label + (1 - share) * tf.roll(label, 1, axis=0)
    return tf.where(mixed, in_range(sounds), waveforms), tf.where(mixed, labels, label)


def evaluation_sounds(data: Sounds, seed: int) -> tf.data.Dataset:
    """Return every clip once, in its order, as it is: `({"audio": (B, T)}, (B,))` with the number of its class."""
    clips, labels = tf.constant(data.clips), tf.constant(data.labels)

    def make(index, seed):
        return {"audio": tf.cast(tf.gather(clips, index), tf.float32) / 32768.0}, tf.gather(labels, index)

    return evaluation_batches(make, len(data.clips), EVALUATION_BATCH, seed)
