"""Boxes to targets of `mmzoo.losses.detection`: heatmaps of centers, and for each cell the box that it is to tell."""

import numpy as np
from keras import ops

LEAST_SPREAD = 0.5  # cells


def center_targets(objects, cells, stride, num_classes, share=0.54):
    """Return targets `(B, H, W, N + 4)` of objects `(B, K, 5)`: left, top, right, bottom in pixels, and a class.

    `cells` is `(H, W)`, each of `stride` pixels. Objects of a class below 0 are none. In the cell of its center the
    heat of an object's class is 1, and falls off as a Gaussian whose standard deviation is a sixth of `share` of its
    width and height, half a cell at least, so that around a small one some heat is left; of several objects of a class
    the highest counts. A cell is to tell the box of the object that is hottest there; of equal ones, whose center is
    the same, the smallest, as it is seen above the others.

    Zhou et al. 2019 (CenterNet), section 3; the widths of the Gaussian: Liu et al. 2020 (TTFNet), section 3.2.
    """
    objects = ops.cast(objects, "float32")
    boxes, label = objects[..., :4], objects[..., 4]
    there = ops.cast(label >= 0, "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 1e-3)
    center = ops.floor((boxes[..., :2] + boxes[..., 2:]) / (2 * stride))
    limits = np.array([cells[1] - 1, cells[0] - 1], "float32")
    center = ops.minimum(ops.maximum(center, 0.0), limits)  # a center on the right edge is in no cell
    spread = ops.maximum(sides * (share / 6 / stride), LEAST_SPREAD)
    across = ops.square((np.arange(cells[1], dtype="float32") - center[..., :1]) / spread[..., :1])
    down = ops.square((np.arange(cells[0], dtype="float32") - center[..., 1:]) / spread[..., 1:])
    heat = ops.exp(-0.5 * (ops.expand_dims(down, 3) + ops.expand_dims(across, 2)))  # (B, K, H, W)
    heat = heat * ops.expand_dims(ops.expand_dims(there, 2), 3)
    of_class = [ops.cast(ops.equal(label, n), "float32") for n in range(num_classes)]
    maps = [ops.max(heat * ops.expand_dims(ops.expand_dims(mine, 2), 3), axis=1) for mine in of_class]
    area = sides[..., 0] * sides[..., 1] / (cells[0] * cells[1] * stride**2)
    hottest = heat * ops.expand_dims(ops.expand_dims(1.0 - 0.01 * area, 2), 3)  # of equal ones the smallest
    chosen = ops.argmax(hottest, axis=1)
    flat = ops.reshape(chosen, (-1, cells[0] * cells[1], 1))
    told = ops.take_along_axis(boxes, ops.cast(flat, "int32"), axis=1)
    told = ops.reshape(told, (-1, *cells, 4))
    return ops.concatenate([ops.stack(maps, axis=-1), told], axis=-1)
