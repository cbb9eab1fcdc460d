"""Pictures with descriptions: those drawn, Lucide as GitHub serves it, FxEmojis, SVG, and the batches made of them."""

import dataclasses
import io
import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from epochs import chain
from PIL import Image
from pinned_archive import FromArchive, write_archive

from mmzoo.data.batches.image_text import (
    SPLITS,
    Described,
    encode_ways,
    evaluation_pictures,
    split_of,
    training_pictures,
)
from mmzoo.data.builders import lucide as records
from mmzoo.data.decode.svg import draw_svg
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.download.archive import read_members
from mmzoo.data.sources import captioned_shapes, icons
from mmzoo.data.sources.colored_shapes import COLORS
from mmzoo.errors import BadInputError

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" stroke-width="2">'


def svg(body, head=HEAD):
    return f"{head}{body}</svg>"


def icon(number):
    """Return an SVG by whose dot, in the row and column of its number, it is known; where it is in is its split."""
    return svg(f'<circle cx="{4 + number % 5 * 4}" cy="{4 + number // 5 * 4}" r="1" />')


MEMBERS = {split: [n for n in range(25) if split_of(icon(n).encode()) == split] for split in SPLITS}


def fake_members():
    members = {}
    for number in range(25):
        said = {"tags": [f"Tag {number}", "dot"], "categories": ["shapes"], "contributors": ["me"]}
        members[f"icons/dot-{number}.svg"] = icon(number).encode()
        members[f"icons/dot-{number}.json"] = json.dumps(said).encode()
    return members


class LucideTest(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = records
    members = staticmethod(fake_members)
    DATASET_CLASS = records.Lucide
    SPLITS = {split: len(found) for split, found in MEMBERS.items()}  # noqa: RUF012, as tfds has it


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that puts members into the archive that is found; the records go to a folder of the test."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    icons.lucide.cache_clear()

    def put(members):
        monkeypatch.setattr(records, "ARCHIVE", write_archive(tmp_path, records.ARCHIVE, members))
        return str(tmp_path)

    yield put
    icons.lucide.cache_clear()


def test_lucide_is_asked_for_by_name_and_its_splits_share_no_drawing(place):
    twin = {"icons/twin.svg": icon(3).replace("><", ">\n  <").replace(" />", "\n/>").encode()}
    folder = place(fake_members() | twin | {"icons/twin.json": fake_members()["icons/dot-3.json"]})
    seen = set()
    for split in SPLITS:
        data = icons.lucide(split, folder)
        names = [decode_bytes(ids) for ids in data.text[:, 0]]
        assert data.images.shape == (len(names), 48, 48, 3)
        for name, image, tags in zip(names, data.images, data.tags, strict=True):
            number = 3 if name == "twin" else int(name.removeprefix("dot "))
            dark = np.argwhere(image[..., 0] < 128).mean(axis=0) / 2
            np.testing.assert_allclose(dark, [4 + number // 5 * 4 - 0.25, 4 + number % 5 * 4 - 0.25], atol=0.1)
            assert tags == f"tag {number}, dot"
        assert not seen & set(names)
        seen |= set(names)
        words = [[set(decode_bytes(ids).split(", ")) for ids in said] for said in data.text]
        for name, said, tags in zip(names, words, data.tags, strict=True):
            assert set().union(*said) == {name, *tags.split(", "), "shapes"}
    assert len(seen) == 26


def test_icons_of_one_drawing_are_one(place):
    members = fake_members() | {"icons/twin.svg": icon(3).encode() + b"\n"}
    data = icons.lucide(split_of(icon(3).encode()), place(members | {"icons/twin.json": members["icons/dot-3.json"]}))
    names = [decode_bytes(ids) for ids in data.text[:, 0]]
    assert data.ids[names.index("twin")] == data.ids[names.index("dot 3")]
    assert len(set(data.ids.tolist())) == len(names) - 1


BAD = {
    "no JSON": ("json", b"{", "dot-4.json: expected JSON with tags and categories"),
    "no tags": ("json", b'{"categories": []}', "dot-4.json: expected JSON with tags and categories"),
    "a list": ("json", b"[]", "dot-4.json: expected JSON with tags and categories"),
    "tags of numbers": ("json", b'{"categories": [], "tags": [1]}', "expected a list of strings as tags"),
    "broken": ("svg", b"<svg", "dot-4.svg: expected an SVG with a square viewBox"),
    "nothing to draw": ("svg", svg("").encode(), "dot-4.svg: expected an SVG with .*0 lines"),
}


@pytest.mark.parametrize(("kind", "content", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_told_in_a_line(place, tmp_path, kind, content, said):
    folder = place(fake_members() | {f"icons/dot-4.{kind}": content})
    with pytest.raises(BadInputError, match=said) as raised:
        icons.lucide("train", folder)
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "records").glob("lucide/*/dataset_info.json"))


def test_the_real_archive_is_the_pinned_one(data_dir):
    path = data_dir / "archives" / records.ARCHIVE.file_name
    if not path.is_file():
        pytest.skip(f"needs {records.ARCHIVE.file_name}")
    members = read_members(path, records.ARCHIVE)
    assert len(members) == 2 * 1776
    for name in ("circle-divide", "bike", "a-arrow-down"):
        image = draw_svg(members[f"icons/{name}.svg"], 48)
        assert 0.05 < np.mean(image < 128) < 0.5


def lines(body, size=24, head=HEAD):
    return draw_svg(svg(body, head), size).astype(float)


def test_svg_lines_are_where_they_are_said_to_be():
    picture = lines('<path d="M4 6h16" /><line x1="12" x2="12" y1="18" y2="18" />')
    expected = np.full((24, 24), 255.0)
    expected[5:7, 4:20] = 0
    away = np.ones((24, 24), bool)
    away[4:8, 2:22] = away[16:20, 10:14] = False
    np.testing.assert_array_equal(picture[away], 255)
    np.testing.assert_array_equal(picture[5:7, 4:20], 0)
    ends = 255 - picture[5:7, [3, 20]]
    np.testing.assert_allclose(ends / 255, np.pi / 4, atol=0.08)  # a quarter of a circle of radius 1 in each
    np.testing.assert_allclose((255 - picture[16:20, 10:14]).sum() / 255, np.pi, atol=0.2)  # of no length: a dot


def test_svg_shapes_of_one_outline_are_the_same():
    ring = lines('<circle cx="12" cy="12" r="8" />')
    inside = np.hypot(*(np.mgrid[:24, :24] - 11.5))
    assert (ring[abs(inside - 8) < 0.2] == 0).all()
    assert (ring[abs(inside - 8) > 2] == 255).all()
    for same in (
        '<ellipse cx="12" cy="12" rx="8" ry="8" />',
        '<path d="M4 12a8 8 0 0 1 16 0a8 8 0 1 1-16 0" />',
        '<rect x="4" y="4" width="16" height="16" rx="8" />',
    ):
        np.testing.assert_allclose(lines(same), ring, atol=6)
    box = lines('<rect x="4" y="4" width="16" height="16" />')
    for same in ('<polygon points="4 4 20 4 20 20 4 20" />', '<path d="M4 4h16v16h-16z" />'):
        np.testing.assert_array_equal(lines(same), box)


def test_svg_is_scaled_to_its_view():
    small = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="100 -50 12 12" stroke-width="1">'
    left = lines('<path d="M102 -48l8 8" />', 48, small)
    np.testing.assert_array_equal(left, lines('<path d="M4 4l16 16" />', 48))


@pytest.mark.parametrize(
    "broken",
    [
        "no SVG",
        svg('<path d="M4 4h' + "16 nonsense" + '" />'),
        svg("<circle />", '<svg xmlns="http://www.w3.org/2000/svg">'),
        svg('<path d="M0 0h1" />', HEAD.replace("0 0 24 24", "0 0 24 12")),
        svg('<path d="M0 0h1" />', HEAD.replace('"2"', '"0"')),
        b"\xff\xfe",
    ],
)
def test_svg_that_cannot_be_drawn_is_named(broken):
    with pytest.raises(BadInputError, match=r"here\.svg: expected an SVG with a square viewBox and strokes") as raised:
        draw_svg(broken, 24, "here.svg")
    assert "\n" not in str(raised.value)


def fake_emoji(folder, **changes):
    blobs = []
    for number in range(30):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (8 * number, 0, 0)).save(file, "JPEG", quality=95)
        blobs.append(file.getvalue())
    arrays = {
        "jpg": np.frombuffer(b"".join(blobs), np.uint8),
        "jpg_off": np.cumsum([0, *map(len, blobs)]),
        "name": np.array([f"red square {number}" for number in range(30)]),
        "short": np.array([f"red{number}" for number in range(30)]),
        "category": np.array(["symbols"] * 30),
    }
    np.savez(folder / icons.FILE, **{k: v for k, v in {**arrays, **changes}.items() if v is not None})
    icons.fxemoji.cache_clear()
    icons._fxemoji.cache_clear()
    return str(folder)


def test_fxemoji_is_asked_for_by_name(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    folder, seen = fake_emoji(tmp_path), set()
    for split in SPLITS:
        data = icons.fxemoji(split, folder)
        for said, image, tags in zip(data.text, data.images, data.tags, strict=True):
            name = decode_bytes(said[0])
            number = int(name.removeprefix("red square "))
            np.testing.assert_allclose(image[5, 5], [8 * number, 0, 0], atol=4)
            assert tags == f"red{number}, symbols"
            seen.add(number)
    assert seen == set(range(30))


@pytest.mark.parametrize(
    "changes",
    [
        {"short": None},
        {"short": np.array(["a"])},
        {"jpg_off": np.array([0, 5])},
        {"category": np.zeros(30)},
        {"jpg": np.zeros(3, np.uint8)},
    ],
    ids=str,
)
def test_an_fxemoji_file_of_something_else_is_named(tmp_path, monkeypatch, changes):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    with pytest.raises(BadInputError, match=rf"{icons.FILE}: expected .*jpg_off") as raised:
        icons.fxemoji("train", fake_emoji(tmp_path, **changes))
    assert "\n" not in str(raised.value)


def test_fxemoji_that_is_not_there_or_no_jpeg(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    icons._fxemoji.cache_clear()
    with pytest.raises(BadInputError, match="not found in `data_dir` or MMZOO_DATA_DIR"):
        icons.fxemoji("train", str(tmp_path))
    nothing = np.arange(0, 310, 10)
    with pytest.raises(BadInputError, match=r"red square .*: expected a JPEG"):
        icons.fxemoji("train", fake_emoji(tmp_path, jpg=np.arange(300).astype(np.uint8), jpg_off=nothing))


def test_the_real_fxemoji_is_whole(data_dir):
    if not (data_dir / icons.FOLDER / icons.FILE).is_file():
        pytest.skip(f"needs {icons.FILE}")
    data = icons.fxemoji("validation", str(data_dir))
    assert data.images.shape == (101, 48, 48, 3)
    assert data.text.shape == (101, icons.WAYS, icons.LENGTH)


def test_the_sample_shows_what_is_said():
    data = captioned_shapes.sample("validation", 0)
    told = [scene for scene in captioned_shapes.scenes() if split_of(repr(scene).encode()) == "validation"]
    for number, (said, tags) in enumerate(zip(data.text, data.tags, strict=True)):
        place, *both = told[data.ids[number]]
        assert tags == " ".join(sorted(color for _, color, _ in both))
        one, other = (f"a {' '.join(thing)}" for thing in both)
        assert f"{one} {place} {other}" in [decode_bytes(ids) for ids in said]
    rng = np.random.default_rng(0)
    for place, one, other in told:
        (_, _, x, y, r), (_, _, x2, y2, r2) = things = captioned_shapes._place(place, one, other, rng)
        assert [thing[:2] for thing in things] == [one[:0:-1], other[:0:-1]]
        assert (r < 5) == (one[0] == "small")
        assert (r2 < 5) == (other[0] == "small")
        assert (x2 - x > abs(y2 - y)) if place == "left of" else (y2 - y > abs(x2 - x))
        picture = captioned_shapes.draw_things(things, rng).astype(float)
        for _, color, u, v, _ in things:
            middle = picture[int(v) - 1 : int(v) + 2, int(u) - 1 : int(u) + 2].mean(axis=(0, 1))
            assert np.abs(middle - COLORS[color]).max() < 90


def test_the_sample_is_of_its_seed_and_no_split_shows_what_another_shows():
    one, other = (captioned_shapes.sample("test", seed) for seed in (0, 1))
    captioned_shapes.sample.cache_clear()
    np.testing.assert_array_equal(one.images, captioned_shapes.sample("test", 0).images)
    assert not np.array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.ids, other.ids)
    said = {s: {ids.tobytes() for ids in captioned_shapes.sample(s, 0).text[:, 0]} for s in SPLITS}
    for a, b in itertools.combinations(SPLITS, 2):
        assert not said[a] & said[b]
    assert len(set().union(*said.values())) > 1000
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        captioned_shapes.sample("dev", 0)


def counted(count=40, ways=3, lines=False):
    """Return pictures that are as bright as their number, and descriptions that tell it and the way."""
    images = np.full((count, 16, 16, 3), 255, np.uint8)
    images[:, 6:10, 6:10] = np.arange(count, dtype=np.uint8)[:, None, None, None]
    text = encode_ways([[f"{i} {way}" for way in "abc"[:ways]] for i in range(count)], 8)
    return Described(images, text, np.arange(count, dtype=np.int32) // 2, ("",) * count, lines)


def stacked(batches):
    batches = [({name: np.asarray(x) for name, x in inputs.items()}, np.asarray(y)) for inputs, y in batches]
    inputs = {name: np.concatenate([x[name] for x, _ in batches]) for name in batches[0][0]}
    return inputs, np.concatenate([y for _, y in batches])


def test_batches_are_pictures_with_one_of_their_descriptions():
    data = counted()
    inputs, ids = stacked(evaluation_pictures(data, 0))
    np.testing.assert_array_equal(inputs["image"], data.images)
    np.testing.assert_array_equal(inputs["text"], data.text[:, 0])
    np.testing.assert_array_equal(ids, data.ids)
    assert np.all(inputs["present"] == 1)
    inputs, ids = stacked(chain(range(2), lambda epoch: training_pictures(data, 20, 0, epoch, 15)))
    words = [decode_bytes(row).split() for row in inputs["text"]]
    number = np.array([int(word) for word, _ in words])
    assert set(np.bincount(number)) == {30}
    np.testing.assert_array_equal(ids, number // 2)
    np.testing.assert_allclose(inputs["image"].min(axis=(1, 2, 3)), number, atol=6)
    shares = [np.mean([way == letter for _, way in words]) for letter in "abc"]
    assert min(shares) > 0.28
    assert np.all(inputs["present"] == 1)
    assert len({image.tobytes() for image in inputs["image"]}) > 1000, "each is moved anew"


def test_lines_become_thicker_and_thinner():
    dark = {
        lines: [(x < 128).any(axis=-1).sum() for x in stacked(training_pictures(data, 20, 0, 0, 15))[0]["image"]]
        for lines in (False, True)
        for data in [counted(lines=lines)]
    }
    assert np.std(dark[True]) > 1.5 * np.std(dark[False])
    assert min(dark[True]) < min(dark[False]) < max(dark[False]) < max(dark[True])


def test_training_goes_on_where_it_stopped():
    whole = chain(range(2), lambda epoch: training_pictures(counted(lines=True), 20, 3, epoch, 2))
    rest = list(training_pictures(counted(lines=True), 20, 3, 1, 2))
    for (x, y), (again, ids) in zip(whole[len(whole) // 2 :], rest, strict=True):
        np.testing.assert_array_equal(y, ids)
        tf.nest.map_structure(np.testing.assert_array_equal, x, again)


def test_descriptions_without_words_are_told_together():
    with pytest.raises(BadInputError, match=r"expected words for every picture. Received: none of picture 1, 2$"):
        encode_ways([["a", "b"], ["a", " "], []], 8)
    with pytest.raises(BadInputError, match="Received: no pictures"):
        encode_ways([], 8)


def test_splits_are_of_the_content_alone():
    found = [split_of(f"{i}".encode()) for i in range(5000)]
    shares = {split: found.count(split) / 5000 for split in SPLITS}
    assert shares == pytest.approx({"train": 0.7, "validation": 0.1, "test": 0.2}, abs=0.03)


def test_another_archive_is_refused(place, monkeypatch):
    folder = place(fake_members())
    monkeypatch.setattr(records, "ARCHIVE", dataclasses.replace(records.ARCHIVE, sha256="0" * 64))
    with pytest.raises(BadInputError, match=records.ARCHIVE.file_name):
        icons.lucide("test", folder)
