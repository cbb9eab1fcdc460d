"""Tests of the folder of a trained model: atomic writing, errors, hashes."""

import json
import os

import pytest

from mmzoo.artifacts.folder import (
    REPLACED,
    artifact,
    check_entries,
    check_out,
    copied_folder,
    make_folder,
    new_folder,
    sha256,
    write_json,
)
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


def test_folder_of_a_killed_process_is_put_back(tmp_path):
    """A kill between two renames: the old folder is aside, the new one is not there yet."""
    out, aside = tmp_path / "out", tmp_path / "work" / REPLACED
    aside.mkdir(parents=True)
    (aside / "card.json").write_text("old")

    def write():
        with new_folder(out, tmp_path / "work"):
            assert (out / "card.json").read_text() == "old"
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert (out / "card.json").read_text() == "old"
    assert not names(tmp_path / "work")


def test_copied_folder_replaces_it_whole_or_not_at_all(tmp_path):
    out = tmp_path / "out"
    (out / "saved_model").mkdir(parents=True)
    (out / "card.json").write_text("old")
    (out / "saved_model" / "graph").write_text("same")

    def write(error=None):
        with copied_folder(out) as work:
            assert work.name == "out"
            (work / "card.json").write_text("new")
            assert (out / "card.json").read_text() == "old"
            if error:
                raise error

    with pytest.raises(RuntimeError, match="stop"):
        write(RuntimeError("stop"))
    assert (out / "card.json").read_text() == "old"
    assert names(tmp_path) == ["out"]
    write()
    assert (out / "card.json").read_text() == "new"
    assert (out / "saved_model" / "graph").read_text() == "same"
    assert names(tmp_path) == ["out"]


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


def test_check_out_follows_a_link_to_a_folder_and_no_other(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("nothing")
    (tmp_path / "file").touch()
    (tmp_path / "to_file").symlink_to("file")
    assert check_out(tmp_path / "link") == tmp_path / "real"
    with pytest.raises(BadInputError, match=r"`out` must be a folder, got .*dangling, a link to nothing"):
        check_out(tmp_path / "dangling")
    with pytest.raises(BadInputError, match=r"`out` must be a folder, got the file"):
        check_out(tmp_path / "to_file")
    (tmp_path / "real" / "card.json").symlink_to("../file")
    with pytest.raises(BadInputError, match=r"card.json: expected a file or folder. Received: a link"):
        check_out(tmp_path / "real")
    (tmp_path / "real" / "card.json").unlink()
    with new_folder(tmp_path / "link", tmp_path / ".work") as folder:
        (folder / "card.json").touch()
    assert (tmp_path / "link").is_symlink()
    assert names(tmp_path / "real") == ["card.json"]


def test_a_hidden_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".out.training").symlink_to("elsewhere")
    with pytest.raises(BadInputError, match=r"`out`: .*\.out\.training must be a folder, got a link"):
        make_folder(tmp_path / ".out.training", tmp_path / "out")


def test_what_is_neither_file_nor_folder_is_refused_at_any_depth(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").touch()
    check_entries(tmp_path)
    os.mkfifo(tmp_path / "a" / "b" / "pipe")
    with pytest.raises(BadInputError, match=r"pipe: expected a file or folder. Received: something else"):
        check_entries(tmp_path)
    (tmp_path / "a" / "b" / "pipe").unlink()
    (tmp_path / "a" / "b" / "link").symlink_to("file")
    with pytest.raises(BadInputError, match=r"link: expected a file or folder. Received: a link"):
        check_entries(tmp_path)
