"""Texts that a spreadsheet would run begin with an apostrophe; numbers and other texts stay as they are."""

import pytest

from mmzoo.data.tables.formulas import without_formula

RUN = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+A1",
    "-A1",
    "-",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "-3.5+cmd",
    "+1 2",
]
KEPT = ["-3.5", "+7", "-1,000.5", "-.5", "-3e-7", "-5 %", "-5€", "", "a=b", "' =1", "3", "a@b.c", -3.5, None, 7, ["=1"]]


@pytest.mark.parametrize("cell", RUN)
def test_a_formula_is_quoted(cell):
    assert without_formula(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", KEPT, ids=repr)
def test_what_is_no_formula_is_kept(cell):
    assert without_formula(cell) is cell
