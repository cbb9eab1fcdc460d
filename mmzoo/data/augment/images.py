"""Augmentation of image batches `(B, H, W, C)` uint8: flips, crops, colors and erasing.

Each function is stateless: the same `seed` `(2,)` int32 gives the same batch. Each image is changed independently.
Keras's augmentation layers keep a state instead. tf.image's random functions draw once for a whole batch, except the
flip, which is used here.
"""

import math

import tensorflow as tf

from mmzoo.data.augment.batch import draw

GRAY = (0.299, 0.587, 0.114)  # luma of ITU-R BT.601, as PIL and torchvision have it


def flip_images(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror each image left to right with probability 1/2.

    Not for letters, digits, or labels of left and right.
    """
    return tf.image.stateless_random_flip_left_right(images, seed + tf.constant([0, 30]) * 100_003)


def crop_images(
    images: tf.Tensor,
    seed: tf.Tensor,
    area: tuple[float, float] = (0.3, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
) -> tf.Tensor:
    """Crop a random rectangle and resize it to the full image.

    Szegedy et al. 2015 (GoogLeNet), section 6. `area` is the fraction of the image. `aspect` is width by height,
    uniform in its logarithm. A rectangle is clipped to the width and height of the image.
    """
    return cut_out(images, draw_rectangles(images, seed, 31, area, aspect))


def draw_rectangles(
    images: tf.Tensor, seed: tf.Tensor, salt: int, area: tuple[float, float], aspect: tuple[float, float]
) -> tf.Tensor:
    """Draw rectangles `(B, 4)` within the images, in pixels.

    A rectangle is left, top, right, bottom. Four salts are used, from `salt` on.
    """
    size, height, width = tf.shape(images)[0], images.shape[1], images.shape[2]
    pixels = draw(seed, salt, [size], *area) * height * width
    shape = tf.exp(draw(seed, salt + 1, [size], math.log(aspect[0]), math.log(aspect[1])))
    wide = tf.minimum(tf.sqrt(pixels * shape), float(width))
    high = tf.minimum(tf.sqrt(pixels / shape), float(height))
    left = draw(seed, salt + 2, [size]) * (width - wide)
    top = draw(seed, salt + 3, [size]) * (height - high)
    return tf.stack([left, top, left + wide, top + high], axis=1)


def cut_out(images: tf.Tensor, rectangles: tf.Tensor, fill: float | None = None) -> tf.Tensor:
    """Resample `rectangles` `(B, 4)` of the images to full size.

    A rectangle is left, top, right, bottom in pixels, which are squares. Interpolation is bilinear, without
    antialiasing for larger rectangles. Outside of an image is `fill`, a number from 0 to 255, or by default its nearest
    pixel.
    """
    left, top, right, bottom = tf.unstack(rectangles, axis=1)
    height, width = images.shape[1:3]
    x, y = (right - left) / width, (bottom - top) / height
    zero = tf.zeros_like(x)
    # a pixel's center is half a pixel after its edge
    transforms = [x, zero, left + x / 2 - 0.5, zero, y, top + y / 2 - 0.5, zero, zero]
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=tf.stack(transforms, axis=1),
        output_shape=[height, width],
        interpolation="BILINEAR",
        fill_mode="NEAREST" if fill is None else "CONSTANT",
        fill_value=float(fill or 0),
    )
    return _to_bytes(moved)


def change_colors(
    images: tf.Tensor,
    seed: tf.Tensor,
    brightness: float = 0.3,
    contrast: float = 0.3,
    saturation: float = 0.3,
    hue: float = 0.05,
) -> tf.Tensor:
    """Change brightness, contrast, saturation and hue of each image, in this order.

    The first three are blends by a factor `1 ± brightness` and so on: with black, the mean gray, and the gray image.
    PIL's ImageEnhance and torchvision's ColorJitter do the same. The hue changes by up to ± `hue` turns. Gray images,
    C = 1, have only the first two.

    Raises:
        ValueError: C is neither 1 nor 3.
    """
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"change_colors expects images of 1 or 3 channels. Received: {images.shape=}")
    size = tf.shape(images)[0]
    ranges = (brightness, contrast, saturation)
    factors = [draw(seed, 40 + i, [size, 1, 1, 1], 1 - r, 1 + r) for i, r in enumerate(ranges)]
    x = _clip(tf.cast(images, tf.float32) * factors[0])
    mean = tf.reduce_mean(_gray(x), axis=(1, 2), keepdims=True)
    x = _clip(mean + (x - mean) * factors[1])
    if images.shape[-1] == 3:
        gray = _gray(x)
        x = _clip(gray + (x - gray) * factors[2])
        if hue:  # the slowest of them
            x = _turn_hue(x, draw(seed, 43, [size, 1, 1], -hue, hue))
    return _to_bytes(x)


def erase_parts(
    images: tf.Tensor,
    seed: tf.Tensor,
    probability: float = 0.5,
    area: tuple[float, float] = (0.02, 0.3),
    aspect: tuple[float, float] = (0.3, 3.3),
    fill: int | None = None,
) -> tf.Tensor:
    """Replace a random rectangle of each image with `probability`.

    Zhong et al. 2020 (Random erasing), algorithm 1. The new content is noise, or `fill`, a number from 0 to 255. `area`
    and `aspect` are as in `crop_images`.
    """
    height, width = images.shape[1:3]
    left, top, right, bottom = tf.unstack(tf.round(draw_rectangles(images, seed, 44, area, aspect)), axis=1)
    x, y = tf.range(width, dtype=tf.float32), tf.range(height, dtype=tf.float32)
    down = (y >= top[:, None]) & (y < bottom[:, None])
    across = (x >= left[:, None]) & (x < right[:, None])
    inside = down[:, :, None, None] & across[:, None, :, None]
    happens = draw(seed, 49, [tf.shape(images)[0], 1, 1, 1]) < probability
    if fill is None:
        new = tf.cast(draw(seed, 50, tf.shape(images), 0.0, 256.0), tf.uint8)
    else:
        new = tf.constant(fill, tf.uint8)
    return tf.where(inside & happens, new, images)


def _gray(x: tf.Tensor) -> tf.Tensor:
    return x if x.shape[-1] == 1 else tf.reduce_sum(x * tf.constant(GRAY), axis=-1, keepdims=True)


def _turn_hue(x: tf.Tensor, turns: tf.Tensor) -> tf.Tensor:
    hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(x / 255.0), axis=-1)
    return 255.0 * tf.image.hsv_to_rgb(tf.stack([tf.math.floormod(hue + turns, 1.0), saturation, value], axis=-1))


def _clip(x: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(x, 0.0, 255.0)


def _to_bytes(x: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.round(_clip(x)), tf.uint8)
