"""Tests of the folder of a trained model: atomic writing, errors, hashes."""

import json

import pytest

from mmzoo.artifacts.folder import artifact, check_out, new_folder, sha256, write_json
from mmzoo.errors import BadInputError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_new_folder_appears_when_block_ends(tmp_path):
    with new_folder(tmp_path / "deep" / "out", tmp_path / "deep" / "work") as work:
        (work / "card.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()
    assert names(tmp_path / "deep" / "out") == ["card.json"]
    assert names(tmp_path / "deep") == ["out", "work"]
    assert not names(tmp_path / "deep" / "work")


def test_new_folder_error_keeps_existing_folder(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "card.json").write_text("old")

    def write():
        with new_folder(out, tmp_path / "work") as work:
            (work / "card.json").write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert (out / "card.json").read_text() == "old"
    assert names(tmp_path) == ["out", "work"]
    assert not names(tmp_path / "work")


def test_new_folder_existing_card_is_replaced(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "card.json").write_text("old")
    (out / "stale.bin").write_text("old")
    with new_folder(out, tmp_path / "work") as work:
        (work / "card.json").write_text("new")
    assert names(out) == ["card.json"]
    assert names(tmp_path) == ["out", "work"]
    assert not names(tmp_path / "work")


def test_check_out_folder_with_other_files_raises(tmp_path):
    (tmp_path / "thesis.txt").write_text("other content")
    with pytest.raises(BadInputError, match=r"`out` must be a new folder or one with a card.json; "):
        check_out(tmp_path)
    with pytest.raises(BadInputError, match=r"`out` must be a folder, got the file .*thesis.txt"):
        check_out(tmp_path / "thesis.txt")


def test_a_file_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        artifact(tmp_path / "none", "model.keras")
    with pytest.raises(BadInputError, match=r"expected model.keras in it. Received a folder with nothing"):
        artifact(tmp_path, "model.keras")
    (tmp_path / "card.json").write_text("{}")
    with pytest.raises(BadInputError, match=r"expected model.keras in it. Received a folder with card.json"):
        artifact(tmp_path, "model.keras")


def test_write_json_failure_keeps_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"é": 1})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"é": 1}
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", object())
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"é": 1}


def test_sha256_folder_depends_on_names_and_bytes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    before = sha256(tmp_path / "a")
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    renamed = sha256(tmp_path / "a")
    (tmp_path / "a" / "y").write_text("2")
    assert len({before, renamed, sha256(tmp_path / "a")}) == 3
