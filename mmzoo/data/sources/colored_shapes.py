"""Embedded source of `visual_question_answering`: images of one or two shapes, and questions about them.

Two shapes of an image differ in kind and color: the color of the circle is only found by locating the circle. Grain
hides small differences. No question has the same words in two splits: each split has its own openers.
"""

import functools
import zlib

import numpy as np

from mmzoo.data.arrays import SPLITS
from mmzoo.data.batches.questions import Questions, encode_rows, mirror_and_shift
from mmzoo.errors import BadInputError

CARD = {
    "name": "colored shapes, drawn",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
PICTURES = {"train": 1200, "validation": 300, "test": 500}
ASKED = 6  # questions about a picture
IMAGE = 32  # pixels
LENGTH = 48  # bytes of a question
SHAPES = ("circle", "triangle", "cross")
COLORS = {
    "red": (200, 50, 45),
    "green": (50, 160, 60),
    "blue": (50, 80, 200),
    "yellow": (220, 200, 50),
    "purple": (150, 60, 170),
    "white": (240, 240, 240),
}
ANSWERS = (*COLORS, *SHAPES, "yes", "no")
KINDS = {"color": 0.5, "shape": 0.3, "presence": 0.2}  # what is asked, and how often
WORDING = {
    "color": ("what color is the {shape}?", "what is the color of the {shape}?", "which color has the {shape}?"),
    "shape": ("what shape is {color}?", "what is the shape in {color}?", "which shape is the {color} one?"),
    "presence": ("is there a {color} {shape}?", "do you see a {color} {shape}?", "does it show a {color} {shape}?"),
}
OPENERS = ("", "please: ", "now, ", "well, ", "hey, ", "so, ", "look: ", "say, ")
OPENED = {"train": (0, 1, 2, 3, 4), "validation": (5,), "test": (6, 7)}  # which of them, counted from one by question

RADIUS = (4.5, 7.0)  # pixels
TINT = 18.0  # standard deviation of a color
GRAIN = 12.0  # standard deviation of the noise, of 255
FINE = 4  # times finer than it is shown, a picture is drawn


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Draw a split as `Questions`, `(32, 32, 3)` each; all follows from `seed`; labels index `ANSWERS`."""
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    images, rows = [], []
    for number in range(PICTURES[split]):
        things = _things(rng)
        images.append(draw_things(things, rng))
        asked = [_ask(things, rng) for _ in range(ASKED)]
        rows += [(_open(question, split, rng), answer, number) for question, answer in asked]
    text, about, labels = encode_rows(rows, ANSWERS, LENGTH)
    return Questions(np.stack(images), text, about, labels, change=mirror_and_shift)


def _things(rng):
    """Draw one or two `(shape, color, x, y, radius)`, in pixels, that do not touch."""
    count = rng.integers(1, 3)
    shapes = rng.choice(SHAPES, count, replace=False).tolist()
    colors = rng.choice(list(COLORS), count, replace=False).tolist()
    while True:
        radius = rng.uniform(*RADIUS, count)
        x, y = rng.uniform(radius, IMAGE - radius, (2, count))
        if count == 1 or np.hypot(*(np.diff(z)[0] for z in (x, y))) > 1.5 * radius.sum():
            return list(zip(shapes, colors, x, y, radius, strict=True))


def draw_things(things, rng):
    """Return a picture of `things` on a dark ground, uint8 `(32, 32, 3)`."""
    from PIL import Image, ImageDraw

    ground = tuple(rng.integers(10, 70, 3).tolist())
    image = Image.new("RGB", (FINE * IMAGE, FINE * IMAGE), ground)
    pen = ImageDraw.Draw(image)
    for shape, color, *place in things:
        tint = np.clip(np.array(COLORS[color]) + rng.normal(0, TINT, 3), 0, 255)
        x, y, r = (FINE * number for number in place)
        _stroke(pen, shape, x, y, r, tuple(np.rint(tint).astype(int).tolist()))
    pixels = np.asarray(image.resize((IMAGE, IMAGE), Image.Resampling.BOX), np.float32)
    pixels = pixels + GRAIN * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _stroke(pen, shape, x, y, r, fill):
    if shape == "circle":
        pen.ellipse((x - r, y - r, x + r, y + r), fill)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + 0.9 * r), (x + r, y + 0.9 * r)], fill)
    else:
        pen.rectangle((x - r, y - 0.35 * r, x + r, y + 0.35 * r), fill)
        pen.rectangle((x - 0.35 * r, y - r, x + 0.35 * r, y + r), fill)


def _ask(things, rng):
    """Return a question about `things` and its answer."""
    kind = rng.choice(list(KINDS), p=list(KINDS.values()))
    words = WORDING[kind][rng.integers(len(WORDING[kind]))]
    shape, color = things[rng.integers(len(things))][:2]
    if kind != "presence":
        return words.format(shape=shape, color=color), color if kind == "color" else shape
    there = rng.random() < 0.5
    if not there and len(things) == 2 and rng.random() < 0.5:  # of one thing the shape, of the other the color
        shape, color = things[0][0], things[1][1]
    elif not there:
        names = [(s, c) for s in SHAPES for c in COLORS if (s, c) not in [thing[:2] for thing in things]]
        shape, color = names[rng.integers(len(names))]
    return words.format(shape=shape, color=color), "yes" if there else "no"


def _open(question, split, rng):
    """Return `question` after an opener of this split."""
    place = zlib.crc32(question.encode()) + rng.choice(OPENED[split])
    return OPENERS[place % len(OPENERS)] + question
