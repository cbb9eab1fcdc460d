"""Center-based detection loss: heatmap focal loss, box GIoU and L1.

Target and output are `(B, H, W, N + 4)`, as from `mmzoo.heads.detector`: a heatmap of N classes, then a box as left,
top, right, bottom in pixels. Boxes are weighted by the target heat of their cell: most at a center, with heat 1.
"""

from collections.abc import Callable

from keras import KerasTensor, ops

from mmzoo.losses.focal import heatmap_focal

LEAST_HEAT = 0.05  # of a cell whose box counts


def detection(
    image_size: float, giou_weight: float = 2.0, l1_weight: float = 5.0
) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the loss `(B,)` of heatmaps and boxes `(B, H, W, N + 4)`.

    Zhou et al. 2019 (CenterNet), section 3; boxes around centers: Liu et al. 2020 (TTFNet), section 3.3; weights of the
    box losses: Carion et al. 2020 (DETR), appendix A.4.

    `focal + giou_weight * (1 - GIoU) + l1_weight * |box - target|`. The box terms are means over the cells of an image,
    weighted by their highest heat if above 0.05. Coordinates are divided by `image_size`, the longer side in pixels.
    Targets have the same shape as the outputs.
    """
    focal = heatmap_focal()

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        heat, boxes = y_true[..., :-4], y_true[..., -4:]
        heat_of_cell = ops.max(heat, axis=-1)
        weight = heat_of_cell * ops.cast(heat_of_cell > LEAST_HEAT, "float32")
        apart = ops.sum(ops.abs(boxes - y_pred[..., -4:]), axis=-1) / image_size
        cost = giou_weight * (1.0 - giou(boxes / image_size, y_pred[..., -4:] / image_size)) + l1_weight * apart
        total = ops.maximum(ops.sum(weight, axis=(1, 2)), 1.0)
        return focal(heat, y_pred[..., :-4]) + ops.sum(weight * cost, axis=(1, 2)) / total

    return loss


def giou(a: KerasTensor, b: KerasTensor) -> KerasTensor:
    """Compute the generalized IoU, in [-1, 1], of boxes `(..., 4)`.

    Rezatofighi et al. 2019, section 3, algorithm 1: `IoU - (hull - union) / hull`. Boxes are left, top, right, bottom.
    Boxes of no area give 0 in place of 0 / 0.
    """
    low, high = ops.maximum(a[..., :2], b[..., :2]), ops.minimum(a[..., 2:], b[..., 2:])
    outer = ops.maximum(a[..., 2:], b[..., 2:]) - ops.minimum(a[..., :2], b[..., :2])
    common, hull = _area(high - low), _area(outer)
    union = _area(a[..., 2:] - a[..., :2]) + _area(b[..., 2:] - b[..., :2]) - common
    return common / ops.maximum(union, 1e-9) - (hull - union) / ops.maximum(hull, 1e-9)


def _area(sides: KerasTensor) -> KerasTensor:
    sides = ops.relu(sides)
    return sides[..., 0] * sides[..., 1]
