"""Files of time series: what is read of them, how they are resampled, and what is refused in one line."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from mmzoo.device.series import prepare_series, read_series

PREPARE = {"channels": ["x", "y"], "time": "t", "rate": 10.0, "steps": 8, "fill": [1.5, -2.0]}


def csv(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("text", "names", "values"),
    [
        ("x,y\n1,2\n3,4\n", ("x", "y"), [[1, 2], [3, 4]]),
        ("\ufeffx;y\r\n1,5;2\r\n\r\n;-3e2\r\n", ("x", "y"), [[1.5, 2], [np.nan, -300]]),
        ('x\ty\n"1"\tNaN\nNULL\t 7 \n', ("x", "y"), [[1, np.nan], [np.nan, 7]]),
        ("1,2\n3,4\n", ("0", "1"), [[1, 2], [3, 4]]),
        ("0,1\n3,4\n5,6\n", ("0", "1"), [[3, 4], [5, 6]]),
        (",x\n0,5\n1,6\n", ("unnamed 1", "x"), [[0, 5], [1, 6]]),
    ],
)
def test_csv(tmp_path, text, names, values):
    found = read_series(csv(tmp_path, text))
    assert found.names == names
    np.testing.assert_array_equal(found.values, values)
    assert not found.dates


def test_names_in_windows_1252(tmp_path):
    assert read_series(csv(tmp_path, "°C,y\n1,2\n", "cp1252")).names == ("°C", "y")


def test_npy_and_parquet(tmp_path):
    values = np.arange(6, dtype=np.float16).reshape(3, 2)
    np.save(tmp_path / "a.npy", values)
    found = read_series(tmp_path / "a.npy")
    assert found.names == ("0", "1")
    np.testing.assert_array_equal(found.values, values)
    np.save(tmp_path / "b.npy", np.array([3, 4, 5]))
    assert read_series(tmp_path / "b.npy").values.shape == (3, 1)
    times = pd.date_range("2026-03-01 12:00", periods=3, freq="250ms")
    frame = pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64"), "y": [True, False, True]}, index=times)
    frame.to_parquet(tmp_path / "c.parquet")
    found = read_series(tmp_path / "c.parquet")
    assert set(found.names) == {"x", "y", "__index_level_0__"}
    assert found.dates == {"__index_level_0__"}
    np.testing.assert_array_equal(found.values[:, :2], [[1, 1], [np.nan, 0], [3, 1]])
    np.testing.assert_allclose(np.diff(found.values[:, 2]), 0.25, atol=1e-6)


def test_dates_are_seconds(tmp_path):
    found = read_series(csv(tmp_path, "when,x\n2026-03-01T12:00:00.5,1\n2026-03-01 12:00:01Z,2\n"))
    assert found.dates == {"when"}
    expected = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    np.testing.assert_array_equal(found.values[:, 0], [expected + 0.5, expected + 1])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty file"),
        ("x,y\n", r"shape \(0, 2\)"),
        ("x,y\n1,2\n3\n", "expected 2 cells in each row. Received: 1 in row 2"),
        ("x,y\n1,2\n3,fast\n", "column y: expected a number. Received: 'fast' in row 2"),
        ("x,y\n1,2\n3,inf\n", "column y: expected finite numbers. Received: infinity in row 2"),
        ("x,x\n1,2\n", "distinct names of channels. Received: x more than once"),
        ('x,y\n"1,2\n', "expected closed quotes"),
        ("x\0,y\n1,2\n", "expected a CSV, NPY or Parquet file. Received: binary"),
        ("\x93NUMPY", "expected a readable NPY file"),
        ("PAR1PAR1", "expected a readable Parquet file"),
    ],
)
def test_what_is_no_series_is_one_line_with_the_file(tmp_path, text, words):
    path = csv(tmp_path, text, "latin-1")
    with pytest.raises(ValueError, match=words) as error:
        read_series(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_files_that_are_gone_or_of_another_shape(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        read_series(tmp_path / "gone.csv")
    for array in (np.zeros((2, 3, 4)), np.array(["a"]), np.zeros(2, complex)):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=r"expected an array of numbers \(T, C\)"):
            read_series(tmp_path / "a.npy")


def prepared(tmp_path, times, values, **changed):
    """Prepare a CSV file of times and the values of x and y."""
    frame = pd.DataFrame({"y": values[:, 1], "t": times, "x": values[:, 0]})  # in another order
    frame.to_csv(tmp_path / "a.csv", index=False)
    return prepare_series(tmp_path / "a.csv", PREPARE | changed)


def test_a_series_at_the_rate_is_returned_as_it_is(tmp_path):
    values = np.random.default_rng(0).normal(size=(8, 2))
    found = prepared(tmp_path, 7 + np.arange(8) / 10, values)
    assert (found.length, found.empty, found.cells) == (8, 0, 16)
    assert found.tensor.dtype == np.float32
    np.testing.assert_allclose(found.tensor, np.concatenate([values, np.ones((8, 1))], axis=1), atol=1e-6)


def test_short_is_padded_with_the_mean_and_long_is_cut(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 2))
    short = prepared(tmp_path, np.arange(5) / 10, values[:5])
    assert short.length == 5
    np.testing.assert_array_equal(short.tensor[:, 2], [1] * 5 + [0] * 3)
    np.testing.assert_array_equal(short.tensor[5:, :2], [[1.5, -2.0]] * 3)
    np.testing.assert_allclose(short.tensor[:5, :2], values[:5], atol=1e-6)
    long = prepared(tmp_path, np.arange(20) / 10, values)
    assert long.length == 20
    np.testing.assert_allclose(long.tensor[:, :2], values[:8], atol=1e-6)


def test_rates_are_changed_by_means_and_lines(tmp_path):
    values = np.random.default_rng(0).normal(size=(24, 2))
    fast = prepared(tmp_path, np.arange(24) / 30, values)
    assert fast.length == 8
    np.testing.assert_allclose(fast.tensor[:, :2], values.reshape(8, 3, 2).mean(axis=1), atol=1e-6)
    slow = prepared(tmp_path, np.arange(4) / 5, values[:4])
    assert slow.length == 8
    assert slow.tensor[:, 2].all()
    np.testing.assert_allclose(slow.tensor[:7:2, :2], values[:4], atol=1e-6)
    np.testing.assert_allclose(slow.tensor[1:6:2, :2], (values[:3] + values[1:4]) / 2, atol=1e-6)


def test_empty_cells_are_interpolated_and_gaps_are_not_measured(tmp_path):
    times, values = np.arange(8) / 10, np.stack([np.arange(8.0), np.full(8, np.nan)], axis=1)
    values[2:4, 0] = np.nan
    values[[0, 7], 1] = 5
    found = prepared(tmp_path, times, values)
    assert (found.empty, found.cells) == (8, 16)
    np.testing.assert_allclose(found.tensor[:2, 0], [0, 1], atol=1e-6)
    np.testing.assert_allclose(found.tensor[:2, 1], 5, atol=1e-6)
    gap = prepared(tmp_path, times[[0, 1, 2, 6, 7]], np.nan_to_num(values[[0, 1, 2, 6, 7]]))
    np.testing.assert_array_equal(gap.tensor[:, 2], [1, 1, 1, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(gap.tensor[4, :2], [1.5, -2.0])
    values[:, 1] = np.nan
    one = prepared(tmp_path, times, values)
    np.testing.assert_array_equal(one.tensor[:, 1], -2.0)


def test_without_times_the_clock_counts_samples(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(12.0)[:, None])
    given = {"channels": ["0"], "time": "", "rate": 0.5, "steps": 4, "fill": [0.0]}
    found = prepare_series(tmp_path / "a.npy", given)
    np.testing.assert_array_equal(found.tensor, [[0.5, 1], [2.5, 1], [4.5, 1], [6.5, 1]])
    assert found.length == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t,x,z\n0,1,2\n", "expected the channels x, y and the times t. Received: t, x, z"),
        ("t,x,y,z\n0,1,2,3\n", "expected the channels x, y and the times t. Received: t, x, y, z"),
        ("x,y\n0,1\n", "expected the channels x, y and the times t. Received: x, y"),
        ("t,x,y\n0,1,2\n2,3,4\n1,3,4\n", "column t: expected times that do not go backwards. .* row 3"),
        ("t,x,y\n,1,2\n,3,4\n", "column t: expected times. Received: 2 empty cells"),
        ("t,x,y\n0,,\n1,,\n", "expected numbers. Received: 2 rows of empty cells"),
        ("t,x,y\n0,1,2\n1,1e39,4\n", "column x: expected numbers in the range of float32. Received: 1e\\+39 in row 2"),
        ("t,x,y\n0,2026-01-01,2\n1,2026-01-02,4\n", "column x: expected numbers. Received: dates"),
    ],
)
def test_other_channels_and_times_are_one_line_with_the_file(tmp_path, text, words):
    path = csv(tmp_path, text)
    with pytest.raises(ValueError, match=words) as error:
        prepare_series(path, PREPARE)
    assert str(error.value).startswith(str(path))
