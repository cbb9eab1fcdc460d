"""Phrases of sentences about boxes: counts, kinds and places, each with its truth value.

Things are a mask `(K, 3, S)` over the things of K scenes, boxes a mask `(K, 3)`. How people put and mean words
was read off the training and dev sentences of NLVR and their labels: two are exactly two, a block above another lies on
it, and of only black and blue things are both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np

from mmzoo.data.sources.digit_words import WORDS
from mmzoo.data.sources.nlvr_synthetic.scenes import COLORS, SHAPES, SIZES, Scenes, touched

NUMBERS = ("no", *WORDS[1:8])
SIZE_WORDS = {"small": SIZES[0], "medium": SIZES[1], "big": SIZES[2]}
EXACTLY = ("exactly ", "exactly ", "only ", "just ")


@dataclass(frozen=True)
class Count:
    """How many: the words before a noun, whether it is in the plural, and which numbers `(...)` they hold of."""

    words: str
    plural: bool
    holds: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Things:
    """Of which things `(K, 3, S)` a noun is, in the singular and in the plural."""

    mask: np.ndarray
    one: str
    many: str


def pick(rng: Random, weights: dict) -> object:
    """Return one of the keys of `weights`, as often as these say."""
    return rng.choices(list(weights), list(weights.values()))[0]


def number(rng: Random, n: int) -> str:
    """Return `n` in a word or a digit."""
    return str(n) if rng.random() < 0.35 and n < 8 else NUMBERS[n]


def count(rng: Random, most: int = 4, none: float = 0.0, article: float = 0.35) -> Count:
    """Return how many, `most` at most; with probability `none` no, and with `article` of the rest a."""
    if rng.random() < none:
        return Count("no", rng.random() < 0.2, lambda n: n == 0)
    if rng.random() < article:
        return Count("a", False, lambda n: n >= 1)
    k = min(pick(rng, {1: 0.38, 2: 0.32, 3: 0.18, 4: 0.08, 5: 0.04}), most)
    how = pick(rng, {"": 0.4, "exactly": 0.3, "at least": 0.2, "at most": 0.04, "more than": 0.04, "less than": 0.02})
    word, plural = number(rng, k), k != 1
    if how in ("", "exactly"):
        return Count((rng.choice(EXACTLY) if how else "") + word, plural, lambda n: n == k)
    if how == "at least":
        return Count(f"{rng.choice(('at least', 'at least', 'atleast'))} {word}", plural, lambda n: n >= k)
    if how == "at most":
        return Count(f"at most {word}", plural, lambda n: (n >= 1) & (n <= k))
    if how == "more than":
        return Count(f"more than {word}", plural, lambda n: n > k)
    return Count(f"less than {number(rng, k + 1)}", True, lambda n: n < k + 1)


def noun(how: Count, things: Things) -> str:
    """Return the count before its noun: `a blue item`, `an item`, `two black circles`."""
    name = things.many if how.plural else things.one
    return f"{'an' if how.words == 'a' and name[0] in 'aeiou' else how.words} {name}"


def anything(rng: Random, scenes: Scenes) -> Things:
    """Return all things of the scenes, called items, objects or blocks."""
    nouns = {"item": 0.6, "object": 0.4} if scenes.kind == "scatter" else {"block": 0.6, "item": 0.35, "square": 0.05}
    name = pick(rng, nouns)
    return Things(scenes.there, name, name + "s")


def things(rng: Random, scenes: Scenes, color: int = -1, plain: float = 0.0) -> Things:
    """Return things of a color (`color` if that is not -1), a shape or both, rarely of a size.

    With probability `plain` all.
    """
    if color < 0 and rng.random() < plain:
        return anything(rng, scenes)
    found = anything(rng, scenes)
    mask, name = scenes.there, found.one
    scatter = scenes.kind == "scatter"
    shaped = scatter and rng.random() < 0.62
    if shaped:
        shape = rng.randrange(len(SHAPES))
        mask, name = mask & (scenes.shape == shape), SHAPES[shape]
    if color >= 0 or not shaped or rng.random() < 0.75:
        color = rng.randrange(len(COLORS)) if color < 0 else color
        mask, name = mask & (scenes.color == color), f"{COLORS[color]} {name}"
    if scatter and rng.random() < 0.05:
        size = rng.choice(list(SIZE_WORDS))
        mask, name = mask & (scenes.size == SIZE_WORDS[size]), f"{size} {name}"
    return Things(mask, name, name + "s")


def touching(rng: Random, scenes: Scenes, box: str = "box") -> tuple[str, np.ndarray]:
    """Return the phrase of the touched thing, after a noun, and the mask of things that touch it."""
    if scenes.kind == "tower":
        words, at = "touching the wall", touched(scenes)["base"]
    else:
        words, at = _touching(rng, scenes, box)
    if rng.random() < 0.3 and "bottom" not in words:
        return f"not {words}", scenes.there & ~at
    return words, at


def _touching(rng, scenes, box):
    at = touched(scenes)
    where = pick(rng, {"edge": 0.5, "base": 0.25, "corner": 0.12, "right": 0.08, "top": 0.03, "left": 0.02})
    how = rng.choice(("touching", "touching", "closely touching", "closely touching", "nearly touching"))
    of = rng.choice(("", f" of a {box}", f" of the {box}"))
    if where == "edge":
        words = rng.choice(
            ("the edge", "the edge", "any edge", "an edge", "the wall", "the wall", "the side", "a wall")
        )
        return f"touching {words}{of if rng.random() < 0.2 else ''}", at["edge"]
    if where == "base":
        words = rng.choice(("touching the base", "touching the bottom base", f"{how} the bottom of a {box}"))
        return words, at["base"]
    if where == "corner":
        corner = rng.choice(("a", "the", "a", "the", "the bottom right", "the right", "the left"))
        sides = {"the right": ("right",), "the left": ("left",), "the bottom right": ("right", "base")}.get(corner, ())
        return f"{how} {corner} corner{of}", np.all([at["corner"], *(at[side] for side in sides)], axis=0)
    words = {"right": "right wall", "left": "left wall", "top": "the roof"}[where]
    return f"{how} {words} of a {box}", at[where]
