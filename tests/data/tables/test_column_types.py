"""Tests of column type inference from content, independent of row order."""

import random
import tempfile
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from PIL import Image

from mmzoo.data.tables import column_types
from mmzoo.data.tables.column_types import (
    KINDS,
    Column,
    column_table,
    infer_columns,
    infer_target,
    label_separator,
    labeled_rows,
    to_labels,
)
from mmzoo.errors import BadInputError

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "mmzoo-hypothesis")
many = settings(max_examples=150, deadline=None, database=None, derandomize=True)
SENTENCES = [f"this is sentence number {i}, longer than a name is" for i in range(100)]


def frame_of(**cells):
    return pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})


def kind_of(cells, name="column", root="nowhere", **how):
    """Return the kind of one column, or the reason why it is skipped."""
    kept, left_out = infer_columns(frame_of(**{name: cells}), root, **how)
    assert len(kept) + len(left_out) == 1
    assert [column.name for column in kept] + [left for left, _ in left_out] == [name]
    return kept[0].kind if kept else left_out[0][1]


def refused(function, *given, **how):
    with pytest.raises(BadInputError) as raised:
        function(*given, **how)
    message = str(raised.value)
    assert "expected" in message
    assert "Received" in message
    assert "\n" not in message
    return message


def numbers(count, distinct):
    return [str(3 * (i % distinct)) for i in range(count)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([None, None], "all cells empty"),
        (["a", None, " a "], "one value"),
        (["1", "1.0", "1.00"], "one value"),
        ([["a"], None, "b"], "lists"),
        (["1.5", "-2", ".5", "1e3", "7.", "+4"], "number"),
        (["٣", "٤", "٩"], "number"),
        ([1, 2.5, 7, None], "number"),
        (["1,000", "2,000", "3,000"], "number"),
        (["12,5", "1.250,75", "3"], "number"),
        (["$13.50", "$4"], "number"),
        (["12 %", "7%"], "number"),
        (["12 %", "7"], "text"),
        (["\u22125", "4", "2.5"], "number"),
        (["18.0", "?", "15.0", "16.5"], "number"),
        (["18.0", "?", "?", "16.5"], "text"),
        (["2024-01-31", "2024-02-01", "unknown"], "date"),
        ([f"0{i % 300:04d}" for i in range(900)], "category"),
        ([str(10000 + 7 * (i % 300)) for i in range(900)], "number"),
        (["1_0", "2_0", "x"] * 2, "category"),
        (["1.5", "inf", "-2"], "numbers beyond 1e19"),
        (["1.5", "-2e19", "2"], "numbers beyond 1e19"),
        (["1.5", "-1e999", "2"], "numbers beyond 1e19"),
        ([1.5, float("-inf"), 2], "numbers beyond 1e19"),
        (["007", "012", "9"], column_types.IDENTIFIER),
        (["007", "012", "9"] * 2, "category"),
        (["0", "0.5", "10"], "number"),
        (numbers(200, 10), "category"),
        (numbers(199, 10), "number"),  # 5 % of 199 rows is under 10
        (numbers(1000, 11), "number"),
        (["0.5", "1.5"] * 100, "number"),
        ([str(i) for i in range(5, 50)], column_types.IDENTIFIER),
        (["3", "1", "2"], column_types.IDENTIFIER),
        (["1", "2", "2", "3"], "number"),
        (["1", "2", "4"], "number"),
        ([str(10**17 + i) for i in range(30)], column_types.IDENTIFIER),
        (["True", "False"], "category"),
        (["true", "false", "true"], "category"),
        (["red", "green"] * 3, "category"),
        (["red", "green", "blue"], column_types.IDENTIFIER),
        ([f"shop {i % 20}" for i in range(40)], "category"),
        ([f"shop {i % 21}" for i in range(42)], "text"),
        ([f"shop {i % 21}" for i in range(420)], "category"),
        ([f"a shop by number {i % 21}" for i in range(420)], "text"),  # 5 words
        ([f"s{i % 1001}" for i in range(30000)], "text"),
        ([("x" * 65) + str(i % 2) for i in range(40)], "text"),
        ([f"a3-{i}/b" for i in range(40)], column_types.IDENTIFIER),
        ([f"{'ACGT' * 20}{i}" for i in range(40)], "text"),
        (SENTENCES, "text"),
        ([f"这是第{i}个句子没有空格" for i in range(40)], "text"),
        ([f"ประโยค{i}" for i in range(40)], "text"),
        ([f"слово{i}" for i in range(40)], column_types.IDENTIFIER),
        (["2024-01-31", "2024-02-01", None], "date"),
        (["31/12/2024", "01/02/2024"], "date"),
        (["20240131", "20240215", "20240301"], "number"),
        (["2019", "2021", "2024"], "number"),
        (["2024-01-31", "unknown"] * 2, "category"),
        (["a.mp3", "b.mp3", "c"], "files of an unsupported format"),
        (["https://a.org/1.png", "https://a.org/2.jpg"], "web addresses: only files are read"),
    ],
)
def test_infer_columns_kind_follows_content(cells, kind):
    assert kind_of(cells) == kind
    shuffled = random.Random(0).sample(cells, len(cells))
    assert kind_of(shuffled) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *[(name, column_types.IDENTIFIER) for name in ("id", "ID", "user_id", "userId", "unnamed 1", "row-index")],
        *[(name, "number") for name in ("paid", "price", "idea", "unnamed")],
    ],
)
def test_infer_columns_whole_numbers_named_id_are_identifier(name, kind):
    assert kind_of(["5", "17", "12"], name) == kind
    repeated = "category" if kind == column_types.IDENTIFIER else "number"
    assert kind_of(["5", "17", "17"], name) == repeated
    assert kind_of(["5.5", "17.5", "12"], name) == "number"


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("image", ["a.png", "b.JPG", "c.jpeg", "d.bmp", "e.gif", "f.webp", "g.tif", "h.TIFF"]),
        ("audio", ["a.wav", "b.FLAC", "c.ogg"]),
    ],
)
def test_infer_columns_file_extensions_give_kind(tmp_path, kind, names):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / names[-1]).touch()
    assert kind_of([f"sub\\{name}" for name in names], root=tmp_path) == kind
    missing = [names[0], *names]
    message = refused(kind_of, missing, root=tmp_path)
    assert f"column 'column': expected files in {tmp_path}" in message
    assert f"Received: '{names[0]}', the first of {len(missing)} missing files" in message
    assert "name it in `text`" in message
    assert kind_of(missing, root=tmp_path, given={"column": "text"}) == "text"


def test_infer_columns_half_of_cells_is_no_majority():
    assert kind_of(["a.png", "b.png", "see it", "or not"]) == "text"
    assert "expected files" in refused(kind_of, ["a.png", "b.png", "see it"])


def test_infer_columns_given_and_ignored(tmp_path):
    (tmp_path / "a").touch()
    frame = frame_of(photo=["a", "b", "a"], size=["1", "2", "2"], code=["7", "8", "9"], empty=[None] * 3, x=list("xyx"))
    given = {"photo": "image", "size": "category", "code": "number", "empty": "audio"}
    kept, left_out = infer_columns(frame, tmp_path, given, ["x"])
    assert kept == [Column("photo", "image"), Column("size", "category"), Column("code", "number")]
    assert left_out == [("empty", "all cells empty"), ("x", "ignored")]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"given": {"Fotos": "image"}},
            "column: expected one of 'photo', 'size', 'tags'. Received: 'Fotos', did you mean",
        ),
        ({"ignore": ["siez"]}, "did you mean 'size'?"),
        ({"given": {"photo": "imgae"}}, "kind of column 'photo': expected one of 'image', 'audio',"),
        ({"given": {"photo": "imgae"}}, "Received: 'imgae', did you mean 'image'?"),
        ({"given": {"photo": "image"}}, "expected files in nowhere"),
        (
            {"given": {"photo": "number"}},
            "column 'photo': expected a number in most cells. Received: 'a' in row 1, 'b' in",
        ),
        ({"given": {"size": "date"}}, "column 'size': expected a date in most cells. Received: '1' in row 1"),
        ({"given": {"tags": "text"}}, "column 'tags': expected text. Received: lists"),
    ],
)
def test_infer_columns_bad_arguments_raise(how, said):
    frame = frame_of(photo=["a", "b"], size=["1", "31/12/2024"], tags=[["x"], None])
    assert said in refused(infer_columns, frame, "nowhere", **how)


def test_infer_columns_errors_use_table_rows():
    frame = frame_of(a=["1", "y", None, "x"], label=[None, "u", "v", "w"])
    rows, without = labeled_rows(frame, "label")
    assert without == 1
    assert rows["a"].tolist() == ["y", None, "x"]
    assert "'x' in row 4" in refused(infer_columns, rows, "", {"a": "number"})
    assert labeled_rows(frame_of(a=[[], " ", float("nan"), 0]), "a")[1] == 2
    assert "did you mean 'label'?" in refused(labeled_rows, frame, "lable")


@pytest.mark.parametrize(
    ("cells", "target"),
    [
        (["cat", "dog", None] * 2, "class"),
        (["0", "1"] * 2, "class"),
        ([0, 1, 1, 0], "class"),
        (["-1.5", "2.5"] * 2, "class"),
        (["1", "2", "3"] * 5, "class"),
        (["1", "2", "3"] * 4, "number"),
        (["007", "012", "9"] * 4, "class"),
        ([str(i % 21) for i in range(1000)], "number"),
        (["1.5", "2.5", "3"] * 9, "number"),
        (["1.5", "2", "7"], "number"),
        (["True", "False"] * 2, "class"),
        ([["a", "b"], ["a"], []], "labels"),
        (["a;b", "a", "b; c", "c"], "labels"),
        (["a|b", "a", "b", "a|b"], "labels"),
        (["TV; video", "books", "TV; video", "books"], "class"),  # no part of a name in another
        ([f"a;{i}" for i in range(9)] * 2, "labels"),
        (["1", "2", "x"] * 9, "class"),
    ],
)
def test_infer_target_kind_follows_content(cells, target):
    frame = frame_of(target=cells)
    assert infer_target(frame, "target") == target
    assert infer_target(frame.sample(frac=1, random_state=1), "target") == target


@pytest.mark.parametrize(
    ("cells", "kind", "said"),
    [
        ([None, None], "", "target 'target': expected a value in some rows. Received: 2 rows, all empty"),
        (["cat", "cat ", None], "", "expected at least two values (class). Received: only cat"),
        (["7", "7"], "number", "Received: only 7"),
        (["7", "7"], "", "Received: only 7"),
        ([[], []], "", "expected at least two values (labels). Received: no value"),
        (["a;a", "a"], "labels", "Received: only a"),
        ([["a"], ["a"]], "", "(labels). Received: only a"),
        (SENTENCES, "", "expected repeated classes. Received: 100 distinct values: an identifier or text"),
        ([str(i) for i in range(9)], "", "set the kind to number). Received: an identifier: distinct in every row"),
        (["a", "a", *"ihgfedcb"], "", "(merge or drop smaller classes). Received: one row of b, c, d, e, f and 3 more"),
        (["a", "a", "b"], "class", "Received: one row of b"),
        (["1", "1", "2.5", "9"], "class", "Received: one row of 2.5, 9"),
        (
            ["1", "x", None, "1e999", "2"],
            "number",
            "expected a number in every cell. Received: 'x' in row 2, '1e999' in row 4",
        ),
        (["1", "inf", "2"], "", "Received: 'inf' in row 2"),
        ([["a"], ["b"]], "class", "target 'target': expected class. Received: lists such as ['a']"),
        ([[["x", 1]], None], "", "expected lists of labels. Received: lists such as [['x', 1]]"),
        (
            ["a", "b"],
            "clas",
            "kind of target 'target': expected one of 'class', 'number', 'labels'. Received: 'clas', did",
        ),
    ],
)
def test_infer_target_bad_target_raises(cells, kind, said):
    assert said in refused(infer_target, frame_of(target=cells), "target", kind)


def test_infer_target_given_kind_overrides():
    rising = frame_of(target=[str(i) for i in range(9)])
    assert infer_target(rising, "target", "number") == "number"
    repeated = frame_of(target=["1", "2", "3", "1"] * 9)
    assert [infer_target(repeated, "target", kind) for kind in ("", *column_types.TARGETS)] == [
        "class",
        *column_types.TARGETS,
    ]
    assert infer_target(frame_of(target=["a;b", "a;b", "a", "a"]), "target", "class") == "class"
    assert infer_target(frame_of(target=["a", "b", "a"]), "target", "labels") == "labels"
    assert "Received: 'Target'" not in refused(infer_target, frame_of(Category=["a"]), "category")
    assert "did you mean 'Category'?" in refused(infer_target, frame_of(Category=["a"]), "category")


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["a;b", "a", "b"], ";"),
        (["a|b", "a", "b"], "|"),
        (["a;b|c", "a;b|c", "a", "b|c"], ";"),
        (["a", "b", "a"], ""),
        (["a;b", "c;d"], ""),
        (["a;b", "a;c"], ""),  # most parts come once
        ([f"{'x' * 65};a", f"{'x' * 65};b", "a", "b"], ""),
        ([["a"], 1, "b"], ""),
        ([], ""),
    ],
)
def test_label_separator_cells(cells, mark):
    assert label_separator(cells) == mark


@pytest.mark.parametrize(
    ("cell", "mark", "labels"),
    [
        (" a; b;;a ;N/A", ";", ["a", "b"]),
        (" a; b", "", ["a; b"]),
        (["b", " a ", None, 1, "b"], ";", ["b", "a", "1"]),
        (7, ";", ["7"]),
        (None, "", []),
    ],
)
def test_to_labels_cells(cell, mark, labels):
    assert to_labels(cell, mark) == labels


def test_column_table_is_aligned():
    frame = frame_of(price=["1.5", None, "2", "2"], 名前=["多" * 30, "x\ny\x1b[0m\u202e", None, None], id=list("1234"))
    kept = [Column("price", "number"), Column("名前", "text")]
    lines = column_table(kept, [("id", column_types.IDENTIFIER)], frame).split("\n")
    assert lines == [
        "column  kind    filled  distinct  example",
        "price   number  75 %    2         1.5",
        f"名前    text    50 %    2         {'多' * 19}…",
        "",
        "skipped  reason",
        "id       an identifier: distinct in every row",
    ]
    lines = column_table(kept, [], frame[1:]).split("\n")
    assert lines[1:] == ["price   number  67 %    1         2", "名前    text    33 %    1         x y [0m"]
    for length, example in ((40, "q" * 40), (41, "q" * 39 + "…")):
        lines = column_table(kept, [], frame_of(price=["q" * length, "y"], 名前=[None] * 2)).split("\n")
        assert lines[1:] == [f"price   number  100 %   2         {example}", "名前    text    0 %     0"]


characters = st.characters(exclude_categories=("Cs",))
words = st.text(characters, max_size=8) | st.sampled_from(
    [
        "007",
        "1e3",
        "inf",
        "-1e999",
        "2024-01-31",
        "31/12/24",
        "True",
        "a;b",
        "a|b",
        "猫",
        "NA",
        ".5",
        "1" * 50,
        "~",
        "://",
    ]
)
cells_of_any_kind = st.one_of(
    st.none(), words, st.integers(), st.floats(allow_nan=False), st.lists(words, max_size=2), st.integers(0, 3).map(str)
)


@st.composite
def frames(draw):
    rows = draw(st.integers(1, 12))
    names = draw(st.lists(st.text(characters, min_size=1, max_size=5), min_size=1, max_size=4, unique=True))
    some_kind = st.sampled_from([cells_of_any_kind, words, st.integers(-3, 3), st.floats(), st.dates().map(str)])
    return frame_of(**{name: draw(st.lists(draw(some_kind), min_size=rows, max_size=rows)) for name in names})


@many
@given(frames(), st.randoms(use_true_random=False))
def test_infer_columns_any_table_lists_each_column_once(frame, rng):
    kept, left_out = infer_columns(frame, "nowhere")
    assert sorted([column.name for column in kept] + [name for name, _ in left_out]) == sorted(frame)
    assert {column.kind for column in kept} <= set(KINDS)
    assert not {why for _, why in left_out} & set(KINDS)
    order = list(range(len(frame)))
    rng.shuffle(order)
    assert infer_columns(frame.iloc[order], "nowhere") == (kept, left_out)
    assert column_table(kept, left_out, frame).count("\n") == len(kept) + (2 + len(left_out) if left_out else 0)


@many
@given(frames(), st.randoms(use_true_random=False))
def test_infer_target_any_table_infers_or_raises_one_line(frame, rng):
    def found(rows, name):
        try:
            return infer_target(rows, name)
        except BadInputError as error:
            return f"no target: {len(str(error).splitlines())}"

    order = list(range(len(frame)))
    rng.shuffle(order)
    for name in frame:
        assert found(frame, name) in (*column_types.TARGETS, "no target: 1")
        assert found(frame.iloc[order], name) == found(frame, name)


def test_infer_columns_form_is_of_all_cells():
    frame = frame_of(
        price=["12,5", "?", "1.000,5"], sold=["01/02/2024", "31/12/2024", "unknown"], size=["1.5", "2", "1,000"]
    )
    kept, _ = infer_columns(frame, "")
    assert kept == [Column("price", "number", ","), Column("sold", "date", "day"), Column("size", "number")]


@pytest.mark.parametrize("name", ["zip", "zip_code", "ZipCode", "postal code", "PLZ", "customer_id"])
def test_infer_columns_codes_are_categories(name):
    assert kind_of([str(10000 + 7 * (i % 300)) for i in range(900)], name) == "category"


def test_infer_columns_files_are_opened_whatever_their_extension(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jfif", format="jpeg")
    Image.new("RGB", (4, 4)).save(tmp_path / "b.ppm")
    soundfile.write(tmp_path / "c.aiff", [0.0] * 100, 8000)
    soundfile.write(tmp_path / "d.sph", [0.0] * 100, 8000, format="NIST")
    for name in "ef":
        (tmp_path / f"{name}.xyz").write_text("x")
    assert kind_of(["a.jfif", "b.ppm"], root=tmp_path) == "image"
    assert kind_of(["c.aiff", "d.sph"], root=tmp_path) == "audio"
    assert kind_of(["e.xyz", "f.xyz"], root=tmp_path) == "files of an unsupported format"
    assert kind_of(["a.jfif", "it is", "not there"], root=tmp_path) == "text"


def test_infer_target_tells_of_whole_numbers_and_of_class_names(caplog):
    caplog.set_level("INFO", "mmzoo")
    assert infer_target(frame_of(grade=[str(i % 25) for i in range(500)]), "grade") == "number"
    assert caplog.messages == [
        "target 'grade': 25 distinct whole numbers are predicted as a number; `task` class predicts them as classes"
    ]
    caplog.clear()
    assert infer_target(frame_of(kind=["None", "fist", "nan"] * 4), "kind") == "class"
    assert caplog.messages == ["target 'kind': None, nan are classes; only an empty cell is a missing kind"]


def test_column_table_files_that_are_missing_are_not_filled(tmp_path):
    (tmp_path / "a.png").touch()
    frame = frame_of(photo=["a.png", "b.png", None, "c.png"])
    assert "photo   image  25 %    3" in column_table([Column("photo", "image")], [], frame, tmp_path)
