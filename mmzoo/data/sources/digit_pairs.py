"""Pictures and clips of one class, paired: banks of both to batches."""

import functools
from dataclasses import replace

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import change_speed, draw_gain, drop_modalities, jitter_images, mix_noise, place_clips
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.data.sources.digits import CLIP, Digits

EVALUATION_BATCH = 500
SPEEDS = (0.88, 1.0, 1.12)  # at which training hears each clip
SMALLEST_EPOCH = 4096  # examples: a small bank of pictures is passed several times, each with other clips


def training_pairs(
    digits: Digits, modalities: tuple[str, ...], batch_size: int, seed: int, epoch: int, dropout: float
) -> tf.data.Dataset:
    """Return batches `({modality: ..., "present": (B, M)}, label)` of one epoch, with its own pairs and augmentation.

    Each picture meets a clip of its class drawn at random, at one of three speeds, laid anywhere into a second,
    up to 6 dB louder or softer, with the noise of the source; with probability `dropout` one modality is missing.
    """
    make, size = _training(digits, tuple(modalities), dropout), len(digits.images)
    return training_batches(make, size, batch_size, seed, epoch, passes=-(-SMALLEST_EPOCH // size))


@functools.lru_cache(maxsize=1)
def _training_bank(digits: Digits) -> "_Bank":
    return _Bank(_at_speeds(digits))


@functools.lru_cache(maxsize=2)
def _training(digits: Digits, modalities: tuple[str, ...], dropout: float) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    bank = _training_bank(digits)

    @tf.function
    def make(index, seed):
        label = tf.gather(bank.image_labels, index)
        part = tf.random.stateless_uniform(tf.shape(label), seed)
        clip = tf.cast(part * tf.cast(tf.gather(bank.count, label), tf.float32), tf.int32)
        clip = tf.gather(bank.by_class, tf.gather(bank.first, label) + clip)
        inputs = {}
        if "image" in modalities:
            inputs["image"] = jitter_images(tf.gather(bank.images, index), seed)
        if "audio" in modalities:
            inputs["audio"] = draw_gain(bank.waveforms(clip, seed, place=True), seed)
        if len(modalities) > 1:
            inputs["present"] = drop_modalities(tf.shape(label)[0], len(modalities), seed, dropout)
        return inputs, label

    return make


def evaluation_pairs(digits: Digits, modalities: tuple[str, ...], seed: int, pairings: int = 1) -> tf.data.Dataset:
    """Return every picture once with a clip of its class, `pairings` times over with other clips; all are present.

    Clips are centered in their second. The clip of an image and the noise are functions of `seed`.
    """
    bank = _Bank(digits)
    size = len(digits.images)
    draws = np.concatenate([np.random.default_rng([seed, pairing]).random(size) for pairing in range(pairings)])
    labels = np.tile(digits.image_labels, pairings)
    chosen = bank.first.numpy()[labels] + (draws * bank.count.numpy()[labels]).astype(np.int32)
    clips = tf.constant(bank.by_class.numpy()[chosen])

    def make(index, seed):
        picture = index % size
        inputs = {}
        if "image" in modalities:
            inputs["image"] = tf.gather(bank.images, picture)
        if "audio" in modalities:
            inputs["audio"] = bank.waveforms(tf.gather(clips, index), seed, place=False)
        if len(modalities) > 1:
            inputs["present"] = tf.ones([tf.shape(index)[0], len(modalities)])
        return inputs, tf.gather(bank.image_labels, picture)

    return evaluation_batches(make, size * pairings, EVALUATION_BATCH, seed)


def _at_speeds(digits: Digits) -> Digits:
    played = [change_speed(digits.clips, digits.lengths, factor) for factor in SPEEDS]
    return replace(
        digits,
        clips=np.concatenate([clips for clips, _ in played]),
        lengths=np.concatenate([lengths for _, lengths in played]),
        clip_labels=np.tile(digits.clip_labels, len(SPEEDS)),
    )


class _Bank:
    """The arrays of a split as tensors, made once, and its clips in the order of their classes."""

    def __init__(self, digits: Digits):
        self.images = tf.constant(digits.images)
        self.image_labels = tf.constant(digits.image_labels)
        self.clips = tf.constant(digits.clips)
        self.lengths = tf.constant(digits.lengths)
        self.noise = None if digits.noise is None else tf.constant(digits.noise)
        self.snr_db = digits.snr_db
        count = np.bincount(digits.clip_labels, minlength=digits.image_labels.max() + 1)
        self.by_class = tf.constant(np.argsort(digits.clip_labels, kind="stable").astype(np.int32))
        self.count = tf.constant(count.astype(np.int32))
        self.first = tf.constant((np.cumsum(count) - count).astype(np.int32))

    def waveforms(self, clip, seed, place):
        """Return the waveforms `(B, 8000)` of clips `(B,)`, with the noise of the source."""
        lengths = tf.gather(self.lengths, clip)
        waveforms = place_clips(tf.gather(self.clips, clip), lengths, CLIP, seed if place else None)
        if self.noise is None:
            return waveforms
        return mix_noise(waveforms, lengths, self.noise, self.snr_db, seed)
