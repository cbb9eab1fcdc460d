"""Utterances of videos in their order, and each with its neighbors: rows of features to batches of windows."""

import functools
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import drop_modalities
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches

EVALUATION_BATCH = 500
SMALLEST_EPOCH = 4096  # examples: a small split is passed several times, each time blended and dropped otherwise


@dataclass(frozen=True, eq=False)
class Utterances:
    """One split: `features` `{modality: (N, C)}` float32 and `labels` `(N,)` int32, video after video, in their order.

    `videos` `(N,)` numbers the video of each utterance. `blends` `{modality: (low, high)}` is for features that leak
    labels: a fraction between `low` and `high` of each is replaced by the feature of another utterance.
    """

    features: dict[str, np.ndarray]
    labels: np.ndarray
    videos: np.ndarray
    blends: dict[str, tuple[float, float]] = field(default_factory=dict)


@functools.lru_cache(maxsize=1)
def join(first: Utterances, second: Utterances) -> Utterances:
    """Return the videos of two splits of one source as one."""
    features = {name: np.concatenate([x, second.features[name]]) for name, x in first.features.items()}
    videos = np.concatenate([first.videos, second.videos + first.videos.max() + np.int32(1)])
    return Utterances(features, np.concatenate([first.labels, second.labels]), videos, first.blends)


def windows(videos, context):
    """Return `(N, context)` int32: which utterances stand around each, itself in the middle.

    Before the first utterance of a video and behind its last the others follow in reverse, as in a mirror.
    """
    half, result = context // 2, []
    for video in dict.fromkeys(videos.tolist()):
        (index,) = np.nonzero(videos == video)
        padded = np.pad(index, half, mode="reflect" if len(index) > 1 else "edge")
        result.append(np.lib.stride_tricks.sliding_window_view(padded, context))
    return np.concatenate(result).astype(np.int32)


def training_windows(
    data: Utterances,
    modalities: tuple[str, ...],
    context: int,
    batch_size: int,
    seed: int,
    epoch: int,
    dropout: float,
) -> tf.data.Dataset:
    """Return batches `({modality: (B, context, C), ..., "present": (B, M)}, label)` of one epoch.

    `data.blends` is drawn for each utterance of each window; with probability `dropout` one modality is missing.
    """
    make, size = _training(data, tuple(modalities), context, dropout), len(data.labels)
    return training_batches(make, size, batch_size, seed, epoch, passes=-(-SMALLEST_EPOCH // size))


@functools.lru_cache(maxsize=2)
def _training(data: Utterances, modalities: tuple[str, ...], context: int, dropout: float) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    around, labels = tf.constant(windows(data.videos, context)), tf.constant(data.labels)
    features = {name: tf.constant(data.features[name]) for name in modalities}

    @tf.function
    def make(index, seed):
        rows = tf.gather(around, index)
        inputs = {}
        for i, name in enumerate(modalities):
            inputs[name] = tf.gather(features[name], rows)
            if name in data.blends:
                inputs[name] = _blend(inputs[name], features[name], data.blends[name], seed, i)
        if len(modalities) > 1:
            inputs["present"] = drop_modalities(tf.shape(index)[0], len(modalities), seed, dropout)
        return inputs, tf.gather(labels, index)

    return make


def evaluation_windows(data: Utterances, modalities: tuple[str, ...], context: int, seed: int) -> tf.data.Dataset:
    """Return every utterance once with its neighbors; all modalities are present.

    Features are blended by `data.blends`, equally in all windows of an utterance: `seed` decides.
    """
    around, labels = tf.constant(windows(data.videos, context)), tf.constant(data.labels)
    features = {name: tf.constant(data.features[name]) for name in modalities}
    for i, (name, x) in enumerate(features.items()):
        if name in data.blends:
            features[name] = _blend(x, x, data.blends[name], tf.constant([seed, 0]), i)

    def make(index, seed):
        rows = tf.gather(around, index)
        inputs = {name: tf.gather(x, rows) for name, x in features.items()}
        if len(modalities) > 1:
            inputs["present"] = tf.ones([tf.shape(index)[0], len(modalities)])
        return inputs, tf.gather(labels, index)

    return evaluation_batches(make, len(data.labels), EVALUATION_BATCH, seed)


def _blend(rows, bank, shares, seed, salt):
    """Replace of each row of `rows` `(..., C)` a share within `shares` by a row of `bank` `(N, C)` drawn at random."""
    shape, (low, high) = tf.shape(rows)[:-1], shares
    seeds = [seed + tf.constant([0, 20 + 2 * salt + i]) * 100_003 for i in range(2)]  # others than augment's
    other = tf.random.stateless_uniform(shape, seeds[0], 0, bank.shape[0], tf.int32)
    share = tf.random.stateless_uniform(shape, seeds[1], low, high)[..., None]
    return rows + share * (tf.gather(bank, other) - rows)
