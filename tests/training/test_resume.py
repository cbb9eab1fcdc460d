"""The lock of a run does not follow a link that somebody else has put in its place."""

import pytest

from mmzoo.errors import BadInputError
from mmzoo.training.resume import checkpoints, exclusive_run


def test_a_planted_lock_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".out.lock").symlink_to("victim")
    with pytest.raises(BadInputError, match=r"`out`: cannot write .*out"), exclusive_run(tmp_path / "out"):
        pass
    assert (tmp_path / "victim").read_text() == "mine"
    (tmp_path / ".out.lock").unlink()
    with exclusive_run(tmp_path / "out"):
        assert (tmp_path / ".out.lock").is_file()


def test_a_planted_working_folder_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".out.training").symlink_to("elsewhere")
    refused = pytest.raises(BadInputError, match=r"\.out\.training must be a folder, got a link")
    with refused, checkpoints(tmp_path / "out", {"config": {}}, False):
        pass
    assert not list((tmp_path / "elsewhere").iterdir())
