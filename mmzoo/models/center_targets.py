"""Targets of `mmzoo.losses.detection`: center heatmaps, and one box for each cell; loss and metric of objects."""

from collections.abc import Callable

import numpy as np
from keras import KerasTensor, ops

from mmzoo.losses.detection import detection, giou

LEAST_SPREAD = 0.5  # cells


def center_targets(
    objects: KerasTensor, cells: tuple[int, int], stride: int, num_classes: int, share: float = 0.54
) -> KerasTensor:
    """Compute detection targets `(B, H, W, N + 4)` of objects `(B, K, 5)`.

    Zhou et al. 2019 (CenterNet), section 3; the widths of the Gaussian: Liu et al. 2020 (TTFNet), section 3.2. An
    object is left, top, right, bottom in pixels, and a class. A class below 0 marks padding. `cells` is `(H, W)`, each
    of `stride` pixels.

    The heat of an object's class is 1 in the cell of its center and decreases as a Gaussian. The standard deviation is
    a sixth of `share` of its width and height, at least half a cell: a small object still heats its
    neighborhood. The maximum counts for several objects of a class. The box target of a cell is the hottest object
    there. Of objects with equal heat, with the same center, it is the smallest, which lies on top of the others.
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
    maps = [ops.max(heat * ops.expand_dims(ops.expand_dims(member, 2), 3), axis=1) for member in of_class]
    area = sides[..., 0] * sides[..., 1] / (cells[0] * cells[1] * stride**2)
    hottest = heat * ops.expand_dims(ops.expand_dims(1.0 - 0.01 * area, 2), 3)  # of equal ones the smallest
    chosen = ops.argmax(hottest, axis=1)
    flat = ops.reshape(chosen, (-1, cells[0] * cells[1], 1))
    target = ops.take_along_axis(boxes, ops.cast(flat, "int32"), axis=1)
    target = ops.reshape(target, (-1, *cells, 4))
    return ops.concatenate([ops.stack(maps, axis=-1), target], axis=-1)


def center_loss(
    image: tuple[int, int], stride: int, num_classes: int
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the loss `(B,)` of `mmzoo.losses.detection` of objects `(B, K, 5)` and outputs `(B, H, W, N + 4)`.

    `image` is height and width in pixels.
    """
    cells, cost = _cells(image, stride), detection(max(image))

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        return cost(center_targets(y_true, cells, stride, num_classes), y_pred)

    return loss


def center_giou(
    image: tuple[int, int], stride: int, num_classes: int
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the mean generalized IoU `(B,)`, in [-1, 1], in the cells of the centers; as `center_loss`."""
    cells = _cells(image, stride)

    def center_giou(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        target = center_targets(y_true, cells, stride, num_classes)
        center = ops.cast(ops.equal(ops.max(target[..., :-4], axis=-1), 1.0), "float32")
        overlap = giou(target[..., -4:], ops.cast(y_pred, "float32")[..., -4:])
        return ops.sum(center * overlap, axis=(1, 2)) / ops.maximum(ops.sum(center, axis=(1, 2)), 1.0)

    return center_giou


def _cells(image: tuple[int, int], stride: int) -> tuple[int, int]:
    return image[0] // stride, image[1] // stride
