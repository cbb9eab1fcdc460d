"""Sentences about drawn scenes: they are true where a plain reading of them says so."""

import itertools
import re
from random import Random

import numpy as np
import pytest

from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.sources import nlvr
from mmzoo.data.sources.nlvr_synthetic import dataset
from mmzoo.data.sources.nlvr_synthetic.phrases import NUMBERS
from mmzoo.data.sources.nlvr_synthetic.scenes import BOX, COLORS, KINDS, SHAPES, draw_scenes
from mmzoo.errors import BadInputError

HOW = {
    "a": lambda n, k: n >= 1,
    "an": lambda n, k: n >= 1,
    "no": lambda n, k: n == 0,
    "": lambda n, k: n == k,
    "exactly": lambda n, k: n == k,
    "only": lambda n, k: n == k,
    "just": lambda n, k: n == k,
    "at least": lambda n, k: n >= k,
    "atleast": lambda n, k: n >= k,
    "at most": lambda n, k: 1 <= n <= k,
    "more than": lambda n, k: n > k,
    "less than": lambda n, k: n < k,
}
NUMBER = rf"(?P<k{{0}}>{'|'.join(NUMBERS)}|\d)"
MANY = "|".join(rf"{how}\s?" for how in sorted(set(HOW) - {"a", "an", "no"}, key=len, reverse=True))
COUNT = rf"(?P<how{{0}}>an|a|no|(?:{MANY})(?={NUMBER.replace('P<k{0}>', ':')}))\s?{NUMBER}?"
NOUN = rf"(?P<color{{0}}>{'|'.join(COLORS)})?\s?(?P<noun{{0}}>{'|'.join(SHAPES)}|item|object|block)s?"
BOX_NAME = "(?:grey )?(?:box|square|tower)(?:e?s)?"
LINK = "(?:with|that has|which has|having|containing)"


def pattern(text):
    """Compile `text`, in which C0 is a count, N0 things, B a box; 1 and 2 as 0."""
    for i in "012":
        text = text.replace(f"C{i}", COUNT.format(i)).replace(f"N{i}", NOUN.format(i))
    return re.compile(text.replace("BB", BOX_NAME).replace("LINK", LINK))


def holds(match, i, number):
    k = match[f"k{i}"]
    return HOW[match[f"how{i}"].strip()](number, (int(k) if k.isdigit() else NUMBERS.index(k)) if k else None)


def matching(match, i, things):
    color, noun = match[f"color{i}"], match[f"noun{i}"]
    return [t for t in things if color in (None, t["color"]) and noun in (t["shape"], "item", "object", "block")]


def in_boxes(match, boxes):
    """Read `C0 box with C1 N1 and C2 N2` thing by thing."""
    fits = 0
    for things in boxes:
        parts = [i for i in (1, 2) if f"how{i}" in match.groupdict()]
        fits += all(holds(match, i, len(matching(match, i, things))) for i in parts)
    return holds(match, 0, fits)


def anywhere(match, boxes):
    return holds(match, 0, sum(len(matching(match, 0, things)) for things in boxes))


def at_the_wall(match, boxes):
    near = [[t for t in things if (t["at"] > 0) != bool(match["not"])] for things in boxes]
    return anywhere(match, near)


def laid(match, boxes):
    pairs = sum(
        (a["color"], b["color"]) == (match["upper"], match["lower"])
        for things in boxes
        for b, a in itertools.pairwise(things)
    )
    return holds(match, 0, pairs)


def as_end(match, boxes):
    place = -1 if match["end"] == "top" else 0
    fits = [things for things in boxes if things[place]["color"] == match["color"]]
    if match["k1"]:
        fits = [things for things in fits if holds(match, 1, len(things))]
    return holds(match, 0, len(fits))


READINGS = {
    "counted": (pattern("there (?:is|are) C0 N0"), anywhere),
    "at the wall": (
        pattern("there (?:is|are) C0 N0 (?P<not>not )?touching (?:the|any|an) (?:wall|edge|side)"),
        at_the_wall,
    ),
    "in boxes": (pattern("there (?:is|are) C0 BB LINK C1 N1"), in_boxes),
    "two in boxes": (pattern("there (?:is|are) C0 BB LINK C1 N1 and C2 N2"), in_boxes),
    "laid": (
        pattern(r"there (?:is|are) C0 (?P<upper>\w+) blocks? (?:above|over|on) (?:a|the) (?P<lower>\w+) block"),
        laid,
    ),
    "as end": (
        pattern(r"there (?:is|are) C0 (?P<color>\w+) blocks? as the (?P<end>top|base) of a tower(?: with C1 blocks?)?"),
        as_end,
    ),
}


def boxes_of(scenes, picture):
    """List the things of each box as dicts, `at` the walls that each touches."""
    boxes = []
    for box in range(3):
        names = ("color", "shape", "size", "x", "y")
        of = zip(*(getattr(scenes, name)[picture, box].tolist() for name in names), strict=True)
        things = []
        for color, shape, size, x, y in of:
            at = (x == 0) + (y == 0) + (x == BOX - size) + (y == BOX - size)
            things.append({"color": COLORS[color], "shape": SHAPES[shape], "at": at} if color >= 0 else None)
        boxes.append([t for t in things if t])
    return boxes


def test_sentences_are_true_where_one_reads_that_they_are(monkeypatch):
    monkeypatch.setattr(dataset, "_spoken", lambda rng, words: words)  # as somebody wrote who makes no mistakes
    rng, read = Random(0), dict.fromkeys(READINGS, 0)
    for kind in KINDS:
        scenes = draw_scenes(kind, 40, np.random.default_rng(1))
        boxes = [boxes_of(scenes, i) for i in range(40)]
        for _ in range(3000):
            words, true = dataset.sentence(rng, scenes)
            for name, (form, reading) in READINGS.items():
                if match := form.fullmatch(words[0].lower() + words[1:]):
                    read[name] += 1
                    assert [reading(match, b) for b in boxes] == true.tolist(), words
    assert min(read.values()) > 20, read


def test_a_split_is_balanced_and_follows_from_the_seed(few_drawn):
    data = dataset.nlvr_drawn("train", 0)
    assert data.pictures.shape == (128, 50, 200)
    assert data.holds.shape == (128, 3, 110)
    assert data.about.shape == data.labels.shape == (120, dataset.ASKED)
    assert 0.4 < data.labels.mean() < 0.6
    assert set(data.labels.sum(axis=1)) <= set(range(4, 13)), "no sentence tells its answer"
    kinds = np.array(nlvr.kinds_of(data.pictures))
    np.testing.assert_array_equal(kinds[data.about], np.repeat(data.kinds[:, None], dataset.ASKED, 1))
    for kind in KINDS:
        said = [decode_bytes(ids) for ids, k in zip(data.text, data.kinds, strict=True) if k == kind]
        assert len(set(said)) > 40
    dataset.nlvr_drawn.cache_clear()
    np.testing.assert_array_equal(dataset.nlvr_drawn("train", 0).text, data.text)
    assert np.any(dataset.nlvr_drawn("validation", 0).text != data.text)


def test_another_split_is_refused():
    with pytest.raises(BadInputError, match=r"split: expected one of train, validation.*'dev'"):
        dataset.nlvr_drawn("dev", 0)
