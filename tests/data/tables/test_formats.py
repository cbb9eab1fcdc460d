"""Tests of cells as numbers, dates and categories."""

import math
from datetime import datetime

import pytest

from mmzoo.data.tables.formats import (
    Lookup,
    canonical_cells,
    date_order,
    is_placeholder,
    number_form,
    numbers_of,
    to_date,
    to_number,
)


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1e3", 1000), (" -.5 ", -0.5), (7, 7), (2.5, 2.5), ("007", 7), ("٣", 3), ("+1.", 1)]
    + [
        (cell, None) for cell in ("1,00", "1_000", "inf", "nan", "1e999", float("inf"), "0x1", "", ".", "1 2", None, [])
    ],
)
def test_to_number_cells(cell, number):
    assert to_number(cell) == number


DAY = datetime(2024, 2, 1)
TIME = datetime(2024, 2, 1, 13, 5)


@pytest.mark.parametrize(
    ("cell", "date"),
    [
        *[
            (cell, DAY)
            for cell in ("2024-02-01", "2024/2/1", "2024.02.01", "1.2.2024", "01-02-2024", "1/2/2024", "1/2/24")
        ],
        *[(cell, DAY) for cell in ("1 Feb 2024", "01-FEB-2024", "1 February 2024", "Feb 1, 2024", "February 1st 2024")],
        *[(cell, TIME) for cell in ("2024-02-01T13:05", "2024-02-01 13:05:00", "1.2.2024, 13:05", "1/2/2024 1:05 PM")],
        *[(cell, TIME) for cell in ("2024-02-01 13:05:00+00:00", "2024-02-01T13:05Z", "2024-02-01 13:05:00 UTC")],
        *[(cell, TIME) for cell in ("2024-02-01T15:05:00+02:00", "2024-02-01 08:05-0500", "Thu, 1 Feb 2024 13:05:00")],
        ("2024-02-01 13:05:00.250000000", TIME.replace(microsecond=250000)),
        ("1/2/69", datetime(1969, 2, 1)),
        ("1800-02-01", datetime(1800, 2, 1)),
        *[
            (cell, None)
            for cell in ("20240201", "2024", "2024-02", "13:05", "30.2.2024", "2024-13-01", "1.2.24", "1-2/2024")
        ],
        *[
            (cell, None)
            for cell in ("1 Fub 2024", "2024-02-01 25:00", "2024-02-01 noon", "2024-02-01x", 20240201, "", None)
        ],
        *[(cell, None) for cell in ("0001-01-01 00:00+05:00", "0000-01-01", "192.168.1.2024", "2024-02-01 1:05 XM")],
    ],
)
def test_to_date_cells(cell, date):
    assert to_date(cell) == date


def test_to_date_month_first():
    assert to_date("2/1/2024", "month") == to_date("2.1.2024", "month") == to_date("2024-02-01", "month") == DAY
    assert to_date("31/12/2024", "month") is None


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        (["01/02/2024"], "month"),
        (["01/02/2024", "31/12/2024"], "day"),
        (["01/02/2024", "12/31/2024"], "month"),
        (["13/01/2024", "01/13/2024"], ""),
        (["01.02.2024"], "day"),
        (["01-13-2024"], "month"),
        (["2024-01-31"], "day"),
        (["2024-01-31", "soon"], ""),
        ([], ""),
    ],
)
def test_date_order_cells(cells, order):
    assert date_order(cells) == order


@pytest.mark.parametrize(
    ("cells", "form", "numbers"),
    [
        (["12.5", "3"], "", [12.5, 3]),
        (["12,5", "3", "1.234,50"], ",", [12.5, 3, 1234.5]),
        (["1,100", "2,350,000"], "", [1100, 2350000]),
        (["0,950", "1,100"], ",", [0.95, 1.1]),  # no group begins with 0
        (["1.100", "2.2"], "", [1.1, 2.2]),
        (["1.100", 2.5, "7,25"], ",", [1100, 2.5, 7.25]),  # numbers have no mark
        (["$13.50", "$ -4", "$1,000"], "", [13.5, -4, 1000]),
        (["13,50 \u20ac", "4 \u20ac"], ",", [13.5, 4]),
        (["12%", "3.5 %"], "", [12, 3.5]),
        (["\u22125", "+4"], "", [-5, 4]),
        (["1'000", "1\u00a0000", "1\u202f000.5"], "", [1000, 1000, 1000.5]),
        (["1e3", "-.5"], "", [1000, -0.5]),
        (["inf", "1e999"], "", [math.inf, math.inf]),
    ],
)
def test_number_form_follows_column(cells, form, numbers):
    assert number_form(cells) == form
    assert number_form(reversed(cells)) == form
    assert numbers_of(cells, form) == set(numbers)
    assert [to_number(cell, form) for cell in cells] == [n if math.isfinite(n) else None for n in numbers]


@pytest.mark.parametrize(
    "cells",
    [
        [],
        ["007", "12"],
        ["12%", "3"],
        ["$3", "3 \u20ac"],
        ["1,5", "1.5", "1,50.5"],
        ["1,00", "1.5"],
        ["1.2.3", "1.2.4"],
        ["+-1"],
        ["$3 %"],
        ["12.05.2024"],
        ["two"],
        ["3 apples"],
    ],
)
def test_number_form_other_cells_are_no_numbers(cells):
    assert number_form(cells) is None


def test_is_placeholder_cells():
    assert all(map(is_placeholder, ("?", "-", " Unknown ", "N/A", "#VALUE!")))
    assert not any(map(is_placeholder, ("0", "no", None, 3, "unknown city")))


def test_canonical_cells_one_spelling_of_a_value():
    assert canonical_cells(["3", 3.0, "3.0", 3, None, "+3", "2.50"]) == ["3", "3", "3", "3", None, "3", "2.5"]
    assert canonical_cells(["TRUE", "False", "true", None]) == ["true", "false", "true", None]
    assert canonical_cells([" a ", "e\u0301", 3.0, 3.5]) == ["a", "\u00e9", "3", "3.5"]
    assert canonical_cells(["1.10", "1.1", "2.0b"]) == ["1.10", "1.1", "2.0b"]  # versions
    assert canonical_cells(["007", "7.0"]) == ["007", "7.0"]


def test_lookup_finds_other_spellings():
    place = Lookup(("1", "2.5", "true", "007", "caf\u00e9"))
    assert [place(cell) for cell in (1, 1.0, "1.0", " 1", "2.50", 2.5)] == [0, 0, 0, 0, 1, 1]
    assert [place(cell) for cell in (True, "TRUE", 7, "7", "cafe\u0301", "tea", False)] == [2, 2, 3, 3, 4, None, None]
    versions = Lookup(("1.1", "1.10"))
    assert [versions(cell) for cell in ("1.1", "1.10", 1.1, 1.100)] == [0, 1, 0, 0]
