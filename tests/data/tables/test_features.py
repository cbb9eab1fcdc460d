"""Tests of features from numbers, categories and dates against manual values."""

import numpy as np
import pytest

from mmzoo.data.tables.features import (
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
    spread,
)

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


def test_features_huge_numbers_are_missing():
    assert fit_feature("number", "x", ["1", "3", "1e300", "-2e19"]) == Number("x", 2.0, 1.0)
    assert fit_feature("number", "x", ["1e-290", "3e-290"]).deviation == 1
    assert features([Number("x", 2.0, 1.0)], {"x": ["1e300", "1e18"]}).tolist() == [[2, 1], [np.float32(1e18), 0]]
