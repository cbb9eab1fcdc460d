"""VQA-RAD as GitHub serves it: its questions, their kinds, and answers that training has not seen."""

import io
import json

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image
from pinned_archive import FromArchive, write_archive

from mmzoo.data.builders import vqa_rad as records
from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.download.archive import read_members
from mmzoo.data.sources import vqa_rad
from mmzoo.errors import BadInputError

TRAIN, TEST = "data_RAD/trainset.json", "data_RAD/testset.json"


def jpeg(brightness, size=(30, 20)):
    file = io.BytesIO()
    Image.new("RGB", size, (brightness,) * 3).save(file, "JPEG")
    return file.getvalue()


def row(number, question, answer, picture, kind="CLOSED", phrase="freeform"):
    return {
        "qid": number,
        "image_name": f"synpic{picture}.jpg",
        "image_organ": "CHEST",
        "answer": answer,
        "answer_type": kind,
        "question_type": "PRES",
        "question": question,
        "phrase_type": phrase,
    }


def fake_members():
    train = [row(i, f"Is it {i}?", ("Yes", "no.", " NO")[i % 3], i % 2) for i in range(8)]
    train += [row(8, "Is/Are there 8?", "yes", 0, phrase="frame"), row(9, "Where is it?", 4, 1, "OPEN ")]
    test = [row(10, "Where?", "left  Lung", 1, "OPEN"), row(11, "Is it?", "YES", 2), row(12, "How many?", 4, 2, "OPEN")]
    members = {f"data_RAD/images/synpic{i}.jpg": jpeg(60 * (i + 1)) for i in range(4)}
    return members | {TRAIN: json.dumps(train).encode(), TEST: json.dumps(test).encode()}


class VqaRadTest(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = records
    members = staticmethod(fake_members)
    DATASET_CLASS = records.VqaRad
    SPLITS = {"train": 2, "validation": 2, "test": 2}  # noqa: RUF012, as tfds has it
    OVERLAPPING_SPLITS = ["train", "validation", "test"]  # noqa: RUF012, the official split shares pictures


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that puts members into the archive that is found; the records go to a folder of the test."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    kept = (vqa_rad.answers, vqa_rad.vqa_rad, vqa_rad._records)

    def put(members):
        monkeypatch.setattr(records, "ARCHIVE", write_archive(tmp_path, records.ARCHIVE, members))
        return str(tmp_path)

    for function in kept:
        function.cache_clear()
    yield put
    for function in kept:
        function.cache_clear()


def asked(data, classes):
    rows = zip(data.text, data.labels, data.about, data.kinds, strict=True)
    return {(decode_bytes(ids), classes[label], about, kind) for ids, label, about, kind in rows}


def test_splits_are_the_official_ones_with_validation_out_of_training(place):
    folder = place(fake_members())
    classes = vqa_rad.answers(folder)
    assert classes == ("no", "yes", "4", vqa_rad.UNSEEN)
    test = vqa_rad.vqa_rad("test", folder)
    unseen = ("Where?", vqa_rad.UNSEEN, 0, "open")
    assert asked(test, classes) == {unseen, ("Is it?", "yes", 1, "closed"), ("How many?", "4", 1, "open")}
    assert test.images.shape == (2, vqa_rad.IMAGE, vqa_rad.IMAGE, 3)
    assert np.abs(test.images[:, 9, 9, 0].astype(int) - (120, 180)).max() < 4
    train, validation = (vqa_rad.vqa_rad(split, folder) for split in ("train", "validation"))
    said = {split: {decode_bytes(ids) for ids in data.text} for split, data in (("t", train), ("v", validation))}
    assert len(said["v"]) == 2
    assert said["t"] | said["v"] == {*(f"Is it {i}?" for i in range(8)), "Is/Are there 8?", "Where is it?"}
    assert not said["t"] & said["v"]
    assert "Is/Are there 8?" in said["t"], "validation asks in free form, as the test does"


def changed(number=3, members=None, **fields):
    """Return the members with fields of the training question `number` changed; None leaves one out."""
    made = fake_members()
    rows = json.loads(made[TRAIN])
    rows[number] = {key: value for key, value in (rows[number] | fields).items() if value is not None}
    return made | {TRAIN: json.dumps(rows).encode()} | (members or {})


PICTURE = "data_RAD/images/synpic1.jpg"
BAD = {
    "empty question": (changed(question=" "), "trainset.json: .*row 3: an empty question, ' '"),
    "no text": (changed(question=7), "row 3: an empty question, 7"),
    "empty answer": (changed(answer=" . "), "row 3: an unknown answer, ''"),
    "unknown answer type": (changed(answer_type="MAYBE"), "one of closed, open. Received: row 3: the answer type 'MAY"),
    "a field is missing": (changed(image_name=None), "row 3: no image_name"),
    "no such picture": (changed(image_name="synpic9.jpg"), "row 3: no picture 'synpic9.jpg'"),
    "long question": (changed(question="why?" * 35), "row 3: a question of 140 bytes"),
    "corrupt picture": (changed(members={PICTURE: jpeg(9)[:300]}), "synpic1.jpg: expected an image that decodes"),
    "no picture": (changed(members={PICTURE: b"nothing"}), "synpic1.jpg: expected an image that decodes"),
    "no JSON": (changed(members={TRAIN: b"[["}), "trainset.json: expected a JSON list of questions"),
    "no list": (changed(members={TRAIN: b"{}"}), "expected a JSON list of questions. Received: dict"),
    "no row": (changed(members={TRAIN: b"[5]"}), "expected rows of question, answer, .* Received: row 0: 5"),
    "no rows": (changed(members={TRAIN: b"[]"}), "expected rows of question, answer and picture. Received: none"),
}


@pytest.mark.parametrize(("members", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_learned_from_is_told_in_a_line(place, members, said):
    with pytest.raises(BadInputError, match=said) as raised:
        vqa_rad.vqa_rad("train", place(members))
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(place):
    members = fake_members()
    del members[TEST]
    with pytest.raises(BadInputError, match=r"testset\.json: expected a JSON list of questions"):
        vqa_rad.vqa_rad("train", place(members))


def test_training_shows_pictures_as_they_are(place):
    assert vqa_rad.vqa_rad("train", place(fake_members())).change is None


def test_the_real_archive_is_the_pinned_one(data_dir):
    path = data_dir / "archives" / records.ARCHIVE.file_name
    if not path.is_file():
        pytest.skip(f"needs {records.ARCHIVE.file_name}")
    members = read_members(path, records.ARCHIVE)
    counts = {split: records._asked(members, split) for split in ("train", "validation", "test")}
    asked = {split: sum(len(rows) for rows in found.values()) for split, found in counts.items()}
    assert asked == {"train": 3064 - records.VALIDATION, "validation": records.VALIDATION, "test": 451}
    assert set(counts["test"]) <= set(counts["train"]) | set(counts["validation"])
    kinds = [row["kind"] for rows in counts["test"].values() for row in rows]
    assert (kinds.count("closed"), kinds.count("open")) == (272, 179)
    assert len(members) == 317
