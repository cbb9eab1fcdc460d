"""The builder of the Free Spoken Digit Dataset on a fake archive."""

import dataclasses
import io

import numpy as np
import pytest
import soundfile
import tensorflow_datasets as tfds
from pinned_archive import FromArchive, write_archive

from mmzoo.data.builders import fsdd
from mmzoo.data.download import tfds as prepared
from mmzoo.data.download.archive import read_members
from mmzoo.errors import BadInputError

RECORDINGS = (0, 4, 5, 9, 10, 49)


def fake_members():
    rng = np.random.default_rng(0)
    members = {}
    for digit in range(3):
        for speaker in ("george", "theo"):
            for recording in RECORDINGS:
                file = io.BytesIO()
                samples = rng.integers(-3000, 3000, 2000 + recording).astype(np.int16)
                soundfile.write(file, samples, 8000, format="WAV")
                members[f"recordings/{digit}_{speaker}_{recording}.wav"] = file.getvalue()
    return members


class FsddTest(FromArchive, tfds.testing.DatasetBuilderTestCase):
    MODULE = fsdd
    members = staticmethod(fake_members)
    DATASET_CLASS = fsdd.Fsdd
    SPLITS = {"train": 12, "validation": 12, "test": 12}  # noqa: RUF012, as tfds has it


@pytest.fixture
def fake(tmp_path, monkeypatch):
    monkeypatch.delenv("MMZOO_DATA_DIR", raising=False)
    members = fake_members()
    monkeypatch.setattr(fsdd, "ARCHIVE", write_archive(tmp_path, fsdd.ARCHIVE, members))
    return tmp_path, members


def test_records_are_the_files(fake, tmp_path):
    folder, members = fake
    builder = fsdd.Fsdd(data_dir=tmp_path / "records", archive_dir=folder)
    builder.download_and_prepare()
    seen = {}
    for split, numbers in {"test": (0, 4), "validation": (5, 9), "train": (10, 49)}.items():
        for row in tfds.as_numpy(builder.as_dataset(split=split)):
            assert row["recording"] in numbers
            name = f"recordings/{row['label']}_{fsdd.SPEAKERS[row['speaker']]}_{row['recording']}.wav"
            seen[name] = row["audio"]
    assert set(seen) == set(members)
    for name, content in members.items():
        expected, _ = soundfile.read(io.BytesIO(content), dtype="int16")
        np.testing.assert_array_equal(seen[name], expected)
        assert seen[name].dtype == np.int16


def test_wrong_archive_leaves_no_records(fake, tmp_path, monkeypatch):
    folder, _ = fake
    monkeypatch.setattr(fsdd, "ARCHIVE", dataclasses.replace(fsdd.ARCHIVE, sha256="0" * 64))
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    with pytest.raises(BadInputError, match=fsdd.ARCHIVE.file_name) as raised:
        prepared.fsdd("test", folder)
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "records").glob("fsdd/*"))


def test_prepared_once_in_the_folder_of_tfds(fake, tmp_path, monkeypatch):
    folder, _ = fake
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "records"))
    assert len(prepared.fsdd("train+validation+test", folder)) == 36
    (folder / fsdd.ARCHIVE.file_name).unlink()
    assert len(prepared.fsdd("test", None)) == 12
    assert len(prepared.fsdd("test", tmp_path / "records")) == 12


def test_real_archive_is_the_pinned_one(data_dir):
    members = read_members(data_dir / "archives" / fsdd.ARCHIVE.file_name, fsdd.ARCHIVE)
    assert len(members) == 3000
