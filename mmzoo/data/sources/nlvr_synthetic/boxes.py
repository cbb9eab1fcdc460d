"""What a box of a scene may hold, in words, and which boxes do: `(words behind "a box with", (K, 3) bool)`."""

from random import Random

import numpy as np

from mmzoo.data.sources.nlvr_synthetic.phrases import anything, count, noun, number, pick, things, touching
from mmzoo.data.sources.nlvr_synthetic.scenes import COLORS, SHAPES, Scenes

Held = tuple[str, np.ndarray]


def held(rng: Random, scenes: Scenes) -> Held:
    """Return what a box may hold, of any kind of scene."""
    ways = {_counted: 0.3, _several: 0.34, _only: 0.1, _many_colored: 0.09, _of_which: 0.09, _alike: 0.04, _other: 0.04}
    return pick(rng, ways)(rng, scenes)


def _counted(rng, scenes):
    """`two yellow squares`, `at least one item`, `a yellow circle touching the wall`."""
    some, how = things(rng, scenes, plain=0.3), count(rng, article=0.2)
    if rng.random() < 0.15:
        words, at = touching(rng, scenes)
        return f"{noun(how, some)} {words}", how.holds((some.mask & at).sum(axis=2))
    if rng.random() < 0.06:
        return f"{rng.choice(('many', 'multiple'))} {anything(rng, scenes).many}", scenes.there.sum(axis=2) >= 3
    return noun(how, some), how.holds(some.mask.sum(axis=2))


def _several(rng, scenes):
    """`a blue circle, a black circle and two squares`, `2 yellow and 1 blue item`."""
    pieces, holds = [], np.ones(scenes.there.shape[:2], bool)
    colors = rng.sample(range(len(COLORS)), len(COLORS))
    parts = pick(rng, {2: 0.78, 3: 0.22})
    apart = scenes.kind == "tower" or rng.random() < 0.3
    for i in range(parts):
        how, some = count(rng, 3), things(rng, scenes, colors[i] if apart else -1, plain=0.05)
        pieces.append((how, some, noun(how, some)))
        holds = holds & how.holds(some.mask.sum(axis=2))
    said = [words for _, _, words in pieces]
    if apart and rng.random() < 0.3 and len({some.one.split()[-1] for _, some, _ in pieces}) == 1:
        said[:-1] = [words.rsplit(" ", 1)[0] for words in said[:-1]]  # the noun is said once
    return f"{', '.join(said[:-1])} and {said[-1]}", holds


def _colors_there(scenes):
    """Return which colors a box has, `(K, 3, C)`."""
    return np.stack([(scenes.color == i).any(axis=2) for i in range(len(COLORS))], axis=2)


def _only(rng, scenes):
    """`only black and blue items`, `items of only one color`, `only triangles`."""
    colors, every = _colors_there(scenes), anything(rng, scenes)
    chosen = rng.sample(range(len(COLORS)), pick(rng, {1: 0.35, 2: 0.65}))
    holds = np.all(colors == np.isin(np.arange(len(COLORS)), chosen), axis=2)
    said = " and ".join(COLORS[i] for i in chosen)
    if scenes.kind == "scatter" and rng.random() < 0.15:
        shape = rng.randrange(len(SHAPES))
        alone = ((scenes.shape == shape) | ~scenes.there).all(axis=2)
        return f"only {SHAPES[shape]}s", alone & scenes.there.any(axis=2)
    form = rng.choice(("only {0} {1}", "only {0} {1}", "{1} of only {0} color", "only {1} of {0} color"))
    if rng.random() < 0.25:
        how = rng.randint(2, 4)
        return f"{number(rng, how)} {every.many} of only {said} color", holds & (scenes.there.sum(axis=2) == how)
    return form.format(said, every.many), holds


def _many_colored(rng, scenes):
    """`3 items of 2 different colors`, `items of all 3 different colors`."""
    kinds, every = _colors_there(scenes).sum(axis=2), anything(rng, scenes)
    n, how = pick(rng, {1: 0.2, 2: 0.4, 3: 0.4}), count(rng, article=0)
    color = rng.choice(("colors", "colors", "color", "colours"))
    if n == 1:
        of = rng.choice(("of only one color", "of the same color", "of one color", "of same colour"))
    else:
        of = f"of {rng.choice(('all ', '') if n == 3 else ('', 'only '))}{number(rng, n)} different {color}"
    holds = kinds == n
    if rng.random() < 0.1:
        of, holds = "but not all 3 different colors", kinds < 3
    elif rng.random() < 0.15:
        of, holds = f"of different {color}", kinds > 1
    if rng.random() < 0.65:
        return f"{noun(how, every)} {of}", holds & how.holds(scenes.there.sum(axis=2))
    return f"{every.many} {of}", holds


def _of_which(rng, scenes):
    """`exactly four objects of which 2 are black`, `only one item and it is blue`, `two items which are circles`."""
    every, how = anything(rng, scenes), count(rng, article=0)
    some, part = things(rng, scenes), count(rng, 3, article=0)
    quality, mask = _quality(rng, scenes)
    total, some_count = how.holds(scenes.there.sum(axis=2)), mask.sum(axis=2)
    if not how.plural or rng.random() < 0.35:  # all of them
        form = rng.choice(("that {} {}", "which {} {}", "and {2} {0} {1}"))
        be, they = ("are", "they") if how.plural else ("is", "it")
        if rng.random() < 0.5:
            return f"{noun(how, every)} {form.format(be, quality, they)}", how.holds(some_count)
        return f"{noun(how, every)} {form.format(f'{be} not', quality, they)}", how.holds((scenes.there & ~mask).sum(2))
    be = "are" if part.plural else "is"
    if rng.random() < 0.5:
        words = rng.choice((f"of which {part.words} {be} {quality}", f"{part.words} of which {be} {quality}"))
        return f"{noun(how, every)} {words}", total & part.holds(some_count)
    return f"{noun(how, every)} and {noun(part, some)}", total & part.holds(some.mask.sum(axis=2))


def _quality(rng, scenes):
    """Return what a thing may be, `black` or `touching the edge`, and which things are."""
    if scenes.kind == "scatter" and rng.random() < 0.2:
        return touching(rng, scenes)
    color = rng.randrange(len(COLORS))
    return COLORS[color], scenes.color == color


def _alike(rng, scenes):
    """`exactly 2 items of the same color`: of some color are so many."""
    how = count(rng, 3, article=0)
    if not how.plural:
        return _counted(rng, scenes)
    scatter = scenes.kind == "scatter" and rng.random() < 0.4
    values, look, name = (scenes.shape, SHAPES, "shape") if scatter else (scenes.color, COLORS, "color")
    found = [how.holds(((values == i) & scenes.there).sum(axis=2)) for i in range(len(look))]
    return f"{noun(how, anything(rng, scenes))} of the same {name}", np.any(found, axis=0)


def _other(rng, scenes):
    """`a blue circle and no black item`, `black items and a triangle touching the wall`."""
    first, second, how = things(rng, scenes), things(rng, scenes), count(rng, 3)
    a, b = first.mask.sum(axis=2), second.mask.sum(axis=2)
    if rng.random() < 0.5:
        return f"{noun(how, first)} {rng.choice(('and', 'but'))} no {second.one}", how.holds(a) & (b == 0)
    words, at = touching(rng, scenes)
    there = (second.mask & at).any(axis=2)
    return f"{noun(how, first)} and a {second.one} {words}", how.holds(a) & there
