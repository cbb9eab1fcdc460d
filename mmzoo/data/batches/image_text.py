"""Images with descriptions for cross-modal retrieval: arrays and batches."""

import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from mmzoo.data.arrays import SPLITS
from mmzoo.data.augment.batch import draw
from mmzoo.data.augment.images import cut_out
from mmzoo.data.decode.text import encode_bytes
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

EVALUATION_BATCH = 512
ZOOM = 0.12  # by how much of its side a picture is made smaller or larger, and as much wider or narrower
SHIFT = 0.06  # of its side


@dataclass(frozen=True, eq=False)
class Described:
    """One split: `images` `(N, H, W, 3)` uint8, `text` `(N, K, L)` int32 byte ids, and `ids` `(N,)` int32.

    Each picture is described in K ways: training draws one of them, evaluation asks with the first. Pictures of one id
    show the same. `tags` are N strings: what a search engine that sees no pictures would know of each. `lines` says
    that pictures are drawn in lines: training makes them thicker or thinner.
    """

    images: np.ndarray
    text: np.ndarray
    ids: np.ndarray
    tags: tuple[str, ...]
    lines: bool = False


def split_of(content: bytes) -> str:
    """Return the split of what has this content: of ten, seven are for training, one to validate, two to test."""
    return (*SPLITS, "test", *["train"] * 6)[zlib.crc32(content) % 10]


def encode_ways(ways: Sequence[Sequence[str]], length: int) -> np.ndarray:
    """Turn N lists of K descriptions into byte ids `(N, K, length)`, int32; longer ones are cut.

    Raises:
        BadInputError: a description says nothing, or there is none.
    """
    empty = [f"{i}" for i, said in enumerate(ways) if not said or not all(text.strip() for text in said)]
    if empty or not ways:
        said = f"none of picture {', '.join(empty[:5])}" if empty else "no pictures"
        raise BadInputError(f"descriptions: expected words for every picture. Received: {said}")
    return np.stack([encode_bytes(list(said), length) for said in ways])


def training_pictures(data: Described, batch_size: int, seed: int, epoch: int, passes: int) -> tf.data.Dataset:
    """Return batches `({"image": (B, H, W, 3), "text": (B, L), "present": (B, 2)}, ids)` of one epoch.

    Each image is shifted and stretched a little, and paired with one of its descriptions. Both are always available: a
    missing modality has no match.
    """
    return training_batches(_training(data), len(data.ids), batch_size, seed, epoch, passes)


@functools.lru_cache(maxsize=2)
def _training(data: Described) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    images, text, ids = (tf.constant(array) for array in (data.images, data.text, data.ids))
    ways = data.text.shape[1]

    @tf.function
    def make(index, seed):
        way = tf.cast(draw(seed, 60, tf.shape(index), 0, ways), tf.int32)
        said = tf.gather_nd(text, tf.stack([tf.cast(index, tf.int32), way], axis=1))
        image = _move(tf.gather(images, index), seed)
        if data.lines:
            image = _thicken(image, seed)
        return {"image": image, "text": said, "present": tf.ones([tf.shape(index)[0], 2])}, tf.gather(ids, index)

    return make


def _move(images, seed):
    """Zoom, stretch and shift each picture `(B, H, W, C)`; its border goes on."""
    size, height, width = tf.shape(images)[0], float(images.shape[1]), float(images.shape[2])
    zoom, stretch = (draw(seed, 61 + i, [size], 1 - ZOOM, 1 + ZOOM) for i in range(2))
    x, y = (0.5 + draw(seed, 63 + i, [size], -SHIFT, SHIFT) for i in range(2))
    wide, high = zoom * stretch / 2, zoom / stretch / 2
    corners = [width * (x - wide), height * (y - high), width * (x + wide), height * (y + high)]
    return cut_out(images, tf.stack(corners, axis=1))


def _thicken(images, seed):
    """Make dark lines on a light ground up to two pixels thicker or thinner."""
    x = tf.cast(images, tf.float32)
    light, dark = tf.nn.max_pool2d(x, 3, 1, "SAME"), -tf.nn.max_pool2d(-x, 3, 1, "SAME")
    part = draw(seed, 65, [tf.shape(images)[0], 1, 1, 1], -1.0, 1.0)
    x += tf.maximum(part, 0.0) * (dark - x) + tf.maximum(-part, 0.0) * (light - x)
    return tf.cast(tf.round(x), tf.uint8)


def evaluation_pictures(data: Described, seed: int) -> tf.data.Dataset:
    """Return every picture once, in its order, as it is, with the first of its descriptions."""
    images, text, ids = (tf.constant(array) for array in (data.images, data.text[:, 0], data.ids))

    def make(index, seed):
        inputs = {"image": tf.gather(images, index), "text": tf.gather(text, index)}
        return {**inputs, "present": tf.ones([tf.shape(index)[0], 2])}, tf.gather(ids, index)

    return evaluation_batches(make, len(data.ids), EVALUATION_BATCH, seed)
