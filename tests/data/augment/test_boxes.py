"""Box augmentation: drawn rectangles are recovered at their transformed boxes."""

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.augment.boxes import _move, crop_boxes, flip_boxes, move_boxes
from mmzoo.metrics.boxes import iou

SEED = tf.constant([3, 4])
HEIGHT, WIDTH, COUNT = 60, 80, 48


@pytest.fixture(scope="module")
def scenes():
    """Return images with two filled rectangles in separate channels, boxes and a padded mask."""
    rng = np.random.default_rng(0)
    images = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.zeros((COUNT, 3, 4), np.float32)
    for image, box in zip(images, boxes, strict=True):
        for n in range(2):
            wide, high = rng.integers(8, 40), rng.integers(8, 30)
            left, top = rng.integers(0, WIDTH - wide + 1), rng.integers(0, HEIGHT - high + 1)
            image[top : top + high, left : left + wide, n] = 255
            box[n] = left, top, left + wide, top + high
    mask = np.repeat(np.array([[1, 1, 0]], np.float32), COUNT, axis=0)
    return tf.constant(images), tf.constant(boxes), tf.constant(mask)


FUNCTIONS = {
    "flip": flip_boxes,
    "crop": crop_boxes,
    "crop, keep all": lambda *x: crop_boxes(*x, keep=0.0),
    "move": move_boxes,
    "shift": lambda *x: move_boxes(*x, scale=0.0, shift=0.5),
    "zoom": lambda *x: move_boxes(*x, scale=0.5, shift=0.0),
}


def around(channel):
    """Return left, top, right, bottom of the pixels of one channel that are more than half full, or None."""
    rows, columns = (np.flatnonzero((channel > 127).any(axis=axis)) for axis in (1, 0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else None


@pytest.mark.parametrize("name", FUNCTIONS)
def test_boxes_follow_their_objects(name, scenes):
    images, boxes, mask = (x.numpy() for x in FUNCTIONS[name](*scenes, SEED))
    kept = 0
    for image, box, there in zip(images, boxes, mask, strict=True):
        for n in range(2):
            if there[n] and (box[n, 2:] - box[n, :2]).min() > 1.5:
                np.testing.assert_allclose(box[n], around(image[..., n]), atol=1.0)
                kept += 1
    assert kept > COUNT  # of 2 * COUNT
    assert not np.array_equal(images, scenes[0])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_boxes_stay_in_the_image_and_padding_stays(name, scenes):
    images, boxes, mask = FUNCTIONS[name](*scenes, SEED)
    assert (images.dtype, boxes.dtype, mask.dtype) == (tf.uint8, tf.float32, tf.float32)
    assert images.shape == scenes[0].shape
    boxes, mask = boxes.numpy(), mask.numpy()
    assert set(np.unique(mask)) <= {0, 1}
    assert not mask[:, 2].any()
    assert not boxes[mask == 0].any()
    assert (boxes >= 0).all()
    assert (boxes <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
    assert (boxes[mask == 1][:, 2:] > boxes[mask == 1][:, :2]).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_augmentation_depends_on_seed_and_image_only(name, scenes):
    same = [tf.repeat(x[:1], 24, axis=0) for x in scenes]
    first = FUNCTIONS[name](*same, SEED)
    for a, b in zip(first, FUNCTIONS[name](*same, SEED), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b, atol in zip(first, tf.function(FUNCTIONS[name])(*same, SEED), (1, 1e-3, 0), strict=True):
        np.testing.assert_allclose(a.numpy().astype(float), b.numpy().astype(float), atol=atol)
    other = FUNCTIONS[name](*same, SEED + 1)
    assert not np.array_equal(first[0], other[0])
    different = len({x.tobytes() for x in first[0].numpy()})
    assert different == 2 if name == "flip" else different > 20


def test_a_flip_of_a_flip_is_the_scene(scenes):
    for seed in range(20):
        once = flip_boxes(*scenes, tf.constant([0, seed]))
        twice = flip_boxes(*once, tf.constant([0, seed]))
        for a, b in zip(twice, scenes, strict=True):
            np.testing.assert_array_equal(a, b)


def test_boxes_cut_at_the_border_are_kept_by_area_fraction():
    image = tf.zeros((1, 100, 100, 3), tf.uint8)
    # half, a quarter and nothing of them lies in the rectangle, the last wholly
    boxes = tf.constant([[[40.0, 10, 60, 30], [40, 40, 60, 60], [0, 0, 10, 10], [60, 60, 70, 80]]])
    rectangle = tf.constant([[50.0, 0, 100, 50]])
    for keep, there in ((0.0, [1, 1, 0, 0]), (0.3, [1, 0, 0, 0]), (0.5, [1, 0, 0, 0]), (0.51, [0, 0, 0, 0])):
        _, moved, mask = _move(image, boxes, tf.ones((1, 4)), rectangle, keep)
        assert mask.numpy()[0].tolist() == there
        assert moved.numpy()[0, 0].tolist() == ([0, 20, 20, 60] if there[0] else [0, 0, 0, 0])


def test_overlap_of_boxes_is_the_same_after_a_move_that_cuts_none(scenes):
    images, boxes, mask = scenes
    _, moved, left = move_boxes(images, boxes, mask, SEED, scale=0.4, shift=0.1, keep=0.9999)
    whole = left.numpy()[:, :2].all(axis=1)
    assert 4 < whole.sum() < COUNT
    for before, behind in zip(boxes.numpy()[whole, :2], moved.numpy()[whole, :2], strict=True):
        np.testing.assert_allclose(iou(before, before), iou(behind, behind), atol=1e-3)


def test_moves_are_within_what_they_say():
    size = 500
    images = tf.zeros((size, 100, 100, 1), tf.uint8)
    boxes = tf.tile(tf.constant([[[40.0, 40, 60, 60]]]), [size, 1, 1])
    _, moved, _ = move_boxes(images, boxes, tf.ones((size, 1)), SEED, scale=0.3, shift=0.1)
    moved = moved.numpy()[:, 0]
    zoom = (moved[:, 2] - moved[:, 0]) / 20
    assert 0.7 <= zoom.min() < 0.72 < 1.28 < zoom.max() <= 1.3
    for middle in ((moved[:, 2] + moved[:, 0]) / 2, (moved[:, 3] + moved[:, 1]) / 2):
        assert 40 - 1e-3 <= middle.min() < 41
        assert 59 < middle.max() <= 60 + 1e-3
