"""Columns of time series: fitted channels, clock and length, and the printed counts of their files."""

import numpy as np
import pandas as pd
import pytest
from own_series import CHANNELS, order_table, write_csv

from mmzoo.data.tables.column_types import infer_columns
from mmzoo.data.tables.read import read_table
from mmzoo.data.tables.rows import Sizes, decode_rows, rows_of
from mmzoo.data.tables.series import Series, fit_series
from mmzoo.device.series import prepare_series
from mmzoo.errors import BadInputError

SIZES = Sizes(32, 8000, 80, 8)
RNG = np.random.default_rng(0)
pytestmark = pytest.mark.usefixtures("cache")


def kinds(frame, root):
    columns, left_out = infer_columns(frame, root)
    return {column.name: column.kind for column in columns}, dict(left_out)


def files(folder, frames):
    """Write frames as CSV files; return their names."""
    for i, frame in enumerate(frames):
        frame.to_csv(folder / f"{i}.csv", index=False)
    return [f"{i}.csv" for i in range(len(frames))]


def test_a_column_of_paths_is_recognized_by_what_opens(tmp_path):
    for i in range(6):
        write_csv(tmp_path / f"{i}.csv", ["x", "y"], [[1, 2], [i, 4]])
        write_csv(tmp_path / f"{i}.log", ["x", "y"], [[1, 2], [i, 4]])
        write_csv(tmp_path / f"words{i}.csv", ["x", "y"], [["a", "b"], ["c", "d"]])
        np.save(tmp_path / f"{i}.npy", np.ones((3, 2)))
    frame = pd.DataFrame(
        {
            "a": [f"{i}.csv" for i in range(6)],
            "b": [f"{i}.log" for i in range(6)],
            "c": [f"{i}.npy" for i in range(5)] + ["gone.npy"],
            "d": [f"words{i}.csv" for i in range(6)],
            "e": ["export.csv", "import.csv"] * 3,
        },
        dtype=object,
    )
    found, left_out = kinds(frame, tmp_path)
    assert found == {"a": "series", "b": "series", "c": "series", "e": "category"}
    assert left_out == {"d": "files of an unsupported format"}
    frame["a"] = [f"gone{i}.csv" for i in range(6)]
    with pytest.raises(
        BadInputError, match=r"column 'a': expected files in .*'gone0.csv', the first of 6 missing files"
    ):
        kinds(frame, tmp_path)


def test_clock_length_and_figures_are_those_of_the_files(tmp_path):
    table = order_table(tmp_path, 60)
    frame = read_table(table)
    column = fit_series("recording", frame["recording"].tolist(), tmp_path)
    assert (column.channels, column.time) == (CHANNELS, "t")
    assert column.rate == pytest.approx(50)
    assert 140 <= column.steps <= 150
    values = [pd.read_csv(tmp_path / name)["left"] for name in frame["recording"] if str(name).endswith("csv")]
    assert column.mean[0] == pytest.approx(np.mean([one.mean() for one in values]), rel=0.01)
    assert column.deviation[0] == pytest.approx(np.concatenate(values).std(), rel=0.05)
    assert column.shape == (column.steps, 3)
    assert all(float(f"{x:.6g}") == x for x in (*column.mean, *column.deviation, column.rate))


@pytest.mark.parametrize(
    ("frame", "time"),
    [
        ({"Time": [0, 0.1, 0.1], "x": [1, 2, 1]}, "Time"),
        ({"x": [1, 2, 1], "time_ms": [0, 10, 20]}, "time_ms"),
        ({"x": [1, 2, 1], "at": ["2026-01-01", "2026-01-02", "2026-01-05"]}, "at"),
        ({"unnamed": [3, 4, 5], "x": [1, 2, 1]}, "unnamed"),
        ({"x": [1, 2, 1], "count": [3, 4, 5]}, ""),
        ({"time": [3, 2, 5], "x": [1, 2, 1]}, ""),
    ],
)
def test_the_time_is_found_by_name_dates_or_a_rising_first_column(tmp_path, frame, time):
    names = files(tmp_path, [pd.DataFrame(frame)] * 3)
    column = fit_series("file", names, tmp_path)
    assert column.time == time
    assert set(column.channels) == set(frame) - {time}


def test_a_long_series_gets_a_lower_rate(tmp_path):
    frames = [pd.DataFrame({"x": RNG.normal(size=2000)}) for _ in range(3)]
    column = fit_series("file", files(tmp_path, frames), tmp_path)
    assert (column.steps, column.rate) == (512, 0.256)


def test_no_file_that_can_be_read_is_one_line(tmp_path):
    write_csv(tmp_path / "a.csv", ["x"], [["a"], ["b"]])
    with pytest.raises(BadInputError, match=r"column 'file': expected series of numbers. .*a\.csv: column x: expected"):
        fit_series("file", ["a.csv"], tmp_path)
    write_csv(tmp_path / "b.csv", ["t"], [[1], [2]])
    with pytest.raises(BadInputError, match="expected a channel other than the time t"):
        fit_series("file", ["b.csv"], tmp_path)


def test_rows_are_decoded_and_told(tmp_path):
    frame = read_table(order_table(tmp_path, 60))
    column = fit_series("recording", frame["recording"].tolist(), tmp_path)
    rows = decode_rows(frame, tmp_path, {"series": (column,)}, SIZES)
    again = decode_rows(frame, tmp_path, {"series": (column,)}, SIZES)
    assert rows.notes == again.notes
    there = frame["recording"].notna().to_numpy()
    np.testing.assert_array_equal(rows.present[:, 0], there)
    stored = rows_of(rows.arrays["series"], np.arange(60))
    lengths, empty, cells = [], 0, 0
    for name, tensor in zip(frame["recording"], stored, strict=True):
        if name is None:
            assert not tensor.any()
            continue
        read = prepare_series(tmp_path / name, column.prepare)
        np.testing.assert_array_equal(tensor, read.tensor)
        lengths, empty, cells = [*lengths, read.length], empty + read.empty, cells + read.cells
    lengths = np.array(lengths)
    count, longer, shorter = len(lengths), (lengths > column.steps).sum(), (lengths < column.steps).sum()
    assert longer
    assert shorter
    assert rows.notes == (
        f"recording: 2 channels, times in t, {column.steps} steps, 50 per t; {longer} of {count} are longer, the "
        f"longest {lengths.max()} steps: cut; {shorter} of {count} are shorter: padded; {empty} of {cells:,} cells are "
        "empty: interpolated",
    )


def test_bad_files_are_named_with_row_and_column(tmp_path):
    good = pd.DataFrame({"t": np.arange(20) / 10, "x": RNG.normal(size=20)})
    names = files(tmp_path, [good, good.rename(columns={"x": "z"}), good.assign(y=1), good.assign(x="high")])
    column = Series("file", ("x",), "t", 10.0, 16, (0.0,), (1.0,))
    frame = pd.DataFrame({"file": [*names, "gone.csv", None]}, dtype=object)
    words = (
        r"row 2: .*1\.csv: expected the channels x and the times t\. Received: t, z; "
        r"row 3: .*2\.csv: expected the channels x and the times t\. Received: t, x, y; "
        r"row 4: .*3\.csv: column x: expected a number\. Received: 'high' in row 1$"
    )
    with pytest.raises(BadInputError, match=words):
        decode_rows(frame, tmp_path, {"series": (column,)}, SIZES)
    rows = decode_rows(frame, tmp_path, {"series": (column,)}, SIZES, skip_bad=True)
    assert sorted(rows.bad) == [1, 2, 3]
    assert rows.present[:, 0].tolist() == [True, False, False, False, False, False]
