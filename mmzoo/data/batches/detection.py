"""Pictures with boxes as arrays, and the batches that a detector learns from; boxes move with their pictures."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.boxes import flip_boxes, move_boxes
from mmzoo.data.augment.images import change_colors
from mmzoo.data.pipeline import Make, evaluation_batches, training_batches
from mmzoo.errors import BadInputError

EVALUATION_BATCH = 32
MOST = 32  # boxes of a picture
ZOOM, SHIFT = 0.25, 0.1  # how much a picture is enlarged or made smaller, and moved, as a share of its sides
TRANSPOSED = [1, 0, 3, 2]  # the corners of a box where rows and columns are exchanged
NONE = -1  # the label where there is no box


@dataclass(frozen=True, eq=False)
class Scenes:
    """One split: `images` `(N, H, W, 3)` uint8 and `objects` `(N, MOST, 5)` float32.

    An object is left, top, right, bottom in pixels and the number of its class, or zeros and `NONE`. Left and right are
    alike in the scenes, and unless they are `upright` up and down are too. `skipped` says which boxes of the source
    cannot be used. A thing of which less than a share `keep` is in the picture has no box, as in the source.
    """

    images: np.ndarray
    objects: np.ndarray
    skipped: tuple[str, ...] = ()
    upright: bool = False
    keep: float = 0.3


def pad_objects(boxes: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> np.ndarray:
    """Return objects `(N, MOST, 5)` from boxes `(K, 4)` and labels `(K,)` of each picture.

    Raises:
        BadInputError: a picture has more than `MOST`.
    """
    most = max(map(len, labels), default=0)
    if most > MOST:
        raise BadInputError(f"boxes: expected at most {MOST} in a picture. Received: {most}")
    objects = np.zeros((len(labels), MOST, 5), np.float32)
    objects[..., 4] = NONE
    for row, some, classes in zip(objects, boxes, labels, strict=True):
        row[: len(classes), :4] = some
        row[: len(classes), 4] = classes
    return objects


@functools.lru_cache(maxsize=1)
def join(first: Scenes, second: Scenes) -> Scenes:
    """Return the pictures of two splits of one source as one."""
    arrays = {name: np.concatenate([getattr(x, name) for x in (first, second)]) for name in ("images", "objects")}
    return replace(first, **arrays, skipped=first.skipped + second.skipped)


def training_scenes(data: Scenes, batch_size: int, seed: int, epoch: int, passes: int = 1) -> tf.data.Dataset:
    """Return batches `({"image": (B, H, W, 3)}, objects (B, MOST, 5))` of one epoch.

    Each picture is mirrored or not, where it is not `upright` in either direction, enlarged or made smaller, moved,
    and changed in its colors.
    """
    return training_batches(_training(data), len(data.images), batch_size, seed, epoch, passes)


@functools.lru_cache(maxsize=2)
def _training(data: Scenes) -> Make:
    """Return `make` of `training_batches`, with the arrays as tensors: one for all epochs."""
    images, objects = tf.constant(data.images), tf.constant(data.objects)

    @tf.function
    def make(index, seed):
        image, thing = tf.gather(images, index), tf.gather(objects, index)
        boxes, label = thing[..., :4], thing[..., 4]
        mask = tf.cast(label > NONE, tf.float32)
        image, boxes, mask = flip_boxes(image, boxes, mask, seed)
        if not data.upright:
            image, boxes, mask = _turn(*flip_boxes(*_turn(image, boxes, mask), seed + tf.constant([0, 7_919])))
        image, boxes, mask = move_boxes(image, boxes, mask, seed, ZOOM, SHIFT, data.keep)
        image = change_colors(image, seed, hue=0.0)
        label = tf.where(mask > 0, label, float(NONE))
        return {"image": image}, tf.concat([boxes, label[..., None]], axis=-1)

    return make


def _turn(images, boxes, mask):
    """Exchange rows and columns."""
    return tf.transpose(images, (0, 2, 1, 3)), tf.gather(boxes, TRANSPOSED, axis=-1), mask


def evaluation_scenes(data: Scenes, seed: int) -> tf.data.Dataset:
    """Return every picture once, in its order, as it is."""
    images, objects = tf.constant(data.images), tf.constant(data.objects)

    def make(index, seed):
        return {"image": tf.gather(images, index)}, tf.gather(objects, index)

    return evaluation_batches(make, len(data.images), EVALUATION_BATCH, seed)
