"""Augmentation of images with boxes: flips, crops, zoom and shift.

Images are `(B, H, W, C)` uint8. Boxes `(B, N, 4)` float32 are left, top, right, bottom edges in pixels, from 0 to W or
H. `mask` `(B, N)` float32 is 1 for a box, 0 for padding. Each function is stateless, as in `mmzoo.data.augment.images`,
and returns all three. A box that leaves the image is cut at its border. A box with less than a fraction `keep` of its
area left is removed: its mask and its corners are 0.
"""

import tensorflow as tf

from mmzoo.data.augment.batch import draw
from mmzoo.data.augment.images import cut_out, draw_rectangles


def flip_boxes(
    images: tf.Tensor, boxes: tf.Tensor, mask: tf.Tensor, seed: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Mirror each image and its boxes left to right with probability 1/2."""
    flipped = draw(seed, 60, [tf.shape(images)[0], 1, 1]) < 0.5
    left, top, right, bottom = tf.unstack(boxes, axis=-1)
    width = float(images.shape[2])
    mirrored = tf.stack([width - right, top, width - left, bottom], axis=-1) * mask[..., None]
    return tf.where(flipped[..., None], images[:, :, ::-1], images), tf.where(flipped, mirrored, boxes), mask


def crop_boxes(
    images: tf.Tensor,
    boxes: tf.Tensor,
    mask: tf.Tensor,
    seed: tf.Tensor,
    area: tuple[float, float] = (0.3, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    keep: float = 0.3,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Crop a random rectangle and resize it to the full image.

    See `crop_images`.
    """
    return _move(images, boxes, mask, draw_rectangles(images, seed, 61, area, aspect), keep)


def move_boxes(
    images: tf.Tensor,
    boxes: tf.Tensor,
    mask: tf.Tensor,
    seed: tf.Tensor,
    scale: float = 0.3,
    shift: float = 0.1,
    keep: float = 0.3,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Zoom each image about its center and shift it; outside is 0.

    The zoom is `1 ± scale`; the shift is up to ± `shift` of the sides.
    """
    size, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    zoom = draw(seed, 66, [size], 1 - scale, 1 + scale)
    wide, high = width / zoom, height / zoom
    # an image that moves to the right shows more of its left side
    left = (width - wide) / 2 - draw(seed, 67, [size], -shift, shift) * width / zoom
    top = (height - high) / 2 - draw(seed, 68, [size], -shift, shift) * height / zoom
    return _move(images, boxes, mask, tf.stack([left, top, left + wide, top + high], axis=1), keep, fill=0)


def _move(
    images: tf.Tensor, boxes: tf.Tensor, mask: tf.Tensor, rectangles: tf.Tensor, keep: float, fill: int | None = None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Resize `rectangles` `(B, 4)` of images and boxes to the full image."""
    sides = tf.constant([images.shape[2], images.shape[1]] * 2, tf.float32)
    corner = tf.tile(rectangles[:, :2], [1, 2])[:, None]
    extent = tf.tile(rectangles[:, 2:] - rectangles[:, :2], [1, 2])[:, None]
    moved = (boxes - corner) * sides / extent
    inside = tf.clip_by_value(moved, 0.0, sides)
    area, left = _area(moved), _area(inside)
    mask = mask * tf.cast((left > 0) & (left >= keep * area), mask.dtype)
    return cut_out(images, rectangles, fill), inside * mask[..., None], mask


def _area(boxes: tf.Tensor) -> tf.Tensor:
    return tf.reduce_prod(tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)
