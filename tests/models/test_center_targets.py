"""Targets of a detector, object by object and cell by cell in NumPy."""

import numpy as np

from mmzoo.losses.detection import detection
from mmzoo.models.center_targets import center_giou, center_loss, center_targets

CELLS, STRIDE = (5, 7), 8


def by_hand(objects, classes=3, share=0.54):
    height, width = CELLS
    heat, told = np.zeros((height, width, classes)), np.zeros((height, width, 4))
    best = np.full((height, width), -1.0)
    there = sorted((row for row in objects if row[4] >= 0), key=lambda row: (row[2] - row[0]) * (row[3] - row[1]))
    for left, top, right, bottom, label in there:  # the smallest first: it keeps a cell that is as hot for another
        x = min(int((left + right) / 2 // STRIDE), width - 1)
        y = min(int((top + bottom) / 2 // STRIDE), height - 1)
        sx, sy = (max(0.5, share * side / 6 / STRIDE) for side in (right - left, bottom - top))
        for i in range(height):
            for j in range(width):
                value = np.exp(-((j - x) ** 2) / (2 * sx**2) - (i - y) ** 2 / (2 * sy**2))
                heat[i, j, int(label)] = max(heat[i, j, int(label)], value)
                if value > best[i, j]:
                    best[i, j], told[i, j] = value, (left, top, right, bottom)
    return heat, told


def objects(seed):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 30, (6, 2))
    rows = np.concatenate([low, low + rng.uniform(4, 20, (6, 2)), rng.integers(-1, 3, (6, 1))], axis=1)
    rows[rows[:, 4] < 0, :4] = 0
    return np.minimum(rows, [56, 40, 56, 40, 3]).astype("float32")


def test_formula():
    batch = np.stack([objects(seed) for seed in range(8)])
    answer = np.asarray(center_targets(batch, CELLS, STRIDE, 3))
    assert answer.shape == (8, *CELLS, 7)
    for row, target in zip(batch, answer, strict=True):
        heat, told = by_hand(row.astype(float))
        np.testing.assert_allclose(target[..., :3], heat, atol=1e-5)
        center = heat.max(axis=-1) == 1
        assert ((target[..., :3] == 1).any(axis=-1) == center).all()
        assert center.any()
        np.testing.assert_allclose(target[..., 3:][center], told[center], atol=1e-5)


def test_center_targets_same_center_selects_the_smaller_box():
    box = [16, 8, 40, 32]
    small = [24, 16, 32, 24]
    for order in ([box, small], [small, box]):
        rows = np.array([[*one, i] for i, one in enumerate(order)], "float32")[None]
        answer = np.asarray(center_targets(rows, CELLS, STRIDE, 2))[0]
        np.testing.assert_array_equal(answer[2, 3], [1, 1, *small])


def test_center_targets_without_objects_are_zero():
    rows = np.array([[[0, 0, 0, 0, -1], [3, 3, 30, 30, -1]]], "float32")
    assert not np.asarray(center_targets(rows, CELLS, STRIDE, 2))[..., :2].any()


def test_a_center_on_the_far_border_is_in_the_last_cell():
    rows = np.array([[[54, 38, 58, 42, 0]]], "float32")
    heat = np.asarray(center_targets(rows, CELLS, STRIDE, 1))[0, ..., 0]
    assert heat[4, 6] == 1
    assert (heat == 1).sum() == 1


def test_center_loss_and_giou_of_objects():
    batch = np.stack([objects(seed) for seed in range(4)])
    target = np.asarray(center_targets(batch, CELLS, STRIDE, 3))
    output = target.copy()
    output[..., :3] = np.clip(output[..., :3], 1e-3, 1 - 1e-3)
    output[1, ..., 3:] += 100.0  # boxes outside the image
    image = (CELLS[0] * STRIDE, CELLS[1] * STRIDE)
    loss = np.asarray(center_loss(image, STRIDE, 3)(batch, output))
    np.testing.assert_allclose(loss, detection(max(image))(target, output), rtol=1e-6)
    found = np.asarray(center_giou(image, STRIDE, 3)(batch, output))
    np.testing.assert_allclose(found[[0, 2, 3]], 1, atol=1e-5)
    assert -1 <= found[1] < 0
    none = np.array([[[0, 0, 0, 0, -1]]], "float32")
    assert np.asarray(center_giou(image, STRIDE, 3)(none, output[:1]))[0] == 0
