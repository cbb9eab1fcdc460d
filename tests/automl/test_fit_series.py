"""Columns of time series from files to a verified model: what is learned, and equal answers of every way in."""

import logging

import numpy as np
import pandas as pd
import pytest
from json_card import read_card
from own_series import order_table, power_table, write_csv

from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.data.tables.read import read_table
from mmzoo.device import Runner
from mmzoo.device.series import read_series
from mmzoo.errors import BadInputError

pytestmark = pytest.mark.usefixtures("cache")


def fitted(table, target, examples, epochs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmzoo.data.tables.batches.SMALLEST_EPOCH", examples)
        return fit_table(table, target, table.parent / "out", Request(epochs=epochs))


@pytest.fixture(scope="module")
def ordered(tmp_path_factory, cache):
    """Return a table of two events, of which one comes first, and the folder of a model that names it."""
    table = order_table(tmp_path_factory.mktemp("events"), 160)
    return table, fitted(table, "first", 1024, 4)


@pytest.fixture(scope="module")
def powered(tmp_path_factory, cache):
    """Return the folder of a model of a signal and a number."""
    return fitted(power_table(tmp_path_factory.mktemp("power"), 160), "power", 1, 8)


def check_verified(card):
    assert card["verification"]["exit_code"] in (0, 3)
    if card["verification"]["gpu"]["status"] == "executed":
        assert {check["status"] for check in card["verification"]["checks"]} <= {"right", "information"}
    assert {"model_float32.tflite", "model_int8.tflite", "model.onnx"} <= set(card["files"])


def test_the_order_of_events_is_learned_and_verified(ordered):
    card = read_card(ordered[1])
    check_verified(card)
    assert card["scores"]["artifacts"]["model_float32.tflite"]["accuracy"] >= 0.85
    assert card["baselines"]["linear"]["series"]["accuracy"] <= 0.75
    series, present = card["inputs"]
    assert (series["name"], present["name"]) == ("series", "present")
    assert series["unit"].endswith("steps, 0.02 of t apart: left, right; last 1 measured, 0 padding")
    assert series["prepare"]["channels"] == ["left", "right"]
    assert series["shape"] == [1, series["prepare"]["steps"], 3]


def test_the_recipe_and_the_report_hold_the_clock(ordered):
    folder = ordered[1]
    recipe = recipes.load(str(folder / "recipe.py"))
    ((name, (column,)),) = recipe.source.inputs
    assert (name, column.name, column.time) == ("series", "recording", "t")
    assert column.rate == pytest.approx(50)
    assert column.prepare == read_card(folder)["inputs"][0]["prepare"]
    assert "0.02 of t apart" in (folder / "README.md").read_text(encoding="utf-8")
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/svg+xml;base64,') >= 2
    assert 'alt="recording of row' in page


def test_file_frame_and_runner_give_the_same_answer(ordered, caplog):
    table, folder = ordered
    model, runner = TrainedModel(folder), Runner(folder)
    with caplog.at_level(logging.WARNING):
        found = model.predict_proba(table)
    assert "recording: 2 channels, times in t, " in caplog.text
    assert "cells are empty: interpolated" in caplog.text
    assert "4 of 160 rows have no usable input: the prediction is the class prior" in caplog.text
    frame = read_table(table)
    np.testing.assert_array_equal(model.predict_proba(frame, root=table.parent), found)
    kept = frame.iloc[::-3]
    np.testing.assert_allclose(model.predict_proba(kept, root=table.parent), found[::-3], atol=1e-6)
    for name, row in zip(frame["recording"][:12], found, strict=False):
        if name is not None:
            answer = runner(series=table.parent / name)
            np.testing.assert_allclose(list(answer["probabilities"].values()), row, atol=1e-5)
    assert found[7] == pytest.approx([0.5, 0.5], abs=0.02)


def test_bad_files_stop_with_row_file_and_column(ordered, tmp_path):
    model = TrainedModel(ordered[1])
    write_csv(tmp_path / "other.csv", ["t", "left", "middle"], [[0, 1, 2], [1, 2, 3]])
    write_csv(tmp_path / "words.csv", ["t", "left", "right"], [[0, 1, 2], [1, "none of it", 3]])
    for name, words in (("other.csv", "the channels left, right and"), ("words.csv", "column left: expected a number")):
        frame = pd.DataFrame({"recording": [None, name]})
        with pytest.raises(BadInputError, match=rf"row 2: .*{name}: .*{words}"):
            model.predict(frame, root=tmp_path)
        with pytest.raises(ValueError, match=rf"{name}: .*{words}"):
            Runner(ordered[1])(series=tmp_path / name)


@pytest.mark.slow  # its twins: the table of events above, and test_fit_number
def test_a_number_of_a_signal_and_a_cell(powered):
    card = read_card(powered)
    check_verified(card)
    both, *alone = (card["scores"]["subsets"][name]["mae"] for name in ("series+tabular", "series", "tabular"))
    assert both < 0.5 * min(alone)
    assert both < 0.3 * card["baselines"]["constant"]["mae"]
    assert card["inputs"][0]["prepare"]["time"] == ""
    recipe = recipes.load(str(powered / "recipe.py"))
    assert [name for name, _ in recipe.source.inputs] == ["series", "tabular"]
    assert len(TrainedModel(powered).predict(powered.parent / "power.csv")) == 160


@pytest.mark.slow  # its twins: the table of events above, and data/tables/test_long_format
def test_a_table_of_points_in_time_is_learned_and_predicted(tmp_path):
    table = order_table(tmp_path, 160)
    rows = read_table(table).dropna()
    parts = [read_series(tmp_path / name) for name in rows["recording"]]
    long = pd.concat(
        pd.DataFrame(part.values, columns=part.names).assign(run=f"r{i}", first=first)
        for i, (part, first) in enumerate(zip(parts, rows["first"], strict=True))
    )
    long.to_csv(tmp_path / "long.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmzoo.data.tables.batches.SMALLEST_EPOCH", 1024)
        folder = fit_table(tmp_path / "long.csv", "first", tmp_path / "out", Request(epochs=4, id="run", time="t"))
    card = read_card(folder)
    check_verified(card)
    assert card["scores"]["artifacts"]["model_float32.tflite"]["accuracy"] >= 0.85
    predicted = TrainedModel(folder).predict_table(tmp_path / "long.csv")
    assert list(predicted) == ["run", "first", "predicted first", "confidence"]
    assert predicted["run"].tolist() == [f"r{i}" for i in range(len(parts))]
    assert np.mean(predicted["predicted first"] == rows["first"].to_numpy()) >= 0.85
    answer = Runner(folder)(series=tmp_path / rows["recording"].iloc[0])
    assert answer["label"] == predicted["predicted first"][0]
