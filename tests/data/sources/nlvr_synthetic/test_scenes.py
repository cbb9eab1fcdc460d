"""Scenes drawn like NLVR's: what is in them, where, and what is told of them in numbers."""

import numpy as np
import pytest

from mmzoo.data.sources import nlvr
from mmzoo.data.sources.nlvr_synthetic import scenes as nlvr_scenes
from mmzoo.data.sources.nlvr_synthetic.scenes import BOX, COLORS, HOLDS, KINDS, MOST, PALETTE, SHAPES, SIZES, STRIDE


@pytest.fixture(scope="module", params=KINDS)
def scenes(request):
    return nlvr_scenes.draw_scenes(request.param, 200, np.random.default_rng(0))


def things(scenes, picture, box):
    """List the things of a box as `(color, shape, size, x, y)`."""
    of = (getattr(scenes, name)[picture, box].tolist() for name in ("color", "shape", "size", "x", "y"))
    return [thing for thing in zip(*of, strict=True) if thing[0] >= 0]


def test_all_follows_from_the_seed():
    one, same, other = (nlvr_scenes.draw_scenes("scatter", 20, np.random.default_rng(i)) for i in (1, 1, 2))
    np.testing.assert_array_equal(one.color, same.color)
    np.testing.assert_array_equal(one.x, same.x)
    assert np.any(one.color != other.color)


def test_things_lie_in_their_box_and_not_on_another(scenes):
    for picture in range(len(scenes.color)):
        for box in range(3):
            covered = np.zeros((BOX, BOX), int)
            for _, _, size, x, y in things(scenes, picture, box):
                assert min(x, y) >= 0
                assert max(x, y) <= BOX - size
                covered[y : y + size, x : x + size] += 1
            # a line of a block lies below the next where the resolution was halved
            assert covered.max() == 1
            assert covered.any()


def test_every_look_and_number_occurs(scenes):
    there = scenes.there
    assert set(scenes.color[there]) == set(range(len(COLORS)))
    shapes, sizes = (set(range(len(SHAPES))), set(SIZES)) if scenes.kind == "scatter" else ({1}, {10})
    assert (set(scenes.shape[there]), set(scenes.size[there])) == (shapes, sizes)
    number = np.bincount(there[:100].sum(axis=2).ravel(), minlength=MOST[scenes.kind] + 1)
    assert number[0] == 0
    assert np.all(number[1:] > 5)


def test_the_second_half_mixes_the_things_of_the_first(scenes):
    kept = same = 0
    for i in range(100):
        one, other = (sorted(t[:3] for box in range(3) for t in things(scenes, k, box)) for k in (i, i + 100))
        kept += one == other
        same += [things(scenes, i, box) for box in range(3)] == [things(scenes, i + 100, box) for box in range(3)]
    assert kept > (99 if scenes.kind == "tower" else 50), "some find no place"
    assert same < 25


def test_pictures_show_the_things_alone(scenes):
    rows = nlvr_scenes.draw_pictures(scenes, np.random.default_rng(3))
    assert (rows.shape, rows.dtype) == ((200, nlvr.HEIGHT, nlvr.WIDTH), np.uint8)
    column = np.arange(nlvr.WIDTH) % STRIDE
    assert np.all(rows[:, :, column >= BOX] == 1)
    assert set(nlvr.kinds_of(rows)) == {scenes.kind}
    area = {1: lambda size: {size * size}, 2: lambda size: {size * (size + 1) // 2, size * (size - 1) // 2}}
    area[0] = lambda size: set(range(int(0.68 * size * size), int(0.84 * size * size) + 1))
    for picture in range(0, 200, 7):
        for box in range(3):
            shown = rows[picture, :, box * STRIDE : box * STRIDE + BOX].copy()
            for color, shape, size, x, y in things(scenes, picture, box):
                part = shown[y : y + size, x : x + size]
                assert np.sum(part == 2 + color) in area[shape](size)
                assert set(np.unique(part)) <= {0, 2 + color}
                part[:] = 0
            assert not shown.any()


def test_colors_are_those_of_nlvr(data_dir):
    if not (data_dir / nlvr.FOLDER).is_dir():
        pytest.skip(f"needs {nlvr.FOLDER}")
    np.testing.assert_array_equal(np.load(data_dir / nlvr.FOLDER / "train1000.npz")["palette"], PALETTE)


def plainly(found, tower):
    """Return what `things` of a box are in numbers, one thing after the other."""
    looks, walls, level = np.zeros((3, 3, 3)), np.zeros((3, 3, 6)), np.zeros((4, 3))
    on, height = np.zeros((3, 3)), np.zeros(5)
    for i, (color, shape, size, x, y) in enumerate(found):
        looks[color, shape, SIZES.index(size)] += 1
        left, right, top, base = x == 0, x == BOX - size, y == 0, y == BOX - size
        corner = (left or right) and (top or base)
        walls[color, shape] += [left or right or top or base, base, right, corner, left, top]
        if tower:
            level[i, color] = 1
            if i:
                on[color, found[i - 1][0]] += 1
    top = np.zeros(3)
    if tower:
        top[found[-1][0]] = height[len(found)] = 1
    return np.concatenate([x.ravel() for x in (looks, walls, level, top, height, on)])


def test_what_boxes_hold_is_what_one_counts(scenes):
    told = nlvr_scenes.holds(scenes)
    assert told.shape == (200, 3, HOLDS)
    for picture in range(200):
        for box in range(3):
            found = things(scenes, picture, box)
            np.testing.assert_array_equal(told[picture, box], plainly(found, scenes.kind == "tower"))


def test_what_is_told_of_places_is_told_of_the_things_there(scenes):
    by_place = nlvr_scenes.told_by_place(scenes, 7)
    assert by_place.max() == 1
    for picture in range(0, 200, 5):
        for box in range(3):
            found = things(scenes, picture, box)
            middles = {(int((y + size / 2) * 7 / BOX), int((x + size / 2) * 7 / BOX)) for _, _, size, x, y in found}
            shown = by_place[picture, :, box * 7 : box * 7 + 7]
            assert set(zip(*np.nonzero(shown.any(axis=2)), strict=True)) == middles
            if len(middles) == len(found):
                np.testing.assert_array_equal(shown.sum(axis=(0, 1)), plainly(found, scenes.kind == "tower"))
