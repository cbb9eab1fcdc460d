"""Tables with a row for each point in time: recordings, channels, cells, order, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from own_series import two_bumps

from mmzoo import recipes
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.predictor import frame_of
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.data.tables.long_format import SERIES, gather_recordings
from mmzoo.data.tables.read import from_frame
from mmzoo.data.tables.series import Series
from mmzoo.data.tables.source import load_splits
from mmzoo.device.series import read_series
from mmzoo.errors import BadInputError

pytestmark = pytest.mark.usefixtures("cache")


def recordings(count, seed=0):
    """Return `[(id, times, values (T, 2), first)]` of the two events."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        times, values = two_bumps(rng, i % 2 == 0, 50, rng.uniform(2, 3))
        found.append((f"r{i:03d}", np.round(times, 4), np.round(values, 4), ("left", "right")[i % 2]))
    return found


def long_frame(found):
    """Return a table of all points in time, mixed, as loggers write them."""
    parts = [
        pd.DataFrame({"run": name, "t": t, "left": x[:, 0], "right": x[:, 1], "first": first, "person": f"p{i % 9}"})
        for i, (name, t, x, first) in enumerate(found)
    ]
    frame = pd.concat(parts, ignore_index=True)
    order = np.random.default_rng(1).permutation(len(frame))
    order = np.r_[frame.drop_duplicates("run").index, order]  # the first appearance stays
    return frame.iloc[pd.unique(order)].reset_index(drop=True)


def test_rows_of_an_id_are_sorted_by_time_into_a_file():
    found = recordings(6)
    gathered = gather_recordings(from_frame(long_frame(found)), "run", "t", ["first"])
    assert list(gathered.frame) == ["run", "first", "person", SERIES]
    assert gathered.frame["run"].tolist() == [name for name, *_ in found]
    assert gathered.frame["first"].tolist() == [first for *_, first in found]
    for path, (_, times, values, _) in zip(gathered.frame[SERIES], found, strict=True):
        file = read_series(path)
        assert file.names == ("left", "right", "t")
        np.testing.assert_array_equal(file.values, np.c_[values, times])
    rows = sum(len(times) for _, times, _, _ in found)
    assert f"run: {rows} rows are 6 recordings of left, right; " in gathered.notes[0]
    assert "rows were not in the order of t: sorted" in gathered.notes[0]


def test_the_long_table_gives_the_tensors_of_files(tmp_path):
    found = recordings(40)
    frame = long_frame(found)
    frame.to_csv(tmp_path / "long.csv", index=False)
    rows = []
    for i, (name, times, values, first) in enumerate(found):
        pd.DataFrame({"t": times, "left": values[:, 0], "right": values[:, 1]}).to_csv(
            tmp_path / f"{name}.csv", index=False
        )
        rows.append({"run": name, "first": first, "person": f"p{i % 9}", "series": f"{name}.csv"})
    pd.DataFrame(rows).to_csv(tmp_path / "files.csv", index=False)
    splits = {}
    for table, request in (("long.csv", Request(id="run", time="t")), ("files.csv", Request(ignore=("run",)))):
        request = replace(request, group="person")
        recipe = from_values(assemble(tmp_path / table, "first", request))
        (tmp_path / "recipe.py").write_text(recipe_text(recipe), encoding="utf-8")
        assert recipes.load(str(tmp_path / "recipe.py")).source == recipe.source
        assert [name for name, _ in recipe.source.inputs] == ["series"]
        splits[table] = load_splits(recipe.source, tmp_path / table, recipe.sizes(recipe.config))
    for name, long in splits["long.csv"].items():
        files = splits["files.csv"][name]
        np.testing.assert_array_equal(long.index, files.index)
        np.testing.assert_array_equal(long.labels, files.labels)
        np.testing.assert_array_equal(long.rows.readable["series"], files.rows.readable["series"])


def test_prediction_gathers_with_the_channels_of_training(tmp_path, caplog):
    frame = long_frame(recordings(30))
    frame.to_csv(tmp_path / "long.csv", index=False)
    source = from_values(assemble(tmp_path / "long.csv", "first", Request(id="run", time="t"))).source
    one = (
        frame[frame["run"] == "r003"]
        .drop(columns=["first"])
        .assign(right=20.0, note=range(sum(frame["run"] == "r003")))
    )
    with caplog.at_level("WARNING"):
        wide, _ = frame_of(one, ".", source)
    assert wide["run"].tolist() == ["r003"]
    assert read_series(wide[SERIES][0]).names == ("left", "right", "t"), "a channel, though it is constant here"
    assert "column note: left out" in caplog.text
    with pytest.raises(BadInputError, match=r"channel: expected a column of the table\. Received: right"):
        frame_of(one.drop(columns=["right"]), ".", source)


def test_cells_channels_and_what_is_neither():
    cells = {
        "id": ["a", "a", "b", "b", None],
        "x": ["1,5", "2,5", "", "3,25", "9"],  # decimal commas, an empty cell
        "site": ["north", "", "south", "south", "east"],
        "note": ["p", "q", "r", "r", "s"],
    }
    gathered = gather_recordings(from_frame(pd.DataFrame(cells)), "id")
    assert gathered.frame["site"].tolist() == ["north", "south"]
    assert gathered.left_out == (("note", "not a number, and it changes within a recording"),)
    np.testing.assert_array_equal(read_series(gathered.frame[SERIES][0]).values, [[1.5], [2.5]])
    np.testing.assert_array_equal(read_series(gathered.frame[SERIES][1]).values, [[np.nan], [3.25]])
    assert gathered.notes == ("left out: 1 rows without id", "id: 4 rows are 2 recordings of x")


def test_ignored_columns_are_no_channels(tmp_path):
    long_frame(recordings(30)).assign(noise=lambda frame: range(len(frame))).to_csv(tmp_path / "long.csv", index=False)
    request = Request(id="run", time="t", ignore=("noise", "person"))
    source = from_values(assemble(tmp_path / "long.csv", "first", request)).source
    assert [column.channels for _, (column,) in source.inputs] == [("left", "right")]
    assert source.left_out == (("noise", "ignored"), ("person", "ignored"))
    with pytest.raises(BadInputError, match="nois"):
        assemble(tmp_path / "long.csv", "first", replace(request, ignore=("nois",)))


def test_a_time_may_be_a_date_and_is_the_clock(tmp_path):
    frame = long_frame(recordings(30))
    frame["t"] = [f"2026-03-01T00:00:{t:09.6f}" for t in frame["t"]]
    frame.to_csv(tmp_path / "long.csv", index=False)
    source = from_values(assemble(tmp_path / "long.csv", "first", Request(id="run", time="t"))).source
    ((_, (column,)),) = source.inputs[:1]
    assert isinstance(column, Series)
    assert (column.time, column.channels) == ("t", ("left", "right"))
    assert column.rate == pytest.approx(50, rel=1e-3)


@pytest.mark.parametrize(
    ("change", "given", "said"),
    [
        ({}, {"recording": "runs"}, "`id`: expected a column of the table. Received: runs, columns run, t,"),
        ({}, {"time": "clock"}, "`time`: expected a column of the table. Received: clock"),
        ({"run": [*map(str, range(8))]}, {}, "`id`: expected several rows of a recording. Received: run, distinct"),
        ({"run": [None] * 8}, {}, "`id`: expected ids in the column run. Received: 8 empty cells"),
        ({"first": [*"abababab"]}, {}, "column first: expected one value in each run. Received: a, b in run 0"),
        ({"x": [1.0] * 8}, {}, "`id`: expected numbers that change within a run"),
        ({"t": [0, 1, 2, None, 0, 1, 2, 3]}, {}, "column t: expected a date or a number in every row"),
        ({"series": [1] * 8}, {}, "column 'series': with `id` this name is of the recordings; rename the column"),
    ],
)
def test_what_cannot_be_gathered_is_named(change, given, said):
    cells = {"run": [0, 0, 0, 0, 1, 1, 1, 1], "t": [*range(4)] * 2, "x": np.arange(8) / 4, "first": [*"aaaabbbb"]}
    frame = from_frame(pd.DataFrame(cells | change))
    with pytest.raises(BadInputError, match=said):
        gather_recordings(frame, **{"recording": "run", "time": "t", "constant": ["first"]} | given)
