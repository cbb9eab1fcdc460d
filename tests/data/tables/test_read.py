"""Tests of reading tables of every format: cells of text, numbers, lists or None, or a one-line error."""

import csv
import datetime
import decimal
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from pyarrow import parquet

from mmzoo.data.tables import read as table_reading
from mmzoo.data.tables.read import from_frame, is_absent, read_table, resolve, root_of
from mmzoo.errors import BadInputError

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "mmzoo-hypothesis")
many = settings(max_examples=100, deadline=None, database=None, derandomize=True)
TEXT = "name,price\nÄpfel,1\n猫,007\n"
THAI = "a,b\nสวัสดี,1\n"


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path):
    return read_table(path).to_dict("list")


def refused(path):
    with pytest.raises(BadInputError) as raised:
        read_table(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "expected" in message
    assert "Received" in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_read_table_any_encoding_is_detected(tmp_path, encoding, end):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = write(tmp_path, "Table.CSV", TEXT.replace("\n", end).encode(encoding))
        assert cells(path) == {"name": ["Äpfel", "猫"], "price": ["1", "007"]}


def test_read_table_big_endian_utf16(tmp_path):
    assert cells(write(tmp_path, "t.csv", b"\xfe\xff" + THAI.encode("utf-16-be"))) == {"a": ["สวัสดี"], "b": ["1"]}


def test_read_table_windows_1252_warns(tmp_path):
    path = write(tmp_path, "t.csv", "name,price\nCafé,3 €\nTee,2 €\nWasser,1\n".encode("cp1252"))
    with pytest.warns(UserWarning, match=r"t\.csv: read as Windows-1252, as it is not UTF-8: line 2, line 3$"):
        assert cells(path) == {"name": ["Café", "Tee", "Wasser"], "price": ["3 €", "2 €", "1"]}


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.jsonl"])
def test_read_table_mixed_encodings_raise(tmp_path, name):
    lines = [b"head", "é".encode(), *["é".encode("latin-1")] * 7]
    message = refused(write(tmp_path, name, b"\n".join(lines)))
    assert message.endswith("other bytes in line 3, line 4, line 5, line 6, line 7 and 2 more")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xef\xbb\xbfa,b\n\xe9,1\n", "other bytes in line 2"),  # its byte order mark is UTF-8
        (b"a,b\n\x81\xe9,1\n", "Windows-1252. Received: other bytes in line 2"),
        ("a,b\nx,1\n".encode("utf-16-le"), "UTF-16 without byte order mark"),
        (b"\xff\xfea", "according to its byte order mark"),
        (b"\xff\xfea\0\n\0\x00\xd8\n\0", "according to its byte order mark"),
    ],
)
def test_read_table_undecodable_text_raises(tmp_path, content, said):
    assert said in refused(write(tmp_path, "t.csv", content))


@pytest.mark.parametrize("cell", ["", "  ", "\t", "NaN", "nan", "None", "null", "NULL", "N/A", " N/A ", "NA", "<NA>"])
def test_read_table_absent_cell_is_none(tmp_path, cell):
    assert cells(write(tmp_path, "t.csv", f'a,b\nx,1\n"{cell}",2\n'))["a"] == ["x", None]
    assert cells(write(tmp_path, "t.jsonl", '{"a": "x"}\n' + json.dumps({"a": cell})))["a"] == ["x", None]


@pytest.mark.parametrize("cell", ["none", "Nan", "0", "-", "?", "False", " x "])
def test_read_table_other_cell_is_kept(tmp_path, cell):
    assert cells(write(tmp_path, "t.csv", f"a,b\nx,1\n{cell},2\n"))["a"] == ["x", cell]


@pytest.mark.parametrize(
    ("column", "kept"),
    [
        (["US", "NA", "DE"], True),
        (["APAC", "NA", "EMEA", ""], True),
        (["1", "NA", "2"], False),
        (["M", "NA", "F"], False),
        (["a text", "NA", "US"], False),
        (["NA", "NA"], False),
    ],
)
def test_read_table_na_among_codes_is_kept(tmp_path, column, kept):
    path = write(tmp_path, "t.csv", "a,b\n" + "".join(f"{cell},1\n" for cell in column))
    assert cells(path)["a"] == [None if cell == "" or (cell == "NA" and not kept) else cell for cell in column]


def test_is_absent_cells(tmp_path):
    for absent in (None, "", " ", "NaN", float("nan"), np.nan):
        assert is_absent(absent)
    for present in (0, "0", False, [], "NA", float("inf")):
        assert not is_absent(present)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_read_table_delimiter_is_detected(tmp_path, mark):
    path = write(tmp_path, "t.csv", f'a{mark} b \n"x{mark}y"{mark}"1,5;2"\n')
    assert cells(path) == {"a": [f"x{mark}y"], "b": ["1,5;2"]}


def test_read_table_tsv_splits_only_at_tabs(tmp_path):
    assert cells(write(tmp_path, "t.tsv", "a,b\tc\n1,2\t3\n")) == {"a,b": ["1,2"], "c": ["3"]}


def test_read_table_quotes_blank_lines_and_long_cells(tmp_path):
    limit = 131_072
    csv.field_size_limit(limit)
    long = "x" * 200_000
    path = write(tmp_path, "t.csv", f'a,b\n"one\ntwo ""three""",1\n\n  \n{long},2\n')
    assert cells(path) == {"a": ['one\ntwo "three"', long], "b": ["1", "2"]}
    assert csv.field_size_limit() == limit


def test_read_table_unnamed_columns_are_numbered(tmp_path):
    assert cells(write(tmp_path, "t.csv", ",a,\n0,x,\n")) == {"unnamed 1": ["0"], "a": ["x"], "unnamed 3": [None]}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", "", "an empty one"),
        ("t.csv", " \n\n", "an empty one"),
        ("t.jsonl", "\n", "an empty one"),
        ("t.jsonl", "{}\n{}\n", "an empty one"),
        ("t.csv", "a,b\n", "expected rows of data. Received: only 2 column names"),
        ("t.csv", "a,b, a,c,b\n1,2,3,4,5\n", "Received: 'a', 'b' more than once"),
        ("t.csv", "a,b\n1,2\n1\n1,2,3\n", "expected 2 cells in each row. Received: row 2 (line 3) with 1, row 3 (line"),
        ("t.csv", 'a,b\n"1\n2",2\n\n3\n', "row 2 (line 5) with 1"),
        ("t.csv", "a,b\n" + "1\n" * 7, "row 5 (line 6) with 1 and 2 more"),
        (
            "t.csv",
            'a,b\n1,2\n"3,4\n5,6\n',
            "expected closed quotes around whole cells. Received: row 2 (line 3): ",
        ),
        ("t.csv", 'a,b\n"12" disk",2\n', "row 1 (line 2)"),
        ("t.csv", b"PK\x03\x04\x00\x00,b\n1,2\n", "binary"),
        ("t.jsonl", '{"a": 1}\n\n{"a": \n', "one JSON object per line. Received: line 3: "),
        (
            "t.jsonl",
            '[1]\n{"a": 1}\n"x"\nnull',
            "line 1: list, not an object, line 3: str, not an object, line 4: NoneType",
        ),
        ("t.jsonl", '{"a": 1, "b": 2, "a": 3}', "line 1: 'a' more than once"),
        ("t.jsonl", "[" * 100_000, "line 1: "),
        ("t.ndjson", '{"a": 1, " a": 2}', "'a' more than once"),
        ("t.parquet", "PAR1", "expected a readable Parquet file"),
        ("t.xlsx", "x", "expected .csv .tsv .jsonl .ndjson .parquet or a folder. Received: .xlsx"),
        ("table", "x", "Received: no extension"),
    ],
)
def test_read_table_bad_table_raises(tmp_path, name, content, said):
    assert said in refused(write(tmp_path, name, content))


def test_read_table_missing_file_raises(tmp_path):
    assert "no such file" in refused(tmp_path / "none.csv")
    assert "too long" in refused(tmp_path / ("x" * 300 + ".csv"))


def test_read_table_json_lines(tmp_path):
    lines = '{"a": "007", "b": 1}\r\n\n{"c": [1, {"x": null}], "b": 2.5}\n{"a": true, "b": NaN, "c": {"x": [null]}}'
    frame = read_table(write(tmp_path, "t.jsonl", b"\xef\xbb\xbf" + lines.encode()))
    assert list(frame) == ["a", "b", "c"]
    assert frame["a"].tolist() == ["007", None, "True"]
    assert frame["b"].tolist() == [1, 2.5, None]
    assert [type(cell) for cell in frame["b"]] == [int, float, type(None)]
    assert frame["c"].tolist() == [None, [1, [["x", None]]], [["x", [None]]]]


def test_read_table_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    day = datetime.datetime(2024, 1, 31, 12)
    columns = {
        "text": ["007", None],
        "bytes": [b"caf\xc3\xa9", None],
        "whole": pyarrow.array([1, None], pyarrow.int64()),
        "real": [0.5, float("nan")],
        "yes": [True, False],
        "day": [day.date(), None],
        "time": pyarrow.array([day, None], pyarrow.timestamp("ns")),
        "exact": [decimal.Decimal("1.50"), None],
        "kinds": pyarrow.array(["a", "b"]).dictionary_encode(),
        "tags": [["x"], []],
        "box": [{"x": 1}, None],
    }
    parquet.write_table(pyarrow.table(columns), path)
    assert cells(path) == {
        "text": ["007", None],
        "bytes": ["café", None],
        "whole": [1, None],
        "real": [0.5, None],
        "yes": ["True", "False"],
        "day": ["2024-01-31", None],
        "time": ["2024-01-31 12:00:00", None],
        "exact": [1.5, None],
        "kinds": ["a", "b"],
        "tags": [["x"], []],
        "box": [[["x", 1]], None],
    }


def test_read_table_parquet_without_pandas_index(tmp_path):
    pd.DataFrame({"a": [1, 2, 3]}).iloc[[0, 2]].to_parquet(tmp_path / "t.parquet")
    assert cells(tmp_path / "t.parquet") == {"a": [1, 3]}


def test_read_table_bad_parquet_raises(tmp_path):
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({"photo": [{"bytes": b"\x89PNG", "path": "a"}]}), path)
    assert "column 'photo': expected text, numbers or lists. Received: bytes" in refused(path)
    parquet.write_table(pyarrow.Table.from_arrays([pyarrow.array([1])] * 2, ["a", "a"]), path)
    assert "'a' more than once" in refused(path)
    parquet.write_table(pyarrow.table({"a": pyarrow.array([], pyarrow.int64())}), path)
    assert "expected rows of data" in refused(path)


def test_from_frame_converts_cells():
    frame = pd.DataFrame({"a": [1.5, np.nan], "b": ["x", pd.NA], "c": [True, False], 4: [np.array([1]), None]})
    frame["d"] = pd.to_datetime(["2024-01-31", None])
    found = from_frame(frame.set_index("b", drop=False)).to_dict("list")
    days = ["2024-01-31 00:00:00", None]
    assert found == {"a": [1.5, None], "b": ["x", None], "c": ["True", "False"], "4": [[1], None], "d": days}


def test_read_table_folder_with_metadata(tmp_path):
    write(tmp_path, "metadata.jsonl", '{"file_name": "a.png", "text": "a cat"}')
    write(tmp_path, "cats/a.png", "x")
    assert cells(tmp_path) == {"file_name": ["a.png"], "text": ["a cat"]}
    write(tmp_path, "metadata.csv", "file,text\na.png,a cat\n")
    assert "metadata.jsonl and metadata.csv" in refused(tmp_path)
    (tmp_path / "metadata.jsonl").unlink()
    assert "expected a column 'file_name'. Received: 'file', 'text'" in refused(tmp_path)


def test_read_table_class_folders(tmp_path):
    hidden = [".git/a", "cat/.b", "cat/.c/d", "README", "a/Thumbs.db"]
    for name in ["dog/2.png", "dog/sub/1.png", "cat/ä.wav", "NA/x", *hidden]:
        write(tmp_path, name, "x")
    frame = read_table(tmp_path)
    assert frame["file"].tolist() == ["NA/x", "cat/ä.wav", "dog/2.png", "dog/sub/1.png"]
    assert frame["label"].tolist() == ["NA", "cat", "dog", "dog"]
    assert list(frame) == ["file", "label"]
    assert all(resolve(cell, root_of(tmp_path)).is_file() for cell in frame["file"])


def test_read_table_split_folders(tmp_path):
    for name in ("Train/dog/1", "Train/cat/1", "val/cat/2", "valid/dog/2", "test/dog/3", "test/list.txt"):
        write(tmp_path, name, "x")
    frame = read_table(tmp_path)
    assert frame["file"].tolist() == ["Train/cat/1", "Train/dog/1", "test/dog/3", "val/cat/2", "valid/dog/2"]
    assert frame["label"].tolist() == ["cat", "dog", "dog", "cat", "dog"]
    assert frame["split"].tolist() == ["train", "train", "test", "validation", "validation"]


def test_read_table_class_named_train(tmp_path):
    for name in ("train/1.png", "bus/1.png"):
        write(tmp_path, name, "x")
    assert cells(tmp_path) == {"file": ["bus/1.png", "train/1.png"], "label": ["bus", "train"]}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "no folder in it"),
        (["1.png", ".git/config"], "no folder in it"),
        (["train/1.png", "test/1.png"], "Received: test, train without class folders"),
        (["train/cat/1.png", "test/cat/1.png", "docs/a.txt"], "Received: docs"),
        (["cat/.hidden", "dog/.hidden"], "expected files in its class folders"),
    ],
)
def test_read_table_folder_without_classes_raises(tmp_path, names, said):
    for name in names:
        write(tmp_path, name, "x")
    assert said in refused(tmp_path)


def test_read_table_target_keeps_class_names(tmp_path):
    path = write(tmp_path, "t.csv", "kind,size\nNone,1\nfist,None\nnull,3\n,4\n NA ,5\nnan,6\n")
    assert cells(path)["kind"] == [None, "fist", None, None, None, None]
    frame = read_table(path, "kind")
    assert frame["kind"].tolist() == ["None", "fist", "null", None, "NA", "nan"]
    assert frame["size"].tolist() == ["1", None, "3", "4", "5", "6"]
    assert read_table(path, "size")["size"].tolist() == ["1", None, "3", "4", "5", "6"]  # a column of numbers
    given = pd.DataFrame({"kind": ["None", None, "b", float("nan")]})
    assert from_frame(given, target="kind")["kind"].tolist() == ["None", None, "b", None]


def test_resolve_finds_names_of_other_case_and_unicode_form(tmp_path):
    path = write(tmp_path, "Bilder/Caf\u00e9.JPG", "")
    assert resolve("bilder/cafe\u0301.jpg", tmp_path) == path
    assert resolve("Bilder/Caf\u00e9.JPG", tmp_path) == path
    assert resolve("bilder/tea.jpg", tmp_path) == tmp_path / "bilder" / "tea.jpg"
    write(tmp_path, "Bilder/caf\u00e9.jpg", "")
    if len(list((tmp_path / "Bilder").iterdir())) > 1:  # two names that differ in case only
        assert not resolve("Bilder/CAFE\u0301.JPG", tmp_path).exists()


def test_resolve_paths(tmp_path, monkeypatch):
    write(tmp_path, "images/a b.png", "x")
    write(tmp_path, "back\\slash.png", "x")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    absolute = str(tmp_path / "images" / "a b.png")
    for cell in (
        "images/a b.png",
        "images\\a b.png",
        " images/a b.png ",
        "./images/a b.png",
        "~/images/a b.png",
        absolute,
    ):
        assert resolve(cell, root_of("table.csv")).is_file()
    assert resolve("back\\slash.png", tmp_path).is_file()
    assert not resolve("~nobody-here/x.png", tmp_path).exists()
    assert resolve(7, tmp_path) == tmp_path / "7"
    for table in ("table.csv", "~", "~/t.csv", ".", tmp_path, tmp_path / "t.csv"):
        assert root_of(table) == tmp_path


characters = st.characters(exclude_categories=("Cs",))
signs = [
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    " ",
    ",",
    ";",
    "\t",
    "\0",
    "\u05e9\u05dc",
    "\u202e",
    "\u2028",
    "é",
    "猫",
    "a\nb",
]
texts = st.text(characters, max_size=12) | st.sampled_from(signs)


@st.composite
def tables(draw):
    width = draw(st.integers(1, 4))
    row = st.lists(texts, min_size=width, max_size=width)
    return draw(st.lists(row, min_size=1, max_size=5))


def expected(rows):
    """Return the columns of the cells as written; "NA" is tested above."""
    return [[None if is_absent(cell) else cell for cell in column] for column in zip(*rows, strict=True)]


@many
@given(
    tables(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from([".csv", ".tsv"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_read_table_csv_round_trip(rows, encoding, ending, quoting):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"t{ending}"
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, "excel-tab" if ending == ".tsv" else "excel", quoting=quoting)
            writer.writerow([f"column {i}" for i in range(len(rows[0]))])
            writer.writerows(rows)
        found = [column.tolist() for _, column in read_table(path).items()]
    assert found == expected(rows)


@many
@given(tables())
def test_read_table_json_round_trip(rows):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.jsonl"
        lines = [json.dumps({f"column {i}": cell for i, cell in enumerate(row)}, ensure_ascii=False) for row in rows]
        path.write_text("\n".join(lines), encoding="utf-8")
        found = [column.tolist() for _, column in read_table(path).items()]
    assert found == expected(rows)


@many
@given(st.binary(max_size=60), st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_read_table_any_bytes_read_or_raise_one_line(content, ending):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"t{ending}"
        path.write_bytes(content)
        try:
            frame = read_table(path)
        except BadInputError as error:
            frame, said = None, str(error)
    if frame is None:
        assert said.count("\n") == 0
    else:
        assert frame.size
        assert all(isinstance(cell, str | int | float | list | None) for cell in frame.to_numpy().ravel())


def test_read_lone_surrogates_become_replacement_characters(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": "x\\ud83d", "b\\udc00": 1}\n{"a": "\\ud83d\\ude00", "b\\udc00": 2}\n')
    frame = read_table(tmp_path / "t.jsonl")
    assert frame.columns.tolist() == ["a", "b\ufffd"]
    assert frame["a"].tolist() == ["x\ufffd", "\U0001f600"]


def test_read_parquet_of_too_many_cells_raises(tmp_path, monkeypatch):
    path = tmp_path / "t.parquet"
    parquet.write_table(pyarrow.table({name: pyarrow.array(np.zeros(3_000_000, bool)) for name in "abcd"}), path)
    assert path.stat().st_size < 200_000  # and 800 MB as cells
    monkeypatch.setattr(table_reading, "MOST_CELLS", 10_000_000)
    with pytest.raises(BadInputError, match=r"t\.parquet: .* Received: 12,000,000 cells, more than 10,000,000"):
        read_table(path)
