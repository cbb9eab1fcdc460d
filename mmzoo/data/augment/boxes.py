"""Augmentation of batches of pictures with boxes: what moves a picture moves its boxes.

Pictures are `(B, H, W, C)` uint8; boxes `(B, N, 4)` float32 are left, top, right, bottom in pixels, the edges of what
they hold, from 0 to W or H; `mask` `(B, N)` float32 is 1 where there is a box, 0 where there is padding. Each function
is stateless, as in `mmzoo.data.augment.images`, and returns all three. A box that leaves the picture is cut at its
border; one of which less than a share `keep` of the area is left is gone: its mask and its corners are 0.
"""

import tensorflow as tf

from mmzoo.data.augment.batch import draw
from mmzoo.data.augment.images import cut_out, draw_rectangles


def flip_boxes(images, boxes, mask, seed):
    """Mirror each picture with its boxes left to right, or not, with even chances."""
    flipped = draw(seed, 60, [tf.shape(images)[0], 1, 1]) < 0.5
    left, top, right, bottom = tf.unstack(boxes, axis=-1)
    width = float(images.shape[2])
    mirrored = tf.stack([width - right, top, width - left, bottom], axis=-1) * mask[..., None]
    return tf.where(flipped[..., None], images[:, :, ::-1], images), tf.where(flipped, mirrored, boxes), mask


def crop_boxes(images, boxes, mask, seed, area=(0.3, 1.0), aspect=(3 / 4, 4 / 3), keep=0.3):
    """Cut a random rectangle out of each picture and enlarge it to the whole: see `crop_images`."""
    return _move(images, boxes, mask, draw_rectangles(images, seed, 61, area, aspect), keep)


def move_boxes(images, boxes, mask, seed, scale=0.3, shift=0.1, keep=0.3):
    """Zoom each picture by `1 ± scale` about its center and shift it by up to ± `shift` of its sides; outside is 0."""
    size, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    zoom = draw(seed, 66, [size], 1 - scale, 1 + scale)
    wide, high = width / zoom, height / zoom
    # a picture that moves to the right shows more of what is at its left
    left = (width - wide) / 2 - draw(seed, 67, [size], -shift, shift) * width / zoom
    top = (height - high) / 2 - draw(seed, 68, [size], -shift, shift) * height / zoom
    return _move(images, boxes, mask, tf.stack([left, top, left + wide, top + high], axis=1), keep, fill=0)


def _move(images, boxes, mask, rectangles, keep, fill=None):
    """Enlarge `rectangles` `(B, 4)` of the pictures to the whole, and the boxes with them."""
    sides = tf.constant([images.shape[2], images.shape[1]] * 2, tf.float32)
    corner = tf.tile(rectangles[:, :2], [1, 2])[:, None]
    extent = tf.tile(rectangles[:, 2:] - rectangles[:, :2], [1, 2])[:, None]
    moved = (boxes - corner) * sides / extent
    inside = tf.clip_by_value(moved, 0.0, sides)
    area, left = _area(moved), _area(inside)
    mask = mask * tf.cast((left > 0) & (left >= keep * area), mask.dtype)
    return cut_out(images, rectangles, fill), inside * mask[..., None], mask


def _area(boxes):
    return tf.reduce_prod(tf.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)
