"""Images with matching audio for anomaly detection: arrays and batches.

Anomaly types are `KINDS`: a visual defect, an audible defect, or an image and audio that are normal but do not match.
Training uses only normal scenes, to which `mmzoo.data.augment.defects` adds synthetic anomalies.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import draw, draw_gain
from mmzoo.data.augment.defects import paste_pieces, paste_stretches, swap_audio
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

KINDS = ("normal", "seen", "heard", "mismatch")
NORMAL, SEEN, HEARD, MISMATCH = range(4)
EVALUATION_BATCH = 300
GAIN = 6.0  # decibels by which training changes the loudness
BRIGHTNESS = 0.15  # by how much of it training makes a picture brighter or darker


@dataclass(frozen=True, eq=False)
class AudioVisualScenes:
    """One split: `images` `(N, H, W, 3)` uint8, `clips` `(N, T)` int16, and `kinds` `(N,)` int32, indices of `KINDS`.

    Raises:
        BadInputError: there is no scene, a picture, a sound or a kind is missing, a sound is empty, or a kind unknown.
    """

    images: np.ndarray
    clips: np.ndarray
    kinds: np.ndarray

    def __post_init__(self):
        sizes = [len(array) for array in (self.images, self.clips, self.kinds)]
        if len(set(sizes)) != 1 or not sizes[0] or self.images.ndim != 4 or self.clips.ndim != 2:
            said = ", ".join(str(array.shape) for array in (self.images, self.clips, self.kinds))
            raise BadInputError(f"scenes: expected pictures (N, H, W, 3), sounds (N, T), kinds (N,). Received: {said}")
        if not self.clips.shape[1]:
            raise BadInputError("scenes: expected sounds. Received: 0 seconds of each")
        if not np.isin(self.kinds, range(len(KINDS))).all():
            said = np.setdiff1d(self.kinds, range(len(KINDS)))[:5].tolist()
            raise BadInputError(f"scenes: expected kinds 0 to {len(KINDS) - 1}. Received: {said}")


def training_scenes(
    data: AudioVisualScenes, modalities: Sequence[str], batch_size: int, seed: int, epoch: int, tampered: float
) -> tf.data.Dataset:
    """Return batches `({"image": (B, H, W, 3), "audio": (B, T), "present": (B, 2)}, kinds (B,))` of one epoch.

    Audio gain changes by up to `GAIN`, image brightness changes: neither is an anomaly. Then the fraction `tampered`
    of each batch, its first examples, become anomalies, in equal parts of each type that `modalities` can show. The
    batch has `present` with two `modalities`.

    Raises:
        BadInputError: a scene is not normal: anomalies must not be seen in training.
    """
    if odd := int(np.count_nonzero(data.kinds)):
        raise BadInputError(f"scenes: expected normal ones alone to train on. Received: {odd} of {len(data.kinds)} odd")
    make = _training(data, tuple(modalities), batch_size, tampered)
    return training_batches(make, len(data.kinds), batch_size, seed, epoch)


@functools.lru_cache(maxsize=2)
def _training(data: AudioVisualScenes, modalities: tuple[str, ...], batch_size: int, tampered: float) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    images, clips = tf.constant(data.images), tf.constant(data.clips)
    told = kinds_told(modalities)
    each = round(tampered * batch_size / len(told))
    counts = [*[each] * len(told), batch_size - each * len(told)]
    kinds = tf.constant(np.repeat([*told, NORMAL], counts).astype(np.int32))

    @tf.function
    def make(index, seed):
        image = _brighten(tf.gather(images, index), seed)
        audio = draw_gain(tf.cast(tf.gather(clips, index), tf.float32) / 32768.0, seed, GAIN)
        seen, heard, swapped = tf.split(image, counts), tf.split(audio, counts), tf.split(swap_audio(audio), counts)
        for i, kind in enumerate(told):
            if kind == SEEN:
                seen[i] = paste_pieces(seen[i], seed)
            else:
                heard[i] = paste_stretches(heard[i], seed) if kind == HEARD else swapped[i]
        return _inputs({"image": tf.concat(seen, 0), "audio": tf.concat(heard, 0)}, modalities), kinds

    return make


def kinds_told(modalities: Sequence[str]) -> list[int]:
    """Return the anomaly types that `modalities` can show: one for each, and one for both."""
    alone = [kind for name, kind in (("image", SEEN), ("audio", HEARD)) if name in modalities]
    return [*alone, MISMATCH] if len(alone) > 1 else alone


def _brighten(images, seed):
    bright = draw(seed, 70, [tf.shape(images)[0], 1, 1, 1], 1 - BRIGHTNESS, 1 + BRIGHTNESS)
    return tf.cast(tf.round(tf.minimum(tf.cast(images, tf.float32) * bright, 255.0)), tf.uint8)


def evaluation_scenes(data: AudioVisualScenes, modalities: Sequence[str], seed: int) -> tf.data.Dataset:
    """Return every scene once, in its order, as it is, with its kind; `inputs` as in training."""
    images, clips, kinds = (tf.constant(array) for array in (data.images, data.clips, data.kinds))

    def make(index, seed):
        audio = tf.cast(tf.gather(clips, index), tf.float32) / 32768.0
        return _inputs({"image": tf.gather(images, index), "audio": audio}, modalities), tf.gather(kinds, index)

    return evaluation_batches(make, len(data.kinds), EVALUATION_BATCH, seed)


def _inputs(both, modalities):
    """Return what of `both` is in `modalities`, with `present` where that is more than one."""
    inputs = {name: x for name, x in both.items() if name in modalities}
    if len(inputs) > 1:
        inputs["present"] = tf.ones([tf.shape(both["audio"])[0], len(inputs)])
    return inputs
