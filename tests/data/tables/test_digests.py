"""Digests of a table: what a resumed run must not overlook."""

import os

import pandas as pd
import pytest

from mmzoo.data.tables.digests import check_digests, column_digests
from mmzoo.errors import BadInputError


@pytest.fixture
def frame(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    return pd.DataFrame({"photo": ["a.png", "b.png"], "kind": ["x", "y"], "n": [1, 2]}, dtype=object)


def test_equal_tables_have_equal_digests(frame, tmp_path):
    found = column_digests(frame, tmp_path, {"photo"})
    assert list(found) == ["photo", "kind", "n"]
    check_digests(found, column_digests(frame.copy(), tmp_path, {"photo"}), "t.csv")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda frame, root: frame.assign(kind=["x", "x"]), "kind"),
        (lambda frame, root: frame.assign(n=[1, "2"]), "n"),
        (lambda frame, root: frame.assign(more=0), "more"),
        (lambda frame, root: frame.drop(columns=["n"]), "n"),
        (lambda frame, root: frame.iloc[::-1], "photo, kind, n"),
        (lambda frame, root: frame.iloc[:1], "photo, kind, n"),
        (lambda frame, root: (root / "b.png").write_bytes(b"other bytes") and frame, "photo"),
        (lambda frame, root: os.utime(root / "a.png", (1, 1)) or frame, "photo"),
        (lambda frame, root: (root / "a.png").unlink() or frame, "photo"),
    ],
)
def test_what_changed_is_named(change, named, frame, tmp_path):
    before = column_digests(frame, tmp_path, {"photo"})
    now = column_digests(change(frame, tmp_path), tmp_path, {"photo"})
    with pytest.raises(BadInputError, match=f"`resume`: t.csv: .* Received: other cells or files in {named}$"):
        check_digests(before, now, "t.csv")
