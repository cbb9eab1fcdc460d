"""Tests of features from numbers, categories and dates against manual values."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from mmzoo.data.tables import features as table_features
from mmzoo.data.tables.column_types import infer_columns
from mmzoo.data.tables.features import (
    FEWEST_ROWS,
    MOST_VALUES,
    Category,
    Date,
    Number,
    empty_cells,
    feature_names,
    features,
    figures,
    fit_feature,
    present,
    shared_values,
    spread,
)
from mmzoo.data.tables.read import from_frame, read_table

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "mmzoo-hypothesis")

COLUMNS = (Number("price", 10.0, 4.0), Category("color", ("blue", "red")), Date("sold", 20.0, 2.0))
CELLS = {
    "price": ["12.5", None, 3],
    "color": ["red", None, "green"],
    "sold": ["2000-01-01", None, "2001-01-01"],
}


def test_features_equal_manual_rows():
    rows = features(COLUMNS, CELLS)
    assert rows.dtype == np.float32
    assert rows.shape == (3, len(feature_names(COLUMNS))) == (3, 11)
    assert rows[0, :5].tolist() == [12.5, 0, 0, 1, 0]
    assert rows[1, :5].tolist() == [10.0, 1, 0, 0, 0]
    assert rows[2, :5].tolist() == [3.0, 0, 0, 0, 1]
    np.testing.assert_allclose(rows[0, 5:], [0, 0, 1, 0, 1, 0], atol=1e-6)
    assert rows[1, 5:].tolist() == [20.0, 0, 0, 0, 0, 1]
    np.testing.assert_allclose(rows[2, 5], 366 / 365.2425, rtol=1e-6)
    week = 2 * np.pi * 366 / 7
    np.testing.assert_allclose(rows[2, 8:10], [np.sin(week), np.cos(week)], atol=1e-4)


def test_present_any_cell_is_true():
    assert present(COLUMNS, CELLS).tolist() == [True, False, True]
    unreadable = {"price": ["?", None, "7"], "color": [None] * 3, "sold": [None, "soon", None]}
    assert present(COLUMNS, unreadable).tolist() == [False, False, True]


def test_empty_cells_equal_row_without_cells():
    row, columns = empty_cells(COLUMNS)
    assert row.tolist() == [10, 1, 0, 0, 0, 20, 0, 0, 0, 0, 1]
    assert columns.tolist() == [0] * 2 + [1] * 3 + [2] * 6


def test_figures_scale_only_numbers():
    mean, variance = figures(COLUMNS)
    assert mean.tolist() == [10, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0]
    assert variance.tolist() == [16, 1, 1, 1, 1, 4, 1, 1, 1, 1, 1]
    assert spread(COLUMNS) == (-2.0, 24.0)


def test_fit_feature_uses_training_rows():
    assert fit_feature("number", "x", ["1", "3", None, "no number"]) == Number("x", 2.0, 1.0)
    assert fit_feature("number", "x", ["5", "5"]) == Number("x", 5.0, 1.0)
    assert fit_feature("number", "x", [None]) == Number("x", 0.0, 1.0)
    assert fit_feature("category", "c", ["b", "a", "b", None]) == Category("c", ("a", "b"))
    date = fit_feature("date", "d", ["2000-01-01", "2002-01-01"])
    assert date.mean == pytest.approx(1, abs=0.01)
    assert date.order == "day"
    assert fit_feature("date", "d", ["01/31/2000", None]).order == "month"
    months = features([Date("d", 0.0, 1.0, "month")], {"d": ["03.02.2000"]})[0, 0]
    days = features([Date("d", 0.0, 1.0)], {"d": ["03.02.2000"]})[0, 0]
    assert (months * 365.2425, days * 365.2425) == (pytest.approx(61, abs=0.1), pytest.approx(33, abs=0.1))


def test_fit_feature_keeps_most_frequent_values():
    cells = [f"v{i:03d}" for i in range(MOST_VALUES + 20)] + [f"v{i:03d}" for i in range(20, MOST_VALUES + 20)]
    assert fit_feature("category", "c", cells).values == tuple(f"v{i:03d}" for i in range(20, MOST_VALUES + 20))


def test_values_of_several_rows_have_a_feature_each():
    often = [f"v{i:03d}" for i in range(90)] * FEWEST_ROWS
    rare = [f"w{i:03d}" for i in range(30)] * (FEWEST_ROWS - 1)
    column = fit_feature("category", "c", often + rare)
    assert column.values == tuple(f"v{i:03d}" for i in range(90))
    line = "c: 90 of 120 values have a feature each; the others share one, as too few training rows have them"
    assert shared_values([column], {"c": often + rare}) == [line]
    assert shared_values([column], {"c": often}) == []


def test_a_category_of_a_large_table_has_fewer_features(monkeypatch):
    cells = [f"v{i:03d}" for i in range(90)] * FEWEST_ROWS
    monkeypatch.setattr(table_features, "MOST_CELLS", 70 * len(cells))
    assert len(fit_feature("category", "c", cells).values) == 70
    monkeypatch.setattr(table_features, "MOST_CELLS", 10)
    assert len(fit_feature("category", "c", cells).values) == MOST_VALUES
    monkeypatch.setattr(table_features, "MOST_CELLS", 10**9)
    monkeypatch.setattr(table_features, "MANY_VALUES", 80)
    assert len(fit_feature("category", "c", cells).values) == 80


def test_features_huge_numbers_are_missing():
    assert fit_feature("number", "x", ["1", "3", "1e300", "-2e19"]) == Number("x", 2.0, 1.0)
    assert fit_feature("number", "x", ["1e-290", "3e-290"]).deviation == 1
    assert features([Number("x", 2.0, 1.0)], {"x": ["1e300", "1e18"]}).tolist() == [[2, 1], [np.float32(1e18), 0]]


def test_features_decimal_comma():
    column = fit_feature("number", "x", ["1,5", "2,5"])
    assert column == Number("x", 2.0, 0.5, ",")
    assert features([column], {"x": ["1.000,5", 1.5, "?"]}).tolist() == [[1000.5, 0], [1.5, 0], [2, 1]]


def test_fit_feature_form_is_of_the_whole_column():
    assert fit_feature("date", "d", ["01/02/2024"], "day").order == "day"
    assert fit_feature("number", "x", ["1,100"], ",").mean == pytest.approx(1.1)


def test_features_category_in_any_spelling():
    columns = (fit_feature("category", "store", ["1", "2", "1"]), fit_feature("category", "on", ["TRUE", "FALSE"]))
    assert [column.values for column in columns] == [("1", "2"), ("false", "true")]
    rows = features(columns, {"store": [1.0, "2 ", 3], "on": [True, "true", None]})
    assert rows.tolist() == [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0]]


COLUMN = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), st.integers(1, 3)), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), st.booleans()), min_size=12, max_size=12),
    st.lists(st.sampled_from([None, "red", "blue ", "Äpfel", "a,b"]), min_size=12, max_size=12),
    st.lists(st.one_of(st.none(), st.dates()), min_size=12, max_size=12),
)


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.lists(COLUMN, min_size=1, max_size=3))
def test_features_of_file_frame_and_parquet_are_equal(columns):
    """A model gets the same features from a CSV file, from what pandas makes of it, and from Parquet."""
    typed = pd.DataFrame({f"c{i}": pd.Series(cells, dtype=object) for i, cells in enumerate(columns)})
    content = typed.to_csv(index=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text(content, encoding="utf-8")
        read = read_table(path) if content.replace("c0", "").strip('\n,"') else None
        frame = pd.read_csv(io.StringIO(content))
        frame.to_parquet(Path(folder) / "t.parquet")
        stored = read_table(Path(folder) / "t.parquet")
    if read is None or len(read) != len(frame):
        return  # rows of one column without a cell are blank lines
    found, _ = infer_columns(read, ".")
    fitted = [
        fit_feature(c.kind, c.name, read[c.name].tolist(), c.form)
        for c in found
        if c.kind in ("number", "category", "date")
    ]
    if not fitted:
        return
    expected = features(fitted, {name: read[name].tolist() for name in read})
    for other in (from_frame(frame), from_frame(pd.read_csv(io.StringIO(content), dtype=str)), stored):
        np.testing.assert_allclose(
            features(fitted, {name: other[name].tolist() for name in other}), expected, rtol=1e-6
        )
