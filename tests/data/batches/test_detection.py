"""Scenes: those drawn, BCCD as GitHub serves it, and the batches in which boxes move with their pictures."""

import dataclasses
import tempfile
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from epochs import chain
from PIL import Image
from pinned_archive import FromArchive, write_archive

from mmzoo.data.batches.detection import MOST, Scenes, evaluation_scenes, join, pad_objects, training_scenes
from mmzoo.data.boxes.records import Boxed
from mmzoo.data.boxes.voc import write_voc
from mmzoo.data.builders import bccd as records
from mmzoo.data.download.archive import read_members
from mmzoo.data.sources import scattered_shapes
from mmzoo.data.sources.bccd import CLASSES, bccd
from mmzoo.errors import BadInputError

FILES = {"train": ("Blood_1", "Blood_4"), "val": ("Blood_2",), "test": ("Blood_3",)}
BOXES = {"Blood_1": [(0, 0, 640, 480), (100, 50, 300, 250), (7, 7, 8, 8)], "Blood_2": [(2, 4, 40, 80)]}
BOXES |= {"Blood_3": [(10, 20, 30, 40)], "Blood_4": []}


def fake_members():
    members = {}
    with tempfile.TemporaryDirectory() as folder:
        for i, (name, boxes) in enumerate(BOXES.items()):
            file = BytesIO()
            Image.new("RGB", (640, 480), (40 * i, 0, 0)).save(file, "JPEG", quality=100)
            members[f"BCCD/JPEGImages/{name}.jpg"] = file.getvalue()
            names = [CLASSES[k % 3] for k in range(len(boxes))]
            boxes = np.array(boxes, np.float64).reshape(-1, 4)
            write_voc([Boxed(f"{name}.jpg", (640, 480), boxes, tuple(names))], folder)
            members[f"BCCD/Annotations/{name}.xml"] = (Path(folder) / f"{name}.xml").read_bytes()
    for split, names in FILES.items():
        members[f"BCCD/ImageSets/Main/{split}.txt"] = "".join(f"{name}\n" for name in names).encode()
    return members


class BccdTest(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = records
    members = staticmethod(fake_members)
    DATASET_CLASS = records.Bccd
    SPLITS = {"train": 2, "validation": 1, "test": 1}  # noqa: RUF012, as tfds has it


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that puts members into the archive that is found; the records go to a folder of the test."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    bccd.cache_clear()

    def put(members):
        monkeypatch.setattr(records, "ARCHIVE", write_archive(tmp_path, records.ARCHIVE, members))
        return str(tmp_path)

    yield put
    bccd.cache_clear()


def test_bccd_is_halved_and_tells_what_it_leaves_out(place):
    folder = place(fake_members())
    with pytest.warns(UserWarning, match=r"left out 1 boxes: BCCD/Annotations/Blood_1\.xml, object 3: a box of almost"):
        train = bccd("train", folder)
    assert train.images.shape == (2, 240, 320, 3)
    assert train.images[:, 9, 9, 0].tolist() == pytest.approx([0, 120], abs=2)
    there = train.objects[0][train.objects[0, :, 4] >= 0]
    np.testing.assert_array_equal(there, [[0, 0, 320, 240, 0], [50, 25, 150, 125, 1]])
    assert (train.objects[1, :, 4] == -1).all()
    assert len(train.skipped) == 1
    np.testing.assert_array_equal(bccd("validation", folder).objects[0, 0], [1, 2, 20, 40, 0])
    np.testing.assert_array_equal(bccd("test", folder).objects[0, 0], [5, 10, 15, 20, 0])


def test_a_picture_that_is_not_there_or_not_described_is_named(place):
    for name, content, said in (
        ("BCCD/JPEGImages/Blood_2.jpg", b"no picture", "the image Blood_2.jpg cannot be read"),
        ("BCCD/Annotations/Blood_2.xml", b"<annotation>", "no XML"),
    ):
        folder = place(fake_members() | {name: content})
        with pytest.raises(BadInputError, match=rf"Blood_2\.xml: expected boxes of an image. Received: .*{said}"):
            bccd("validation", folder)


def test_another_archive_is_refused(place, monkeypatch):
    folder = place(fake_members())
    monkeypatch.setattr(records, "ARCHIVE", dataclasses.replace(records.ARCHIVE, sha256="0" * 64))
    with pytest.raises(BadInputError, match=records.ARCHIVE.file_name):
        bccd("train", folder)


def test_real_archive_is_the_pinned_one(data_dir):
    members = read_members(data_dir / "archives" / records.ARCHIVE.file_name, records.ARCHIVE)
    assert len(members) == 2 * 364 + 3
    sizes = {s: len(members[f"BCCD/ImageSets/Main/{file}.txt"].split()) for s, file in records.SPLITS.items()}
    assert sizes == {"train": 205, "validation": 87, "test": 72}


def test_shapes_lie_in_their_boxes():
    data = scattered_shapes.sample("validation", 0)
    assert data.images.shape == (scattered_shapes.PICTURES["validation"], 96, 96, 3)
    count = (data.objects[..., 4] >= 0).sum(axis=1)
    assert (count.min(), count.max()) == scattered_shapes.COUNT
    for image, things in zip(data.images[:40], data.objects[:40], strict=True):
        inside = np.zeros((96, 96), bool)
        for left, top, right, bottom, label in things:
            if label >= 0:
                inside[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
        ground = image[~inside].astype(float)
        # what is in no box is of one color, but for the grain
        assert np.abs(ground - np.median(ground, axis=0)).max() < 6 * scattered_shapes.GRAIN


def test_shapes_are_a_function_of_the_seed_and_splits_share_none():
    one = scattered_shapes.sample("test", 3)
    scattered_shapes.sample.cache_clear()
    again = scattered_shapes.sample("test", 3)
    np.testing.assert_array_equal(one.images, again.images)
    np.testing.assert_array_equal(one.objects, again.objects)
    other = scattered_shapes.sample("test", 4)
    seen = {image.tobytes() for data in (one, other) for image in data.images}
    assert len(seen) == len(one.images) + len(other.images)
    assert not seen & {image.tobytes() for image in scattered_shapes.sample("validation", 3).images}
    with pytest.raises(BadInputError, match="split: expected one of"):
        scattered_shapes.sample("all", 0)


@pytest.fixture
def drawn():
    """Return scenes of one white and one gray rectangle each, of classes 0 and 1, and one of neither."""
    images, boxes = np.zeros((16, 40, 60, 3), np.uint8), []
    for i, image in enumerate(images[:-1]):
        both = [(4 + i, 6, 20 + i, 18), (30, 20 + i % 8, 44, 30 + i % 8)]
        for value, (left, top, right, bottom) in zip((255, 120), both, strict=True):
            image[top:bottom, left:right] = value
        boxes.append(np.array(both))
    labels = [np.arange(2)] * 15 + [np.zeros(0)]
    return Scenes(images, pad_objects([*boxes, np.zeros((0, 4))], labels))


def test_evaluation_is_every_picture_once_as_it_is(drawn):
    batches = list(evaluation_scenes(drawn, 0))
    np.testing.assert_array_equal(np.concatenate([x["image"] for x, _ in batches]), drawn.images)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), drawn.objects)


def test_boxes_move_with_their_pictures(drawn):
    found, kinds = 0, set()
    for inputs, objects in chain(range(4), lambda epoch: training_scenes(drawn, 8, 0, epoch)):
        assert objects.shape == (8, MOST, 5)
        for image, things in zip(inputs["image"].numpy(), objects.numpy(), strict=True):
            things = things[things[:, 4] >= 0]
            levels = {}
            for left, top, right, bottom, label in things:
                middle = image[int((top + bottom) / 2), int((left + right) / 2)].astype(float)
                levels[int(label)] = middle.mean()
                # just inside of an edge it is as in the middle, but for what the enlargement blurs
                y = np.clip(np.array([top + 2, bottom - 3]), 0, 39).astype(int)
                x = np.clip(np.array([left + 2, right - 3]), 0, 59).astype(int)
                if right - left > 8 and bottom - top > 8:
                    assert np.abs(image[y][:, x] - middle).max() < 30
                    found += 1
            kinds.add(tuple(sorted(levels)))
            if len(levels) == 2:
                assert levels[0] > levels[1] + 20  # the class goes with its box
    assert found > 40
    assert (0, 1) in kinds


def test_what_is_cut_by_more_than_the_source_has_it_has_no_box(drawn):
    """Moved alike, whole boxes stay the same, and none that was cut is left."""
    cut, whole = (
        np.concatenate([y for _, y in chain(range(12), partial(training_scenes, scenes, 16, 0))])
        for keep in (0.01, 0.999)
        for scenes in [dataclasses.replace(drawn, keep=keep)]
    )
    kept, dropped = whole[..., 4] >= 0, (cut[..., 4] >= 0) & (whole[..., 4] < 0)
    np.testing.assert_array_equal(whole[kept], cut[kept])
    left, top, right, bottom = np.moveaxis(cut[dropped][:, :4], -1, 0)
    assert dropped.sum() > 10
    assert ((left == 0) | (top == 0) | (right == 60) | (bottom == 40)).all()


def test_batches_are_a_function_of_the_seed(drawn):
    first, again, other = (next(iter(training_scenes(drawn, 8, seed, 0))) for seed in (0, 0, 1))
    for a, b in zip(tf.nest.flatten(first), tf.nest.flatten(again), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0]["image"], other[0]["image"])
    assert len(training_scenes(drawn, 8, 0, 2, passes=2)) == 4


def test_too_many_boxes_are_refused():
    with pytest.raises(BadInputError, match=f"at most {MOST} in a picture. Received: {MOST + 1}"):
        pad_objects([np.ones((MOST + 1, 4))], [np.zeros(MOST + 1)])


def test_two_splits_are_one():
    train, more = (scattered_shapes.sample(split, 0) for split in ("train", "validation"))
    first, second = dataclasses.replace(train, skipped=("one",), keep=0.6), dataclasses.replace(more, skipped=("two",))
    both = join(first, second)
    np.testing.assert_array_equal(both.images[: len(train.images)], train.images)
    np.testing.assert_array_equal(both.images[len(train.images) :], more.images)
    np.testing.assert_array_equal(both.objects, np.concatenate([train.objects, more.objects]))
    assert (both.skipped, both.keep) == (("one", "two"), 0.6)
