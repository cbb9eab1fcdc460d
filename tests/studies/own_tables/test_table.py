"""A table is written once, with the files that its rows name."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.table import Content, Table, write_table

LOADED = []


def load(data_dir):
    LOADED.append(data_dir)
    if data_dir == "nowhere":
        raise BadInputError("photos.npz: not found in `data_dir` or MMZOO_DATA_DIR")
    frame = pd.DataFrame(
        {
            "photo": [f"photos/{row}.bin" for row in range(9)] + [None],
            "size": range(10),
            "kind": ["a", "b"] * 5,
            "split": ["train"] * 6 + ["validation"] * 2 + ["test"] * 2,
        }
    )
    return Content(frame, {"photo": "image"}, lambda name: name.encode())


TABLE = Table("photos", "image + numbers", "kind", "class", "a set 1.0", "random", load)


def test_table_is_written_once(tmp_path):
    LOADED.clear()
    path, record = write_table(TABLE, tmp_path, "data")
    assert path == tmp_path / "photos" / "table.csv"
    assert record["rows"] == {"train": 6, "validation": 2, "test": 2}
    assert record["columns"] == {"photo": "image", "size": "number"}
    assert record["target"] == "kind"
    assert (path.parent / "photos/3.bin").read_bytes() == b"photos/3.bin"
    assert len([*(path.parent / "photos").iterdir()]) == 9
    again, same = write_table(TABLE, tmp_path, "nowhere")
    assert (again, same) == (path, record)
    assert LOADED == ["data"]


def test_interrupted_table_is_written_again(tmp_path):
    def stopped(data_dir):
        def read(name):
            raise KeyboardInterrupt

        return replace(load(data_dir), read=read)

    with pytest.raises(KeyboardInterrupt):
        write_table(replace(TABLE, load=stopped), tmp_path, "data")
    assert not (tmp_path / "photos").exists()
    assert write_table(TABLE, tmp_path, "data")[1]["rows"]["train"] == 6
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_folder_of_something_else_is_kept(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/mine.txt").write_text("mine")
    with pytest.raises(BadInputError, match=r"photos: expected a table that this study wrote, with table\.json"):
        write_table(TABLE, tmp_path, "data")
    assert (tmp_path / "photos/mine.txt").read_text() == "mine"


def test_limit_draws_rows_of_each_split(tmp_path):
    path, record = write_table(TABLE, tmp_path, "data", limit=2)
    assert record["rows"] == {"train": 2, "validation": 2, "test": 2}
    rows = pd.read_csv(path)
    assert rows["size"].is_monotonic_increasing
    assert {f"photos/{file.name}" for file in (path.parent / "photos").iterdir()} == set(rows["photo"].dropna())
    with pytest.raises(BadInputError, match="at most 2 rows of a split, not 0"):
        write_table(TABLE, tmp_path, "data")


def test_source_that_is_missing_leaves_nothing(tmp_path):
    with pytest.raises(BadInputError, match=r"photos\.npz: not found"):
        write_table(TABLE, tmp_path, "nowhere")
    assert not [*tmp_path.iterdir()]


def test_digest_changes_with_the_rows(tmp_path):
    digest = write_table(TABLE, tmp_path / "a", "data")[1]["sha256"]
    assert write_table(TABLE, tmp_path / "b", "data", limit=3)[1]["sha256"] != digest
    assert json.loads((tmp_path / "a/photos/table.json").read_text())["sha256"] == digest
