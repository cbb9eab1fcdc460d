"""Flips, crops, colors and erasing against PIL and NumPy; functions of seed and image."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from mmzoo.data.augment.batch import draw
from mmzoo.data.augment.images import change_colors, crop_images, cut_out, draw_rectangles, erase_parts, flip_images

SEED = tf.constant([1, 2])


def pictures(count=6, height=24, width=32, channels=3):
    """Return smooth images: sums of waves with slight noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.uniform(0, 0.6, (count * channels, 3))]
    smooth = 128 + 90 * np.stack(waves).reshape(count, channels, height, width).transpose(0, 2, 3, 1)
    return np.clip(smooth + rng.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


FUNCTIONS = {
    "flip": flip_images,
    "crop": crop_images,
    "colors": change_colors,
    "erase": lambda x, s: erase_parts(x, s, 1.0),
    "erase black": lambda x, s: erase_parts(x, s, 1.0, fill=0),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_augmentation_depends_on_seed_and_image_only(name, channels):
    function = FUNCTIONS[name]
    same = tf.constant(np.repeat(pictures(1, channels=channels), 32, axis=0))
    first = function(same, SEED)
    assert first.dtype == tf.uint8
    assert first.shape == same.shape
    np.testing.assert_array_equal(function(same, SEED), first)
    in_graph = tf.function(function)(same, SEED).numpy().astype(int)
    assert np.abs(in_graph - first.numpy()).max() <= 1  # sums in another order, then rounded
    assert not np.array_equal(function(same, SEED + 1), first)
    different = len({x.tobytes() for x in first.numpy()})
    assert different == 2 if name == "flip" else different > 28


def test_flip_equals_pil_with_probability_half():
    images = pictures(1)
    flipped = flip_images(tf.constant(np.repeat(images, 400, axis=0)), SEED).numpy()
    mirrored = np.asarray(ImageOps.mirror(Image.fromarray(images[0])))
    turned = (flipped == mirrored).all(axis=(1, 2, 3))
    kept = (flipped == images).all(axis=(1, 2, 3))
    assert (turned ^ kept).all()
    assert 0.42 < turned.mean() < 0.58


def test_cut_out_equals_pil_extent():
    images = pictures(4)
    rectangles = np.array([[0, 0, 32, 24], [3.5, 2.25, 20.5, 17], [8, 6, 24, 18], [16.2, 0, 32, 11.3]], np.float32)
    found = cut_out(tf.constant(images), tf.constant(rectangles)).numpy().astype(int)
    for image, extent, mine in zip(images, rectangles.tolist(), found, strict=True):
        pil = Image.fromarray(image).transform((32, 24), Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR)
        assert np.abs(np.asarray(pil, int) - mine).max() <= 1
    np.testing.assert_array_equal(found[0], images[0])


def test_outside_is_the_fill_or_the_nearest_pixel():
    images = tf.fill((1, 8, 8, 1), tf.constant(200, tf.uint8))
    around = tf.constant([[-8.0, -8, 16, 16]])
    assert (cut_out(images, around).numpy() == 200).all()
    framed = cut_out(images, around, fill=7).numpy()[0, :, :, 0]
    assert (framed[3:5, 3:5] == 200).all()
    assert (framed[[0, 1, 6, 7]] == 7).all()


def test_values_are_rounded_not_cut():
    """A crop of noise keeps its mean: cutting would darken it by half a level."""
    rng = np.random.default_rng(0)
    images = rng.integers(100, 110, (16, 64, 64, 1)).astype(np.uint8)
    assert crop_images(tf.constant(images), SEED).numpy().mean() == pytest.approx(images.mean(), abs=0.1)


def test_crops_have_the_given_area_and_aspect():
    y, x = np.mgrid[:100, :100].astype(np.float32) * 2
    ramp = tf.constant(np.repeat(np.stack([x, y], axis=-1)[None].astype(np.uint8), 300, axis=0))
    cropped = crop_images(ramp, SEED, area=(0.2, 0.5), aspect=(0.5, 2.0)).numpy().astype(float)
    wide = (cropped[:, 50, -1, 0] - cropped[:, 50, 0, 0]) / 2 / 0.99
    high = (cropped[:, -1, 50, 1] - cropped[:, 0, 50, 1]) / 2 / 0.99
    area, aspect = wide * high / 1e4, wide / high
    assert 0.19 < area.min() < 0.23
    assert 0.47 < area.max() < 0.52
    assert 0.48 < aspect.min() < 0.56
    assert 1.8 < aspect.max() < 2.1
    assert cropped[:, 50, 0, 0].min() < 6
    assert cropped[:, 50, -1, 0].max() > 192


def test_rectangle_position_and_size_are_independent():
    left, top, right, bottom = (
        draw_rectangles(tf.zeros((2000, 100, 100, 1)), SEED, 31, (0.1, 0.3), (0.5, 2.0)).numpy().T
    )
    wide, high = right - left, bottom - top
    drawn = np.stack([left / (100 - wide), top / (100 - high), wide * high, np.log(wide / high)])
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < 0.08
    np.testing.assert_allclose(drawn[:2].mean(axis=1), 0.5, atol=0.03)


def test_full_crop_is_the_identity():
    images = pictures()
    np.testing.assert_array_equal(crop_images(tf.constant(images), SEED, (1.0, 1.0), (4 / 3, 4 / 3)), images)


@pytest.mark.parametrize(
    ("name", "salt", "enhance"),
    [
        ("brightness", 40, ImageEnhance.Brightness),
        ("contrast", 41, ImageEnhance.Contrast),
        ("saturation", 42, ImageEnhance.Color),
    ],
)
def test_colors_equal_pil(name, salt, enhance):
    images = pictures(12)
    none = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    changed = change_colors(tf.constant(images), SEED, **none | {name: 0.8}).numpy()
    factors = draw(SEED, salt, [12], 0.2, 1.8).numpy()
    assert factors.min() < 0.6 < 1.4 < factors.max()
    for image, factor, mine in zip(images, factors.tolist(), changed, strict=True):
        pil = np.asarray(enhance(Image.fromarray(image)).enhance(factor), int)
        assert np.abs(pil - mine).max() <= 2  # PIL rounds the gray to whole levels first


def test_hue_equals_colorsys():
    images = pictures(4, 6, 6)
    changed = change_colors(tf.constant(images), SEED, 0.0, 0.0, 0.0, 0.5).numpy()
    turns = draw(SEED, 43, [4], -0.5, 0.5).numpy()
    for image, turn, mine in zip(images, turns, changed, strict=True):
        for pixel, new in zip(image.reshape(-1, 3) / 255, mine.reshape(-1, 3), strict=True):
            h, s, v = colorsys.rgb_to_hsv(*pixel)
            np.testing.assert_allclose(new, 255 * np.array(colorsys.hsv_to_rgb((h + turn) % 1, s, v)), atol=0.51)


def test_no_change_of_colors_is_the_identity():
    for channels in (1, 3):
        images = pictures(channels=channels)
        same = change_colors(tf.constant(images), SEED, 0.0, 0.0, 0.0, 0.0).numpy().astype(int)
        assert np.abs(same - images).max() <= 1


def test_gray_images_stay_gray():
    gray = np.repeat(pictures(channels=1), 3, axis=-1)
    changed = change_colors(tf.constant(gray), SEED).numpy().astype(int)
    assert (changed.max(axis=-1) - changed.min(axis=-1)).max() <= 1
    alone = change_colors(tf.constant(gray[..., :1]), SEED).numpy().astype(int)
    assert np.abs(alone - changed).max() <= 1


def test_change_colors_bad_channels_raise():
    with pytest.raises(ValueError, match=r"1 or 3 channels\. Received: images\.shape="):
        change_colors(tf.zeros((1, 8, 8, 4), tf.uint8), SEED)


def test_a_rectangle_of_the_area_is_erased():
    images = tf.fill((400, 40, 40, 3), tf.constant(9, tf.uint8))
    erased = (erase_parts(images, SEED, 0.5, (0.1, 0.2), (0.5, 2.0), fill=255).numpy() == 255).all(axis=-1)
    happened = erased.any(axis=(1, 2))
    assert 0.4 < happened.mean() < 0.6
    for part in erased[happened]:
        rows, columns = part.any(axis=1), part.any(axis=0)
        np.testing.assert_array_equal(part, rows[:, None] & columns)
        assert 0.08 < part.mean() < 0.23
        assert np.ptp(np.flatnonzero(rows)) == rows.sum() - 1
    assert erased.mean(axis=0).min() < 0.03 < 0.07 < erased.mean(axis=0).max()
    untouched = erase_parts(images, SEED, 0.0).numpy()
    assert (untouched == 9).all()


def test_noise_fills_all_levels():
    images = tf.zeros((8, 40, 40, 1), tf.uint8)
    noise = erase_parts(images, SEED, 1.0, (0.9, 1.0), (1.0, 1.0)).numpy()
    assert np.unique(noise).size > 250
    assert noise.max() == 255
