"""Tests of the messages on missing, unreadable, unknown and cut cells."""

import pandas as pd
import pytest

from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.notes import cell_notes
from mmzoo.errors import BadInputError


def notes_of(cells, inputs, root=".", text_bytes=32, training=False):
    frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})
    return cell_notes(frame, root, inputs, text_bytes, training)


def test_cell_notes_files_are_counted(tmp_path):
    (tmp_path / "Photos").mkdir()
    (tmp_path / "Photos" / "Caf\u00e9.png").touch()
    cells = {"photo": ["Photos/Caf\u00e9.png", "photos/cafe\u0301.PNG", None, "gone.png"]}
    assert notes_of(cells, {"image": ("photo",)}, tmp_path) == [
        "photo: 1 of 3 files are missing: first 'gone.png' in row 4",
        "photo: 1 of 3 files have another letter case or Unicode form: first 'photos/cafe\u0301.PNG' in row 2",
    ]
    assert notes_of({"photo": [None, None]}, {"image": ("photo",)}, tmp_path) == []
    expected = f"column 'photo': expected files in {tmp_path}. Received: 'a.png', the first of 2 missing files"
    with pytest.raises(BadInputError) as raised:
        notes_of({"photo": ["a.png", None, "b.png"]}, {"image": ("photo",)}, tmp_path)
    assert str(raised.value) == expected


def test_cell_notes_texts_are_cut():
    cells = {"title": ["short", "x" * 40, None], "body": [None, "y" * 10, None]}
    (line,) = notes_of(cells, {"text": ("title",)})
    assert line == "title: 1 of 2 texts (50 %) are longer than 32 bytes, the longest 40: cut"
    (line,) = notes_of(cells, {"text": ("title", "body")})
    assert line.startswith("title, body: 1 of 2 texts (50 %)")
    assert notes_of({"title": ["x" * 32]}, {"text": ("title",)}) == []


def test_cell_notes_values():
    columns = (Number("price", 1.0, 1.0, ","), Category("store", ("1", "2")), Date("sold", 0.0, 1.0))
    cells = {"price": ["12,5", "?", None], "store": ["1", "9", 2.0], "sold": ["2024-01-31", "soon", None]}
    assert notes_of(cells, {"tabular": columns}) == [
        "price: 1 of 2 cells are no numbers and count as missing: first '?' in row 2",
        "store: 1 of 3 cells are not among the known categories: first '9' in row 2",
        "sold: 1 of 2 cells are no dates and count as missing: first 'soon' in row 2",
    ]
    assert notes_of(cells, {"tabular": columns[:2]}, training=True) == [
        "price: 1 of 2 cells are no numbers and count as missing: first '?' in row 2",
        "price: numbers with a decimal comma: 12,5 is 12.5",
    ]
    plain = {"price": ["12.5", 3, "1e3"]}
    assert notes_of(plain, {"tabular": (Number("price", 1.0, 1.0),)}, training=True) == []
    (line,) = notes_of({"price": ["3", "$1,000"]}, {"tabular": (Number("price", 1.0, 1.0),)}, training=True)
    assert line == "price: numbers with a decimal point: $1,000 is 1000"
