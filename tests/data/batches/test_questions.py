"""easy-VQA as GitHub serves it, the embedded colored shapes, and the batches made of questions about pictures."""

import dataclasses
import io
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from epochs import chain
from PIL import Image
from pinned_archive import FromArchive, write_archive

from mmzoo.data.batches.questions import (
    Questions,
    check_rows,
    encode_rows,
    evaluation_questions,
    mirror_and_shift,
    training_questions,
)
from mmzoo.data.builders import easy_vqa as records
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.download.archive import read_members
from mmzoo.data.sources import colored_shapes
from mmzoo.data.sources.easy_vqa import easy_vqa
from mmzoo.errors import BadInputError

NUMBERS = {"train": (0, 7, 3599, 3600, 3999), "test": (0, 5)}
QUESTIONS = [("what color is the shape?", "red"), ("is there a circle?", "no"), ("what shape is present?", "circle")]


def png(number):
    file = io.BytesIO()
    Image.fromarray(np.full((64, 64, 3), number % 256, np.uint8)).save(file, "PNG")
    return file.getvalue()


def fake_members():
    members = {}
    for part, numbers in NUMBERS.items():
        rows = [[question, answer, number] for number in numbers for question, answer in QUESTIONS]
        members[f"easy_vqa/data/{part}/questions.json"] = json.dumps(rows).encode()
        members |= {f"easy_vqa/data/{part}/images/{n}.png": png(n + (part == "test")) for n in numbers}
    return members


class EasyVqaTest(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = records
    members = staticmethod(fake_members)
    DATASET_CLASS = records.EasyVqa
    SPLITS = {"train": 3, "validation": 2, "test": 2}  # noqa: RUF012, as tfds has it


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that puts members into the archive that is found; the records go to a folder of the test."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    easy_vqa.cache_clear()

    def put(members):
        monkeypatch.setattr(records, "ARCHIVE", write_archive(tmp_path, records.ARCHIVE, members))
        return str(tmp_path)

    yield put
    easy_vqa.cache_clear()


def test_splits_are_whole_pictures_with_their_questions(place):
    folder = place(fake_members())
    for split, numbers in {"train": (0, 7, 3599), "validation": (3600, 3999), "test": (1, 6)}.items():
        data = easy_vqa(split, folder)
        assert data.images.shape == (len(numbers), 64, 64, 3)
        assert data.images[:, 5, 5, 1].tolist() == [number % 256 for number in numbers]
        np.testing.assert_array_equal(data.about, np.repeat(range(len(numbers)), len(QUESTIONS)))
        asked = [(decode_bytes(ids), records.ANSWERS[label]) for ids, label in zip(data.text, data.labels, strict=True)]
        assert asked == QUESTIONS * len(numbers)
        assert data.change is mirror_and_shift


def changed(row=None, **members):
    """Return the members with the training question 4 replaced by `row`, or others; `picture` is training picture 7."""
    made, name = fake_members(), "easy_vqa/data/train/questions.json"
    if row:
        rows = json.loads(made[name])
        made[name] = json.dumps([*rows[:4], row, *rows[5:]]).encode()
    names = {"picture": "easy_vqa/data/train/images/7.png", "questions": name}
    return made | {names[key]: value for key, value in members.items()}


BAD = {
    "empty question": (changed(["  ", "yes", 7]), r"train/questions.json: .*row 4: an empty question, '  '"),
    "no text": (changed([None, "yes", 7]), "row 4: an empty question, None"),
    "unknown answer": (changed(["is it?", "mauve", 7]), "one of 13 answers.*row 4: an unknown answer, 'mauve'"),
    "no such picture": (changed(["is it?", "yes", 8]), "row 4: no picture 8"),
    "long question": (changed(["is it?" * 9, "yes", 7]), "row 4: a question of 54 bytes"),
    "corrupt picture": (changed(picture=png(7)[:60]), r"images/7.png: expected an image that decodes"),
    "no picture": (changed(picture=b"nothing"), r"images/7.png: expected an image that decodes"),
    "no JSON": (changed(questions=b"[["), "questions.json: expected a JSON list of questions"),
    "no list": (changed(questions=b"{}"), "expected a JSON list of questions. Received: dict"),
    "no rows": (changed(questions=b"[]"), "expected rows of question, answer and picture. Received: none"),
}


@pytest.mark.parametrize(("members", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_learned_from_is_told_in_a_line(place, tmp_path, members, said):
    with pytest.raises(BadInputError, match=said) as raised:
        easy_vqa("train", place(members))
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "records").glob("easy_vqa/*/dataset_info.json"))


def test_another_archive_is_refused(place, monkeypatch):
    folder = place(fake_members())
    monkeypatch.setattr(records, "ARCHIVE", dataclasses.replace(records.ARCHIVE, sha256="0" * 64))
    with pytest.raises(BadInputError, match=records.ARCHIVE.file_name):
        easy_vqa("test", folder)


def test_bad_rows_are_told_together():
    rows = [("is it?", "yes", 0), ("", "yes", 0), ("is it?", "maybe", 0), ("is it?", "no"), ("\ud800?", "no", 3), 5]
    said = "row 1: an empty question, ''; row 2: an unknown answer, 'maybe'; row 3: .*; and 2 rows more$"
    with pytest.raises(BadInputError, match=said):
        check_rows("here.json", rows, ("yes", "no"), [0], 48)
    check_rows("here.json", rows[:1], ("yes", "no"), [0], 6)
    with pytest.raises(BadInputError, match="a question of 6 bytes"):
        check_rows("here.json", rows[:1], ("yes", "no"), [0], 5)


def test_the_real_archive_is_the_pinned_one(data_dir):
    path = data_dir / "archives" / records.ARCHIVE.file_name
    if not path.is_file():
        pytest.skip(f"needs {records.ARCHIVE.file_name}")
    members = read_members(path, records.ARCHIVE)
    rows = {part: json.loads(members[f"easy_vqa/data/{part}/questions.json"]) for part in ("train", "test")}
    assert {part: len(found) for part, found in rows.items()} == {"train": 38575, "test": 9673}
    assert {answer for found in rows.values() for _, answer, _ in found} == set(records.ANSWERS)
    assert len(members) == 5002


def counted(pictures=30, asked=4, change=mirror_and_shift):
    """Return questions whose text and picture tell their numbers; the left half of a picture is brighter by 100."""
    images = np.tile(np.arange(pictures, dtype=np.uint8)[:, None, None, None], (1, 8, 8, 3))
    images[:, :, :4] += 100
    rows = [(f"{i:03d}", "yes" if i % 3 else "no", i // asked) for i in range(pictures * asked)]
    return Questions(images, *encode_rows(rows, ("yes", "no"), 8), change)


def stacked(batches):
    batches = [({name: np.asarray(x) for name, x in inputs.items()}, np.asarray(y)) for inputs, y in batches]
    inputs = {name: np.concatenate([x[name] for x, _ in batches]) for name in batches[0][0]}
    return inputs, np.concatenate([y for _, y in batches])


def test_batches_are_the_questions_with_their_pictures():
    data = counted()
    inputs, labels = stacked(evaluation_questions(data, ("image", "text"), 0))
    np.testing.assert_array_equal(inputs["image"], data.images[data.about])
    np.testing.assert_array_equal(inputs["text"], data.text)
    np.testing.assert_array_equal(labels, data.labels)
    assert np.all(inputs["present"] == 1)
    inputs, labels = stacked(training_questions(data, ("image", "text"), 30, 0, 0, dropout=0.5))
    number = np.array([int(decode_bytes(ids)) for ids in inputs["text"]])
    assert set(np.bincount(number)) <= {34, 35}, "4096 at least, each as often"
    np.testing.assert_array_equal(labels, data.labels[number])
    np.testing.assert_array_equal(inputs["image"].min(axis=(1, 2, 3)), number // 4)
    mirrored = inputs["image"][:, 0, 7, 0] > inputs["image"][:, 0, 0, 0]
    assert 0.45 < mirrored.mean() < 0.55
    assert 0.45 < np.mean(inputs["present"].sum(axis=1) == 1) < 0.55


def test_what_may_not_be_mirrored_is_not_and_one_modality_is_alone():
    inputs, _ = stacked(training_questions(counted(change=None), ("image",), 30, 0, 0, dropout=0.5))
    assert set(inputs) == {"image"}
    assert np.all(inputs["image"][:, :, 0] > inputs["image"][:, :, 7])
    inputs, _ = stacked(evaluation_questions(counted(), ("text",), 0))
    assert set(inputs) == {"text"}


def test_training_goes_on_where_it_stopped():
    data, seen = counted(), ("image", "text")
    whole = chain(range(2), lambda epoch: training_questions(data, seen, 30, 3, epoch, dropout=0.4))
    rest = list(training_questions(data, seen, 30, 3, 1, dropout=0.4))
    for (x, y), (again, label) in zip(whole[len(whole) // 2 :], rest, strict=True):
        np.testing.assert_array_equal(y, label)
        for name in x:
            np.testing.assert_array_equal(x[name], again[name])


def test_the_sample_is_of_its_seed_and_its_splits_differ():
    one, same, other = (colored_shapes.sample("test", seed) for seed in (0, 0, 1))
    for name in ("images", "text", "about", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
    splits = [one, other, *(colored_shapes.sample(split, 0) for split in ("train", "validation"))]
    pictures = [image.tobytes() for data in splits for image in data.images]
    assert len(set(pictures)) == len(pictures)
    asked = [{ids.tobytes() for ids in colored_shapes.sample(split, 0).text} for split in colored_shapes.SPLITS]
    assert not (asked[0] & asked[1] | asked[0] & asked[2] | asked[1] & asked[2])
    assert one.images.shape[1:] == (32, 32, 3)
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        colored_shapes.sample("dev", 0)


def test_the_answers_of_the_sample_are_true():
    """What is drawn is drawn as it is told: the color of the middle of the thing, without noise."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        things = colored_shapes._things(rng)
        shapes, colors = {thing[0]: thing[1] for thing in things}, {thing[1]: thing[0] for thing in things}
        assert len(shapes) == len(colors) == len(things)
        question, answer = colored_shapes._ask(things, rng)
        words = question.rstrip("?").split()
        color = next((c for c in colored_shapes.COLORS if c in words), None)
        shape = next((s for s in colored_shapes.SHAPES if s in words), None)
        if color and shape:
            assert answer == ("yes" if shapes.get(shape) == color else "no")
        else:
            assert answer == (colors[color] if color else shapes[shape])
        picture = colored_shapes.draw_things(things, rng).astype(int)
        for _, name, x, y, _ in things:
            middle = picture[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].mean(axis=(0, 1))
            assert np.abs(middle - colored_shapes.COLORS[name]).max() < 90, name
