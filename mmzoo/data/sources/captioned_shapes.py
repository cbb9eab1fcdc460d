"""Embedded source of `image_text_retrieval`: images of two shapes with descriptions.

Size, color and position must be bound to the right shape: another image has the same words in another order. No scene
occurs in two splits. An image is tagged with its two colors.
"""

import functools
import itertools

import numpy as np

from mmzoo.data.batches.image_text import SPLITS, Described, encode_ways, split_of
from mmzoo.data.sources.colored_shapes import COLORS, IMAGE, SHAPES, draw_things
from mmzoo.errors import BadInputError

CARD = {
    "name": "shapes, drawn and described",
    "version": "1",
    "license": "Apache-2.0",
    "weights_license": "Apache-2.0",
}
LENGTH = 64  # bytes of a description
PICTURES = {"train": 2, "validation": 1, "test": 1}  # of all that can be shown
RADII = {"small": (3.8, 4.8), "big": (6.4, 7.4)}  # pixels
PLACES = {"left of": "right of", "above": "below"}  # how the first is to the second, and the second to the first
WORDING = {
    "left of": ("{one} left of {other}", "{other} right of {one}", "{one}, to its right {other}"),
    "above": ("{one} above {other}", "{other} below {one}", "{one}, under it {other}"),
}


@functools.lru_cache(maxsize=3)
def sample(split, seed):
    """Draw a split as `Described`, `(32, 32, 3)` each; how pictures look follows from `seed`, not what they show."""
    if split not in SPLITS:
        raise BadInputError(f"split: expected one of {', '.join(SPLITS)}. Received: {split!r}.")
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    shown = [scene for scene in scenes() if split_of(repr(scene).encode()) == split]
    ids = np.repeat(np.arange(len(shown), dtype=np.int32), PICTURES[split])
    images = [draw_things(_place(*shown[i], rng), rng) for i in ids]
    ways = [_describe(*shown[i]) for i in ids]
    first = rng.integers(len(ways[0]), size=len(ways))
    ways = [said[k:] + said[:k] for said, k in zip(ways, first, strict=True)]
    tags = tuple(" ".join(sorted((one[1], other[1]))) for _, one, other in (shown[i] for i in ids))
    return Described(np.stack(images), encode_ways(ways, LENGTH), ids, tags)


def scenes():
    """List all that can be shown: `(place, (size, color, shape), (size, color, shape))`, the first left or above."""
    shapes, colors = itertools.permutations(SHAPES, 2), itertools.permutations(COLORS, 2)
    sizes = itertools.product(RADII, repeat=2)
    return [
        (place, *zip(size, color, shape, strict=True))
        for place, size, color, shape in itertools.product(PLACES, sizes, colors, shapes)
    ]


def _describe(place, one, other):
    one, other = (f"a {' '.join(words)}" for words in (one, other))
    return [words.format(one=one, other=other) for words in WORDING[place]]


def _place(place, one, other, rng):
    """Draw `(shape, color, x, y, radius)` of both, in pixels, so that they do not touch and `place` is plain to see."""
    radius = np.array([rng.uniform(*RADII[size]) for size, _, _ in (one, other)])
    while True:
        x, y = rng.uniform(radius, IMAGE - radius, (2, 2))
        along, across = (x, y) if place == "left of" else (y, x)
        apart, aside = along[1] - along[0], abs(across[1] - across[0])
        if apart > 1.5 * aside and np.hypot(apart, aside) > 1.15 * radius.sum():
            return [(*thing[:0:-1], *where) for thing, *where in zip((one, other), x, y, radius, strict=True)]
