"""What a tower of blocks may be like, in words, and which are: the order of its colors counts."""

from random import Random

import numpy as np

from mmzoo.data.sources.nlvr_synthetic.boxes import Held
from mmzoo.data.sources.nlvr_synthetic.phrases import EXACTLY, NUMBERS, anything, count, noun, number, pick
from mmzoo.data.sources.nlvr_synthetic.scenes import COLORS, Scenes

ENDS = {"top": ("at the top", "on top", "at top", "on the top"), "base": ("at the base", "at base", "at the bottom")}
ABOVE = ("above", "over", "on", "on top of", "directly on top of")
LEVELS = ("first", "second", "third")


def height(scenes: Scenes) -> np.ndarray:
    """Return how many blocks each tower has, `(K, 3)`."""
    return scenes.there.sum(axis=2)


def at_end(scenes: Scenes, end: str) -> np.ndarray:
    """Return the color of the block at an `end` of each tower, `top` or `base`: `(K, 3)`."""
    last = height(scenes)[..., None] - 1 if end == "top" else np.zeros((*scenes.color.shape[:2], 1), int)
    return np.take_along_axis(scenes.color, last, axis=2)[..., 0]


def is_on(scenes: Scenes, upper: int, lower: int) -> np.ndarray:
    """Return how many blocks of color `upper` lie on one of color `lower`, `(K, 3)`."""
    return ((scenes.color[..., 1:] == upper) & (scenes.color[..., :-1] == lower)).sum(axis=2)


def built(rng: Random, scenes: Scenes) -> Held:
    """Return what a tower may be like, behind `a tower with`."""
    ways = {_end: 0.34, _both_ends: 0.1, _tall_end: 0.16, _on: 0.22, _together: 0.09, _level: 0.09}
    return pick(rng, ways)(rng, scenes)


def _color(rng):
    return rng.randrange(len(COLORS))


def _block(rng, scenes, color):
    how = f"{rng.choice(('a', 'a', 'a', '1', 'one'))} {COLORS[color]}"
    return f"{how} {anything(rng, scenes).one}"


def _end(rng, scenes):
    """`a blue block at the top`, `a yellow base`, `a black item touching the wall`."""
    color, end = _color(rng), rng.choice(list(ENDS))
    words = f"{_block(rng, scenes, color)} {rng.choice(ENDS[end])}"
    holds = at_end(scenes, end) == color
    if rng.random() < 0.15:
        words = f"a {COLORS[color]} {end}"
    elif end == "base" and rng.random() < 0.3:
        words = f"{_block(rng, scenes, color)} touching the wall"
    elif rng.random() < 0.05:
        words, holds = f"no {COLORS[color]} block at the {end}", ~holds
    return words, holds


def _both_ends(rng, scenes):
    """`a black base and yellow top`, `a blue item touching the wall and a black one on top of it`."""
    top, base = _color(rng), _color(rng)
    first, last = at_end(scenes, "base") == base, at_end(scenes, "top") == top
    form = rng.random()
    if form < 0.5:
        words = rng.choice(("a {0} base and {1} top", "a {1} block at the top and a {0} block at the base"))
        return words.format(COLORS[base], COLORS[top]), first & last & (height(scenes) > 1)
    bottom, item = f"{_block(rng, scenes, base)} touching the wall", _block(rng, scenes, top)
    if form < 0.8:
        words = rng.choice(("{} and {} {}on top of it", "{} and {} {}on top", "{} with {} {}on top of it"))
        words = words.format(bottom, item, rng.choice(("", "right ")))
        return words, (scenes.color[..., 0] == base) & (scenes.color[..., 1] == top)
    return f"{item} on top and {bottom}", first & last & (height(scenes) > 1)


def _tall_end(rng, scenes):
    """`exactly three blocks with a blue block at the top`, `4 items and a black item on top`."""
    color, end, how = _color(rng), rng.choice(list(ENDS)), count(rng, article=0)
    tall = noun(how, anything(rng, scenes))
    link = rng.choice(("with", "having", "and", "and", "which has"))
    place = rng.choice((*ENDS[end], "touching the wall")) if end == "base" else rng.choice(ENDS[end])
    holds = how.holds(height(scenes)) & (at_end(scenes, end) == color)
    words = f"{tall} {link} {_block(rng, scenes, color)} {place}"
    if rng.random() < 0.25:
        words = f"{tall} {rng.choice(('where', 'and'))} the {end}{rng.choice((' block', ''))} is {COLORS[color]}"
    elif rng.random() < 0.12:
        upper, lower = _color(rng), _color(rng)
        words = f"{tall} {link} a {COLORS[upper]} block {rng.choice(ABOVE)} a {COLORS[lower]} block"
        holds = how.holds(height(scenes)) & (is_on(scenes, upper, lower) > 0)
    return words, holds


def _on(rng, scenes):
    """`a black block over a yellow block`, `a blue block below the top block`."""
    upper, lower = _color(rng), _color(rng)
    above, below = _block(rng, scenes, upper), _block(rng, scenes, lower)
    form = rng.random()
    if form < 0.75:
        return f"{above} {rng.choice(ABOVE)} {below}", is_on(scenes, upper, lower) > 0
    if form < 0.85:
        return f"{below} {rng.choice(('below', 'under', 'beneath'))} {above}", is_on(scenes, upper, lower) > 0
    tall = height(scenes)
    second = np.take_along_axis(scenes.color, np.maximum(tall - 2, 0)[..., None], axis=2)[..., 0]
    words = f"{below} below the top block"
    holds = (second == lower) & (tall > 1)
    if form < 0.93:
        words, holds = f"{above} on top and {below} right beneath it", holds & (at_end(scenes, "top") == upper)
    return words, holds


def _together(rng, scenes):
    """`2 blue blocks stacked together`, `a black block between two blocks of the same color`."""
    color, below, above = scenes.color[..., :-2], scenes.color[..., 1:-1], scenes.color[..., 2:]
    same = scenes.color[..., 1:] == scenes.color[..., :-1]
    one, item = _color(rng), anything(rng, scenes)
    if rng.random() < 0.2:
        between = (below == one) & (color == above) & (above >= 0)
        return f"a {COLORS[one]} {item.one} between two {item.many} of the same color", between.any(axis=2)
    how = rng.choice(("stacked together", "touching each other", "attached with each other", "attached to each other"))
    two = number(rng, 2)
    if rng.random() < 0.15:
        return f"{two} {item.many} {how} of the same color", (same & scenes.there[..., 1:]).any(axis=2)
    if rng.random() < 0.25:
        other = (one + 1 + rng.randrange(2)) % len(COLORS)
        holds = (is_on(scenes, one, other) + is_on(scenes, other, one)) > 0
        return f"a {COLORS[one]} and a {COLORS[other]} {item.one} {how}", holds
    return f"{two} {COLORS[one]} {item.many} {how}", is_on(scenes, one, one) > 0


def _level(rng, scenes):
    """`a blue block in the middle`, `a yellow second block`, `a black block as the second block from the base`."""
    color, level = _color(rng), rng.choice((1, 1, 2))
    if rng.random() < 0.3:
        words = rng.choice(("in the middle", "as a middle block", "as the middle block"))
        holds = (height(scenes) == 3) & (scenes.color[..., 1] == color)
        return f"{_block(rng, scenes, color)} {words}", holds
    form = rng.choice(("a {0} {1} block", "a {0} block as the {1} block", "the {1} block from the base {0}"))
    return form.format(COLORS[color], LEVELS[level]), scenes.color[..., level] == color


def told_of_towers(rng: Random, scenes: Scenes) -> tuple[str, np.ndarray]:
    """Return a sentence about the towers of a picture, and of which pictures it is true, `(K,)`."""
    ways = {_as_end: 0.42, _a_block_on: 0.22, _of_height: 0.12, _plain: 0.1, _level_of_any: 0.05, _same: 0.09}
    return pick(rng, ways)(rng, scenes)


def _as_end(rng, scenes):
    """`There are two blue blocks as the top of a tower with at least two blocks.`"""
    color, end, how = _color(rng), rng.choice(list(ENDS)), count(rng, 3, none=0.08, article=0.5)
    be = "are" if how.plural else "is"
    fits = at_end(scenes, end) == color
    block = f"{COLORS[color]} block{'s' if how.plural else ''}"
    if how.words == "a" and rng.random() < 0.2:
        towers = count(rng, 2, article=0)
        name = "towers" if towers.plural else "tower"
        words = f"There is a {COLORS[color]} block as the {end} of {towers.words} {name}"
        return words, towers.holds(fits.sum(axis=1))
    words = f"There {be} {how.words} {block} as the {end} of a tower"
    if rng.random() < 0.6:
        tall = count(rng, 4, article=0)
        fits = fits & tall.holds(height(scenes))
        words = f"{words} with {tall.words} {'blocks' if tall.plural else 'block'}"
    return words, how.holds(fits.sum(axis=1))


def _a_block_on(rng, scenes):
    """`There is exactly one yellow block on a black block.`"""
    upper, lower, how = _color(rng), _color(rng), count(rng, 2, none=0.08, article=0.6)
    be, name = ("are", "blocks") if how.plural else ("is", "block")
    found = is_on(scenes, upper, lower).sum(axis=1)
    the = rng.choice(("a", "a", "a", "the"))
    if rng.random() < 0.12:
        below = rng.choice(("below", "below", "under"))
        return f"There is a {COLORS[lower]} block {below} {the} {COLORS[upper]} block", found > 0
    words = f"{COLORS[upper]} {name} {rng.choice(ABOVE[:3])} {the} {COLORS[lower]} block"
    return f"There {be} {how.words} {words}", how.holds(found)


def _of_height(rng, scenes):
    """`the tower with four blocks has a blue block at the top`, `The base of a four blocks tower is yellow.`"""
    color, end, n = _color(rng), rng.choice(list(ENDS)), rng.randint(1, 4)
    tall, fits = height(scenes) == n, at_end(scenes, end) == color
    blocks = "blocks" if n > 1 else "block"
    form, word = rng.random(), NUMBERS[n]
    if form < 0.55:
        exactly = rng.choice(("", "exactly ", "only "))
        words = f"The tower with {exactly}{word} {blocks} has a {COLORS[color]} block at the {end}"
    elif form < 0.7:
        words = f"The {end} of a {word} {blocks} tower is {COLORS[color]}"
    elif form < 0.85:
        words = f"There is a {word} {blocks} tower that has a {COLORS[color]} {end}"
    else:
        upper = _color(rng)
        fits = is_on(scenes, upper, color) > 0
        words = f"One of the tower with {word} {blocks} has a {COLORS[upper]} block over a {COLORS[color]} block"
    return words, (tall & fits).any(axis=1)


def _plain(rng, scenes):
    """`There is a black tower with exactly two blocks.`, `There is a four blocks tower.`"""
    color, n = _color(rng), rng.randint(1, 4)
    tall = height(scenes) == n
    plain = ((scenes.color == color) | ~scenes.there).all(axis=2)
    form = rng.random()
    if form < 0.35:
        words, fits = rng.choice(("There is a {} tower", "One of the three towers is {}")).format(COLORS[color]), plain
    elif form < 0.65:
        how = count(rng, 4, article=0)
        words = f"There is a {COLORS[color]} tower with {how.words} {'blocks' if how.plural else 'block'}"
        fits = plain & how.holds(height(scenes))
    elif form < 0.8:
        words, fits = f"There is a {NUMBERS[n]} blocks tower", tall
    else:
        single = ((scenes.color == scenes.color[..., :1]) | ~scenes.there).all(axis=2)
        one = rng.choice(("that has only one color", "and only one color", "that has a single color"))
        words, fits = f"There is a {NUMBERS[n]} blocks tower {one}", tall & single
        if rng.random() < 0.4:
            words, fits = "There is a tower which has only one color", single
    return words, fits.any(axis=1)


def _level_of_any(rng, scenes):
    """`The second block from the base of a tower is black.`"""
    color, level = _color(rng), rng.choice((1, 1, 2))
    form = rng.choice(("The {} block from the base of a tower is {}", "The {} block of a tower from the base is {}"))
    return form.format(LEVELS[level], COLORS[color]), (scenes.color[..., level] == color).any(axis=1)


def _same(rng, scenes):
    """`There are only two towers that has the same base color.`, `All towers have the same height`."""
    what = rng.choice(("base", "base", "top", "height", "second"))
    if what == "height":
        values, name = height(scenes), "height"
    elif what == "second":
        values, name = scenes.color[..., 1], "color in the second block"
    else:
        values, name = at_end(scenes, what), f"{what} color"
    pairs = np.stack([values[:, i] == values[:, j] for i, j in ((0, 1), (0, 2), (1, 2))], axis=1)
    real = np.stack([values[:, i] >= 0 for i in (0, 0, 1)], axis=1)
    found = (pairs & real).sum(axis=1)
    have = rng.choice(("has", "have", "that has", "that have", "which has", "with"))
    if rng.random() < 0.25:
        return f"{rng.choice(('All the towers have', 'The three towers have'))} the same {name}", found == 3
    exactly = rng.choice(EXACTLY) if rng.random() < 0.5 else ""
    if have in ("has", "have"):
        return f"Two of the three towers {have} the same {name}", found == 1
    return f"There are {exactly}{number(rng, 2)} towers {have} the same {name}", found == 1
