"""The embedded source of `object_detection`: disks, rings and crosses of any color, some over one another, in grain."""

import functools

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.detection import Scenes, pad_objects
from mmzoo.errors import BadInputError

CARD = {
    "name": "scattered shapes, drawn",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
PICTURES = {"train": 800, "validation": 160, "test": 240}
CLASSES = ("disk", "ring", "cross")
IMAGE = (96, 96)  # pixels, height and width
COUNT = (2, 6)  # things in a picture, at least and at most
RADIUS = (5.0, 16.0)  # pixels
APART = 0.6  # of the radii of two together, that lies at least between their centers
GRAIN = 16.0  # standard deviation of the noise, of 255
CONTRAST = 70.0  # between a thing and the ground, at least, summed over the colors
FINE = 4  # times finer than it is shown, a picture is drawn


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Draw a split as `Scenes`, `(96, 96, 3)` each; all follows from `seed`; labels index `CLASSES`."""
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    images, boxes, labels = [], [], []
    for _ in range(PICTURES[split]):
        x, y, r = _places(rng)
        label = rng.integers(0, len(CLASSES), len(x))
        images.append(_draw(x, y, r, label, rng))
        box = np.stack([x - r, y - r, x + r, y + r], axis=1)
        boxes.append(np.clip(box, 0, np.tile(IMAGE[::-1], 2)))
        labels.append(label)
    return Scenes(np.stack(images), pad_objects(boxes, labels))


def _places(rng):
    """Draw centers and radii `(K,)` in pixels; a center lies in the picture, not all of the thing need to."""
    count, places = rng.integers(COUNT[0], COUNT[1] + 1), []
    while len(places) < count:
        r = rng.uniform(*RADIUS)
        x, y = rng.uniform(r / 2, np.array(IMAGE[::-1]) - r / 2)
        if all(np.hypot(x - a, y - b) > APART * (r + c) for a, b, c in places):
            places.append((x, y, r))
    return np.array(places).T


def _draw(x, y, r, label, rng):
    """Return a picture `(96, 96, 3)` uint8; what comes later lies above."""
    from PIL import Image, ImageDraw

    ground = rng.integers(30, 226, 3)
    image = Image.new("RGB", (FINE * IMAGE[1], FINE * IMAGE[0]), tuple(ground.tolist()))
    pen = ImageDraw.Draw(image)
    for a, b, c, kind in zip(x * FINE, y * FINE, r * FINE, label.tolist(), strict=True):
        color = ground
        while np.abs(color - ground).sum() < CONTRAST:
            color = rng.integers(0, 256, 3)
        _stroke(pen, CLASSES[kind], a, b, c, tuple(color.tolist()))
    pixels = np.asarray(image.resize(IMAGE[::-1], Image.Resampling.BOX), np.float32)
    pixels = pixels + GRAIN * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _stroke(pen, shape, x, y, r, fill):
    if shape == "disk":
        pen.ellipse((x - r, y - r, x + r, y + r), fill)
    elif shape == "ring":
        pen.ellipse((x - r, y - r, x + r, y + r), outline=fill, width=round(0.4 * r))
    else:
        pen.rectangle((x - r, y - 0.3 * r, x + r, y + 0.3 * r), fill)
        pen.rectangle((x - 0.3 * r, y - r, x + 0.3 * r, y + r), fill)
