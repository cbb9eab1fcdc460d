"""The ESC-10 builder on a fake archive: folds, classes, and errors for bad audio files."""

import dataclasses
import io

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds
from pinned_archive import FromArchive, write_archive

from mmzoo.data.builders import esc10 as records
from mmzoo.data.download.archive import read_members
from mmzoo.data.sources.esc10 import CLASSES, FOLDERS, FOLDS, SAMPLES, esc10, folds_of
from mmzoo.errors import BadInputError

SECONDS = {"A": 1.0, "B": 6.0}


def ogg(seconds, value, rate=16000):
    """Return an Ogg file of a tone of level `value`, or of silence."""
    file = io.BytesIO()
    tone = 0.1 * value * np.sin(np.arange(int(rate * seconds)) / 5)
    soundfile.write(file, tone, rate, format="OGG", subtype="VORBIS")
    return file.getvalue()


def fake_members(**changed):
    """Return two clips of two classes in each fold; `changed` are contents by the name of a class, of fold 2."""
    members = {}
    for number, kind in ((1, "Dog bark"), (10, "Fire crackling")):
        for fold in FOLDS:
            for take, seconds in SECONDS.items():
                members[f"{number:03d} - {kind}/{fold}-{100 + fold}-{take}.ogg"] = ogg(seconds, fold)
        if kind in changed:
            members[f"{number:03d} - {kind}/2-102-A.ogg"] = changed[kind]
    return members


class Esc10Test(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = records
    members = staticmethod(fake_members)
    DATASET_CLASS = records.Esc10
    SPLITS = {f"fold{fold}": 4 for fold in FOLDS}  # noqa: RUF012, as tfds has it
    OVERLAPPING_SPLITS = ()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a function that puts members into the archive that is found; the records go to a folder of the test."""
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    esc10.cache_clear()

    def put(members):
        monkeypatch.setattr(records, "ARCHIVE", write_archive(tmp_path, records.ARCHIVE, members))
        return str(tmp_path)

    yield put
    esc10.cache_clear()


def test_each_fold_is_once_for_the_test_and_once_for_validation():
    for fold in FOLDS:
        parts = {split: folds_of(split, fold) for split in ("train", "validation", "test")}
        assert parts["test"] == (fold,)
        assert sorted(sum(parts.values(), ())) == list(FOLDS)
        assert len(parts["validation"]) == 1
    assert {folds_of("validation", fold) for fold in FOLDS} == {(fold,) for fold in FOLDS}
    assert folds_of("validation", 5) == (1,)
    assert folds_of("train+validation", 5) == (1, 2, 3, 4)


def test_splits_are_the_clips_of_their_folds(place):
    folder = place(fake_members())
    for split, folds in {"test": (4,), "validation": (5,), "train": (1, 2, 3)}.items():
        data = esc10(split, 4, folder)
        assert data.clips.shape == (4 * len(folds), SAMPLES)
        assert data.clips.dtype == np.int16
        assert data.num_classes == 10
        assert data.labels.tolist() == [0, 0] * len(folds) + [9, 9] * len(folds)
        peaks = np.abs(data.clips / 32768).max(axis=1).reshape(2, len(folds), 2)
        np.testing.assert_allclose(peaks, np.broadcast_to(0.1 * np.array(folds)[None, :, None], peaks.shape), rtol=0.1)
        assert not data.clips[::2, 17000:].any(), "zeros behind a short one"
        assert data.clips[1::2, -100:].any(), "a long one is cut"


WRONG = {
    "0 seconds": (ogg(0, 1), "expected"),
    "not sound": (b"nothing", "expected WAV, FLAC or Ogg audio"),
    "truncated": (ogg(1, 1)[:2000], "truncated Ogg"),
    "empty": (b"", "expected WAV, FLAC or Ogg audio"),
}


@pytest.mark.parametrize(("content", "said"), WRONG.values(), ids=WRONG)
def test_bad_clip_is_one_clear_line(place, tmp_path, content, said):
    with pytest.raises(BadInputError, match=rf"001 - Dog bark/2-102-A.ogg: .*{said}.*") as raised:
        esc10("train", 4, place(fake_members(**{"Dog bark": content})))
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "records").glob("esc10/*/dataset_info.json"))


def test_wrong_archive_raises(place, monkeypatch):
    folder = place(fake_members())
    monkeypatch.setattr(records, "ARCHIVE", dataclasses.replace(records.ARCHIVE, sha256="0" * 64))
    with pytest.raises(BadInputError, match=records.ARCHIVE.file_name):
        esc10("test", 1, folder)


def test_the_real_archive_is_the_pinned_one(data_dir):
    path = data_dir / "archives" / records.ARCHIVE.file_name
    if not path.is_file():
        pytest.skip(f"needs {records.ARCHIVE.file_name}")
    members = read_members(path, records.ARCHIVE)
    assert len(members) == 400
    found = [(name[6:].split("/")[0], int(name.split("/")[1][0])) for name in members]
    assert set(found) == {(kind, fold) for kind in FOLDERS for fold in FOLDS}
    assert {found.count(pair) for pair in found} == {8}
    recordings = {}
    for name in members:
        fold, recording = name.split("/")[1].split("-")[:2]
        assert recordings.setdefault(recording, fold) == fold, "a recording is in one fold alone"
    assert len(CLASSES) == 10
