"""The CSV file of predictions: what a spreadsheet would run is quoted, unless it is asked for as it is."""

import csv

import pandas as pd
import pytest

from mmzoo.automl.predictor import write_predictions

TABLE = pd.DataFrame(
    {
        "=HYPERLINK(1)": ["=1+1", "+cmd", "-3.5", "plain"],
        "change": [-3.5, 2.0, -1.0, 0.5],
        "kept": [None, "@x", ["=a"], "a\tb"],
        7: ["\t=1", "-", "-1e3", "x"],
    }
)
QUOTED = [
    ["'=HYPERLINK(1)", "change", "kept", "7"],
    ["'=1+1", "-3.5", "", "'\t=1"],
    ["'+cmd", "2.0", "'@x", "'-"],
    ["-3.5", "-1.0", '["=a"]', "-1e3"],
    ["plain", "0.5", "a\tb", "x"],
]


@pytest.mark.parametrize("raw", [False, True])
def test_formulas_are_quoted_unless_raw(raw, tmp_path):
    write_predictions(TABLE, tmp_path / "out.csv", raw)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [[cell.removeprefix("'") if raw else cell for cell in row] for row in QUOTED]
