"""Synthetic NLVR for pretraining: drawn scenes, and sentences with computed truth values.

Each sentence has as many scenes in which it is true as scenes in which it is false. Half of these pairs hold the same
things in other places, so the words do not reveal the answer.
"""

import functools
from dataclasses import dataclass
from random import Random

import numpy as np

from mmzoo.data.decode.text import encode_bytes
from mmzoo.data.sources.nlvr import LENGTH
from mmzoo.data.sources.nlvr_synthetic.boxes import held
from mmzoo.data.sources.nlvr_synthetic.phrases import count, noun, pick, things, touching
from mmzoo.data.sources.nlvr_synthetic.scenes import (
    BOXES,
    KINDS,
    Scenes,
    draw_pictures,
    draw_scenes,
    holds,
    told_by_place,
)
from mmzoo.data.sources.nlvr_synthetic.towers import built, told_of_towers
from mmzoo.errors import BadInputError

POOLS = {"train": 16, "validation": 1, "test": 1}  # of each kind of scene
POOL = 512  # pictures
SENTENCES = 4000  # about a pool
ASKED = 16  # pictures that a sentence is asked of
PLACES = 7  # squares beside one another of which it is told what things have their middle there
RARE = 0.01  # a sentence that is true or false of less of a pool says too little


@dataclass(frozen=True)
class Drawn:
    """`pictures` `(K, 50, 200)` are rows of `PALETTE`, `holds` `(K, 3, 110)` the contents of their boxes.

    `places` `(K, 7, 21, 110)` are the contents by place, see `told_by_place`.

    Each sentence `text` `(N, 128)` is asked of 16 pictures, `about` `(N, 16)`; `labels` `(N, 16)` index `nlvr.ANSWERS`.
    """

    pictures: np.ndarray
    places: np.ndarray
    holds: np.ndarray
    text: np.ndarray
    about: np.ndarray
    labels: np.ndarray
    kinds: np.ndarray


def sentence(rng: Random, scenes: Scenes) -> tuple[str, np.ndarray]:
    """Return a sentence, and of which pictures of `scenes` it is true, `(K,)`."""
    if scenes.kind == "tower":
        ways = {_of_boxes: 0.6, told_of_towers: 0.3, _of_things: 0.1}
    else:
        ways = {_of_boxes: 0.55, _of_things: 0.41, _of_all: 0.04}
    words, true = pick(rng, ways)(rng, scenes)
    return _spoken(rng, words), true


def _of_boxes(rng, scenes):
    """`There is exactly one box with a black circle and two squares`, `each box has at least one item`."""
    if scenes.kind == "tower":
        box = pick(rng, {"tower": 0.65, "box": 0.35})
        words, holds = built(rng, scenes) if rng.random() < 0.6 else held(rng, scenes)
    else:
        box = pick(rng, {"box": 0.75, "grey box": 0.15, "grey square": 0.1})
        words, holds = held(rng, scenes)
    many = f"{box}es" if box.endswith("x") else f"{box}s"
    found = holds.sum(axis=1)
    form = pick(rng, {"a": 0.5, "count": 0.27, "one of": 0.12, "each": 0.08, "two of": 0.03})
    if form == "each":
        start = rng.choice((f"Each {box} has", f"Each {box} contains", f"All the {many} have", f"All {many} contain"))
        return f"{start} {words}", found == BOXES
    if form == "one of":
        start = rng.choice((f"One of the {box} has", f"One of the {many} contains", f"One {box} has"))
        return f"{rng.choice((start, start, f'At least one of the {many} has'))} {words}", found > 0
    if form == "two of":
        return f"Two {rng.choice(('of the ', 'of the three ', ''))}{many} have {words}", found == 2
    link = rng.choice(("with", "with", "with", "that has", "which has", "having", "containing"))
    if form == "a":
        return f"There is a {box} {link} {words}", found > 0
    how = count(rng, 2, none=0.1, article=0)
    be, name = ("are", many) if how.plural else ("is", box)
    return f"There {be} {how.words} {name} {link} {words}", how.holds(found)


def _of_things(rng, scenes):
    """`There are exactly two yellow circles touching the base`, `There is 1 yellow item in each box`."""
    some, how = things(rng, scenes, plain=0.06), count(rng, 5, none=0.06)
    be, mask, form = "are" if how.plural else "is", some.mask, rng.random()
    start = f"There {be} {noun(how, some)}"
    if form < 0.08:
        each = rng.choice(("in each box", "in each tower" if scenes.kind == "tower" else "in each box"))
        return f"{start} {each}", how.holds(mask.sum(axis=2)).all(axis=1)
    if form < 0.14:
        other, more = things(rng, scenes), count(rng, 3)
        both = how.holds(mask.sum(axis=(1, 2))) & more.holds(other.mask.sum(axis=(1, 2)))
        return f"{start} and {noun(more, other)}", both
    if form < (0.8 if scenes.kind == "scatter" else 0.3):
        words, at = touching(rng, scenes)
        return f"{start} {words}", how.holds((mask & at).sum(axis=(1, 2)))
    return start, how.holds(mask.sum(axis=(1, 2)))


def _of_all(rng, scenes):
    """`None of the blue triangles are touching the edge`, `All yellow items are in the same box`."""
    some = things(rng, scenes)
    words, at = touching(rng, scenes)
    there, within = some.mask.any(axis=(1, 2)), (some.mask & at).any(axis=(1, 2))
    form = rng.random()
    if form < 0.45:
        return f"None of the {some.many} are {words}", there & ~within
    if form < 0.6:
        return f"The {some.one} is {words}", within & (some.mask.sum(axis=(1, 2)) == 1)
    if form < 0.85:
        all_ = rng.choice(("All", "All the", "All of the"))
        return f"{all_} {some.many} are {words}", there & ~(some.mask & ~at).any(axis=(1, 2))
    if form < 0.92:
        number_ = scenes.there.sum(axis=2)
        same = sum((number_[:, i] == number_[:, j]).astype(int) for i, j in ((0, 1), (0, 2), (1, 2)))
        return "There are two boxes that has the same number of items", same >= 1
    return f"All {some.many} are in the same box", some.mask.any(axis=2).sum(axis=1) == 1


def _spoken(rng, words):
    """Return `words` as somebody typed them: capital and stop or not, now and then a letter too few."""
    if rng.random() < 0.35:
        words = words[0].lower() + words[1:]
    if rng.random() < 0.05:
        i = rng.randrange(1, len(words))
        words = words[:i] + words[i + 1 :]
    return words + ("." if rng.random() < 0.5 else "")


@functools.lru_cache(maxsize=2)
def nlvr_drawn(split, seed):
    """Draw a split, all of which follows from `seed`, as `Drawn`.

    Training has 16,384 pictures and 128,000 sentences; validation and test have 1,024 and 8,000.
    """
    if split not in POOLS:
        raise BadInputError(f"split: expected one of {', '.join(POOLS)}. Received: {split!r}.")
    key = [seed, 7, list(POOLS).index(split)]
    rng, teller = np.random.default_rng(key), Random(str(key))
    pools = [_draw(kind, rng, teller) for _ in range(POOLS[split]) for kind in KINDS]
    whole = {name: np.concatenate([pool[name] for pool in pools]) for name in pools[0]}
    whole["about"] = whole["about"] + POOL * (np.arange(len(whole["about"])) // SENTENCES)[:, None].astype(np.int32)
    return Drawn(**whole)


def _draw(kind, rng, teller):
    """Return a pool of scenes of `kind` and the sentences about them, as the fields of `Drawn`."""
    scenes = draw_scenes(kind, POOL, rng)
    rows = [_ask(teller, scenes) for _ in range(SENTENCES)]
    return {
        "pictures": draw_pictures(scenes, rng),
        "places": told_by_place(scenes, PLACES),
        "holds": holds(scenes),
        "text": encode_bytes([words for words, _, _ in rows], LENGTH),
        "about": np.array([about for _, about, _ in rows], np.int32),
        "labels": np.array([labels for _, _, labels in rows], np.int32),
        "kinds": np.array([kind] * len(rows)),
    }


def _ask(rng, scenes):
    """Return a sentence, the pictures that it is asked of and its answers, as many true as false or nearly."""
    while True:
        words, true = sentence(rng, scenes)
        sides = [np.flatnonzero(true == label) for label in (False, True)]
        if min(len(side) for side in sides) >= RARE * len(true) and len(words) <= LENGTH:
            break
    half = len(true) // 2
    split = np.flatnonzero(true[:half] != true[half:])
    about = [side[rng.randrange(len(side))] for side in sides for _ in range(ASKED // 4)]
    if len(split):
        chosen = [split[rng.randrange(len(split))] for _ in range(ASKED // 4)]
        about += [one + other for one in chosen for other in (0, half)]
    else:
        about += [side[rng.randrange(len(side))] for side in sides for _ in range(ASKED // 4)]
    return words, about, true[about]
