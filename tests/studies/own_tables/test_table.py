"""A table is written once, with the files that its rows name."""

import json

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


def test_table_without_its_record_is_written_again(tmp_path):
    path, record = write_table(TABLE, tmp_path, "data")
    (path.parent / "table.json").unlink()
    path.write_text("half a tab")
    assert write_table(TABLE, tmp_path, "data")[1] == record
    assert len(pd.read_csv(path)) == 10


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
