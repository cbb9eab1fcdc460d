"""Random scenes like NLVR: three gray boxes of scattered shapes, or of a tower of blocks each.

Suhr et al. 2017, section 3. Sizes, places and colors were read off its training pictures at half their resolution:
how many things a box holds is even, and what would stand out at the right or below is moved to the wall.
"""

from dataclasses import dataclass, fields

import numpy as np

from mmzoo.data.sources.nlvr import BOX, HEIGHT, STRIDE, WIDTH

KINDS = ("scatter", "tower")
COLORS = ("yellow", "blue", "black")
SHAPES = ("circle", "square", "triangle")
SIZES = (5, 10, 15)  # pixels, of shapes; the second is that of blocks
BOXES = 3  # of a picture
MOST = {"scatter": 8, "tower": 4}  # things in a box
MIDDLE = 20  # pixels from the left of a box to its tower
LEVELS = (40, 30, 19, 9)  # rows of the tops of the blocks, from the base: a line is left between some
TRIES = 12  # places that a shape is given before it is left out
PALETTE = np.array([[211] * 3, [128] * 3, [255, 255, 0], [0, 153, 255], [0] * 3], np.uint8)
WALL, FIRST_COLOR = 1, 2  # rows of the palette


@dataclass(frozen=True)
class Scenes:
    """`color` `(K, 3, S)` indexes `COLORS`, -1 where nothing is, and `shape` `SHAPES`; `size`, `x`, `y` are pixels.

    `x` and `y` are of the left upper corner in its box. The things of a tower lie from its base upwards.
    """

    kind: str
    color: np.ndarray
    shape: np.ndarray
    size: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def there(self):
        """True where a thing is, `(K, 3, S)`."""
        return self.color >= 0


def draw_scenes(kind, count, rng):
    """Return `Scenes` of `kind`, `count` of them (even): the second half has the things of the first, rearranged.

    Both halves hold the same things in other places, as in NLVR (section 3.1). Things without room are left out.
    """
    half, most = count // 2, MOST[kind]
    number = rng.integers(1, most + 1, (half, BOXES, 1))
    there = np.arange(most) < number
    shape = rng.integers(0, len(SHAPES), there.shape) if kind == "scatter" else np.ones(there.shape, int)
    size = rng.choice(SIZES, there.shape) if kind == "scatter" else np.full(there.shape, SIZES[1])
    color = np.where(there, rng.integers(0, len(COLORS), there.shape), -1)
    looks = np.stack([color, shape, size], axis=-1)
    color, shape, size = np.moveaxis(np.concatenate([looks, _mixed(looks, there, rng)]), -1, 0)
    if kind == "tower":
        x, y = np.full(color.shape, MIDDLE), np.broadcast_to(LEVELS, color.shape)
    else:
        x, y, placed = _place(size, color >= 0, rng)
        color = np.where(placed, color, -1)
    return Scenes(kind, *(a.astype(np.int8) for a in (color, shape, size, x, y)))


def _mixed(looks, there, rng):
    """Return `looks` `(K, 3, S, 3)` with the things of each picture in another order over the places `there`."""
    flat, taken = looks.reshape(len(looks), -1, 3), there.reshape(len(looks), -1)
    first = np.argsort(~taken, axis=1, kind="stable")  # the places that are taken, in order
    order = np.argsort(np.where(taken, rng.random(taken.shape), 2.0), axis=1)  # the same, in disorder
    mixed = np.empty_like(flat)
    np.put_along_axis(mixed, first[..., None], np.take_along_axis(flat, order[..., None], 1), 1)
    return mixed.reshape(looks.shape)


def _place(size, there, rng):
    """Return `x`, `y` and which of the things `there` `(K, 3, S)` found a place that no other covers."""
    x, y, placed = np.zeros_like(size), np.zeros_like(size), np.zeros_like(there)
    for i in range(size.shape[2]):
        own = size[..., i]
        for _ in range(TRIES):
            open_ = there[..., i] & ~placed[..., i]
            at = [np.minimum(rng.integers(0, BOX, own.shape), BOX - own) for _ in range(2)]
            apart = np.ones(own.shape, bool)
            for j in range(i):
                beside = [_beside(p[..., j], size[..., j], a, own) for p, a in zip((x, y), at, strict=True)]
                apart &= beside[0] | beside[1] | ~placed[..., j]
            now = open_ & apart
            x[..., i], y[..., i] = (np.where(now, a, p[..., i]) for p, a in zip((x, y), at, strict=True))
            placed[..., i] |= now
    return x, y, placed


def _beside(first, its_length, second, length):
    """Return whether two lengths on a line, from `first` and from `second` on, have nothing in common."""
    return (first + its_length <= second) | (second + length <= first)


def draw_pictures(scenes, rng):
    """Return the pictures of `scenes`, uint8 `(K, 50, 200)`, as rows of `PALETTE`."""
    column = np.arange(WIDTH) % STRIDE
    rows = np.tile(np.where(column < BOX, 0, WALL).astype(np.uint8), (len(scenes.color), HEIGHT, 1))
    found = np.argwhere(scenes.there)
    masks, variants = _masks(), rng.integers(0, 4, len(found))
    looks = np.stack([getattr(scenes, f.name)[scenes.there] for f in fields(scenes)[1:]], axis=1).tolist()
    for (k, box, _), (color, shape, size, x, y), variant in zip(found.tolist(), looks, variants, strict=True):
        left = box * STRIDE + x
        part = rows[k, y : y + size, left : left + size]
        part[masks[shape, size, variant]] = FIRST_COLOR + color
    return rows


def told(scenes):
    """Return the binary attributes of each thing, uint8 `(K, 3, S, 110)`.

    Its color, shape and size (27); color and shape of what touches any wall, the base, the right, a corner, the left,
    the top (54); of a block the color on each of four levels (12), of the topmost its color (3) and the height in
    one-hot of 0 to 4 (5), and of which pair of colors it lies on another (9).
    """
    color, shape = _one_hot(scenes.color, len(COLORS)), _one_hot(scenes.shape, len(SHAPES))
    size = _one_hot(np.searchsorted(SIZES, scenes.size), len(SIZES))
    walls = np.stack(list(touched(scenes).values()), axis=-1).astype(np.uint8)
    places = scenes.color.shape
    looks = [np.einsum("kbsi,kbsj,kbsl->kbsijl", color, shape, x).reshape(*places, -1) for x in (size, walls)]
    if scenes.kind != "tower":
        return np.concatenate([*looks, np.zeros((*places, HOLDS - 81), np.uint8)], axis=3)
    level = np.eye(MOST["tower"], dtype=np.uint8)[:, :, None] * color[..., None, :]
    tall = scenes.there.sum(axis=2)[..., None]
    topmost = (np.arange(places[2]) == tall - 1).astype(np.uint8)[..., None]
    height = _one_hot(np.broadcast_to(tall, places), 5) * topmost
    below = np.concatenate([np.zeros_like(color[:, :, :1]), color[:, :, :-1]], axis=2)
    on = color[..., :, None] * below[..., None, :]
    more = [x.reshape(*places, -1) for x in (level, color * topmost, height, on)]
    return np.concatenate([*looks, *more], axis=3)


HOLDS = 27 + 54 + 12 + 3 + 5 + 9


def holds(scenes):
    """Return the contents of each box, float32 `(K, 3, 110)`: the number of things with each attribute."""
    return told(scenes).sum(axis=2, dtype=np.float32)


def told_by_place(scenes, places):
    """Return the attributes of the things centered in each of `places` by `places` squares of a box.

    uint8 `(K, places, 3 * places, 110)`, the boxes side by side; 1 where one thing or more has the attribute.
    """
    of_things, found = told(scenes), np.argwhere(scenes.there)
    middles = ((scenes.y, scenes.x)[i].astype(float) + scenes.size / 2 for i in range(2))
    row, column = (np.minimum(middle * places / BOX, places - 1).astype(int) for middle in middles)
    by_place = np.zeros((len(scenes.color), places, BOXES * places, HOLDS), np.uint8)
    for picture, box, i in found:
        at = (picture, row[picture, box, i], box * places + column[picture, box, i])
        by_place[at] |= of_things[picture, box, i]
    return by_place


def _one_hot(values, number):
    return (values[..., None] == np.arange(number)).astype(np.uint8)


def touched(scenes):
    """Return `{"edge", "base", "right", "corner", "left", "top": (K, 3, S) bool}`: which things touch which wall."""
    x, y, size = (a.astype(int) for a in (scenes.x, scenes.y, scenes.size))
    # the tip of a triangle may lie a pixel lower, where the resolution was halved
    left, right, top, base = (scenes.there & at for at in (x == 0, x + size == BOX, y == 0, y + size == BOX))
    edge, corner = left | right | top | base, (left | right) & (top | base)
    return {"edge": edge, "base": base, "right": right, "corner": corner, "left": left, "top": top}


def _masks():
    """Return `{(shape, size, variant): (size, size) bool}`: of each shape four, as halving the resolution leaves it."""
    masks = {}
    for size in SIZES:
        row, column = np.mgrid[:size, :size]
        for variant, (dy, dx) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
            center = (size - 1) / 2 + 0.5 * np.array([dy, dx]) - 0.25
            circle = np.hypot(row - center[0], column - center[1]) < size / 2 - 0.05
            width = row + 1 - dy
            start = (size - width + dx) // 2
            triangle = (start <= column) & (column < start + width)
            for shape, mask in enumerate((circle, np.ones((size, size), bool), triangle)):
                masks[shape, size, variant] = mask
    return masks
