"""Atomic writes, also in a folder with planted links."""

import contextlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmzoo.artifacts.folder import write_json
from mmzoo.device.index import Index
from mmzoo.device.replacing import replacing
from mmzoo.reports.plots import learning_curve


def test_a_file_appears_whole_with_the_usual_mode(tmp_path):
    path, plain = tmp_path / "a.txt", tmp_path / "plain.txt"
    plain.write_text("x")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert path.stat().st_mode == plain.stat().st_mode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "plain.txt"]


def test_after_an_error_the_old_file_is_there_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with contextlib.suppress(KeyError), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


WRITERS = {
    "card.json": lambda path: write_json(path, {"a": 1}),
    "index.npz": lambda path: Index(np.eye(3, dtype="float32")).save(path),
    "learning_curve.png": lambda path: learning_curve({"loss": [1.0, 0.5], "val_loss": [1.0, 0.7]}, path),
}


@pytest.mark.parametrize("name", WRITERS)
def test_planted_links_lead_nothing_elsewhere(name, tmp_path):
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_text("mine")
    folder.mkdir()
    for planted in (name, f".{name}.tmp"):
        os.symlink(victim, folder / planted)
    WRITERS[name](folder / name)
    assert victim.read_text() == "mine"
    assert not (folder / name).is_symlink()
    if name.endswith(".png"):
        assert Image.open(folder / name).size


def test_a_name_that_is_guessed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("mmzoo.device.replacing.os.urandom", lambda size: b"\x01")
    victim = tmp_path / "victim"
    victim.write_text("mine")
    Path(tmp_path / ".01.tmp").symlink_to(victim)
    with pytest.raises(FileExistsError), replacing(tmp_path / "a.txt"):
        raise AssertionError
    assert victim.read_text() == "mine"
