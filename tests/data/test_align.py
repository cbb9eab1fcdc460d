"""Alignment of streams: against a loop, and invariants under jitter, gaps and drift."""

import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from mmzoo.data.align import METHODS, Clock, Stream, align, cut, fit_clock, overlap, recording
from mmzoo.errors import BadInputError

# the same examples in every run, and no folder of them in the tree
set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "mmzoo-hypothesis")
many = settings(max_examples=60, deadline=None, database=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def sensor(rng, steps=8, method="nearest", rate=20.0, seconds=6.0, tolerance=None):
    """Return a stream whose samples jitter by up to 0.4 of their interval and are missing in stretches, begin anywhere.

    Times are multiples of 1/4096 s, so that sums of them are exact.
    """
    start = rng.uniform(-1, 1)
    times = start + (np.arange(int(rate * seconds)) + rng.uniform(-0.4, 0.4, int(rate * seconds))) / rate
    there = rng.random(len(times)) > 0.05
    gap = rng.uniform(start, start + seconds)
    there &= (times < gap) | (times > gap + rng.uniform(0, 1.5))
    there[[0, -1]] = True
    times = np.round(times[there] * 4096) / 4096
    return Stream(times, rng.normal(size=(len(times), 2)), steps, method, tolerance)


def looped(stream, starts, length):
    """Compute values and validity of a stream by loops over windows, steps and samples."""
    tolerance = np.median(np.diff(stream.times)) if stream.tolerance is None else stream.tolerance
    values = np.zeros((len(starts), stream.steps, *stream.values.shape[1:]))
    real = np.zeros((len(starts), stream.steps), bool)
    width = length / stream.steps
    for n, start in enumerate(starts):
        for i in range(stream.steps):
            at = start + i * width
            away = np.abs(stream.times - at)
            if stream.method == "mean":
                inside = (stream.times >= at - 1e-9) & (stream.times < at + width - 1e-9)
                middle = np.abs(stream.times - at - width / 2)
                real[n, i] = inside.any() or middle.min() - width / 2 <= tolerance + 1e-9
                value = stream.values[inside].mean(axis=0) if inside.any() else stream.values[middle.argmin()]
            else:
                real[n, i] = away.min() <= tolerance + 1e-9
                value = stream.values[away.argmin()]
                if stream.method == "linear":
                    value = [np.interp(at, stream.times, column) for column in stream.values.T]
            values[n, i] = value if real[n, i] else 0
    return values, real


@many
@given(seed=seeds, method=st.sampled_from(METHODS), tolerance=st.sampled_from([None, 0.0, 0.01, 0.1]))
def test_every_method_equals_a_loop(seed, method, tolerance):
    rng = np.random.default_rng(seed)
    stream = sensor(rng, int(rng.integers(1, 40)), method, tolerance=tolerance)
    starts, length = rng.uniform(-2, 7, 4), rng.uniform(0.1, 2)  # some where the stream is not
    windows = cut({"x": stream}, starts, length)
    values, real = looped(stream, starts, length)
    np.testing.assert_array_equal(windows.real["x"], real)
    np.testing.assert_allclose(windows.values["x"], values, atol=1e-9)


@many
@given(seed=seeds, slope=st.floats(-10, 10), level=st.floats(-10, 10))
def test_a_linear_signal_survives_jitter_and_gaps(seed, slope, level):
    rng = np.random.default_rng(seed)
    stream = sensor(rng, 16, "linear", tolerance=0.2)
    stream = Stream(stream.times, level + slope * stream.times, 16, "linear", 0.2)
    starts = rng.uniform(stream.times[0], stream.times[-1] - 1, 5)
    windows = cut({"x": stream}, starts, 1.0)
    at = starts[:, None] + np.arange(16) / 16
    expected = np.where(windows.real["x"], level + slope * at, 0)
    np.testing.assert_allclose(windows.values["x"], expected, atol=1e-9 * (1 + abs(slope) + abs(level)))


@many
@given(seed=seeds, method=st.sampled_from(METHODS), tolerance=st.floats(0, 0.3))
def test_samples_beyond_the_tolerance_are_not_valid(seed, method, tolerance):
    rng = np.random.default_rng(seed)
    stream = sensor(rng, 10, method, tolerance=tolerance)
    windows = align({"x": stream}, 1.0, 0.5)
    for start, value, real in zip(windows.starts, windows.values["x"], windows.real["x"], strict=True):
        begins = start + np.arange(10) / 10
        ends = begins + (0.1 if method == "mean" else 0)
        away = np.maximum(0, np.maximum(begins[:, None] - stream.times, stream.times - ends[:, None])).min(axis=1)
        assert (away[real] <= tolerance + 1e-6).all()
        assert (away[~real] > tolerance - 1e-6).all()
        assert not value[~real].any()


@many
@given(seed=seeds, length=st.floats(0.05, 2), hop=st.floats(0.05, 2))
def test_windows_lie_in_the_overlap_and_leave_less_than_a_hop(seed, length, hop):
    rng = np.random.default_rng(seed)
    streams = {name: sensor(rng, rate=rate) for name, rate in (("a", 8), ("b", 31.4))}
    begin, end = overlap(streams)
    assert begin == max(s.times[0] for s in streams.values())
    assert end == pytest.approx(min(s.times[-1] + np.median(np.diff(s.times)) for s in streams.values()))
    starts = align(streams, length, hop).starts
    assert starts[0] == begin
    np.testing.assert_allclose(np.diff(starts), hop)
    assert starts[-1] + length <= end + 1e-5 * hop
    assert starts[-1] + length + hop > end - 1e-5 * hop


@many
@given(seed=seeds, method=st.sampled_from(METHODS), shift=st.integers(-640, 640))
def test_later_streams_give_later_windows(seed, method, shift):
    rng = np.random.default_rng(seed)
    streams = {"a": sensor(rng, 8, method), "b": sensor(rng, 16, method, rate=50.0)}
    later = {n: Stream(s.times + shift / 64, s.values, s.steps, s.method) for n, s in streams.items()}
    before, behind = align(streams, 0.5, 0.25), align(later, 0.5, 0.25)
    np.testing.assert_array_equal(behind.starts, before.starts + shift / 64)
    for name in streams:
        np.testing.assert_array_equal(behind.real[name], before.real[name])
        np.testing.assert_allclose(behind.values[name], before.values[name], atol=1e-9)


@many
@given(seed=seeds)
def test_tiles_of_means_take_every_sample_once(seed):
    rng = np.random.default_rng(seed)
    stream = sensor(rng, 4, "mean", rate=50.0)
    ones = Stream(stream.times, stream.values, 4, "mean", 0.0)
    windows = align({"x": ones}, 0.5, 0.5)
    edges = windows.starts[0] + 0.125 * np.arange(4 * len(windows.starts) + 1)
    count, _ = np.histogram(stream.times, edges)
    count[-1] -= stream.times[stream.times <= edges[-1]][-1] == edges[-1]  # histogram's last bin holds its end
    total = (windows.values["x"].reshape(-1, 2) * count[:, None]).sum(axis=0)
    inside = (stream.times >= edges[0]) & (stream.times < edges[-1])
    np.testing.assert_allclose(total, stream.values[inside].sum(axis=0), atol=1e-9)


@many
@given(
    seed=seeds,
    drift=st.floats(-5e-3, 5e-3),
    offset=st.floats(-100, 100),
    epoch=st.sampled_from([0.0, 1.7e9]),
    robust=st.booleans(),
)
def test_fit_clock_finds_drift_within_five_standard_errors(seed, drift, offset, epoch, robust):
    rng = np.random.default_rng(seed)
    own = epoch + np.sort(rng.uniform(0, 600, 80))
    noise = 0.01
    common = epoch + offset + (1 + drift) * (own - epoch) + rng.normal(0, noise, 80)
    clock = fit_clock(own, common, robust)
    error = noise / (own.std() * np.sqrt(80)) * 1.2  # Theil's line needs a little more than least squares
    assert abs(clock.drift - drift) < 5 * error
    true = epoch + offset + (1 + drift) * (own - epoch)
    assert np.abs(clock.to_common(own) - true).max() < 5 * 3 * noise / np.sqrt(80)
    assert 0.3 * noise < clock.spread < 1.2 * noise


def test_fit_clock_robust_ignores_wrong_matches():
    rng = np.random.default_rng(0)
    own = np.sort(rng.uniform(0, 600, 100))
    common = 3 + own * (1 + 2e-4) + rng.normal(0, 0.005, 100)
    common[70:90] += rng.uniform(5, 60, 20)
    assert abs(fit_clock(own, common).drift - 2e-4) < 2e-5
    assert abs(fit_clock(own, common, robust=False).drift - 2e-4) > 1e-3


def test_correct_synchronizes_a_drifting_recording():
    """A click each second, seen by a camera and heard by a recorder that is 200 ppm fast and began 0.4 s late."""
    clicks = np.arange(1, 60)
    own = (clicks - 0.4) / (1 - 2e-4)
    sound = np.zeros(8000 * 60, np.float32)
    sound[np.round(own * 8000).astype(int)] = 1
    clock = fit_clock(own, clicks.astype(float))
    assert clock == Clock(pytest.approx(0.4), pytest.approx(-2e-4), pytest.approx(0, abs=1e-9))
    wrong, right = recording(sound, 8000, 800), clock.correct(recording(sound, 8000, 800))
    starts = clicks - 0.01
    found = [cut({"x": stream}, starts, 0.1).values["x"].argmax(axis=1) for stream in (wrong, right)]
    assert np.abs(found[0] - 80).max() > 40
    assert np.abs(found[1] - 80).max() <= 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [0.0, 12.3, 1.7e9])
def test_regular_stream_at_the_step_rate_is_unchanged(method, start):
    sound = np.random.default_rng(0).integers(-30000, 30000, 8000 * 3).astype(np.int16)
    frames = np.random.default_rng(0).integers(0, 256, (75, 4, 5)).astype(np.uint8)
    streams = {"audio": recording(sound, 8000, 8000, start, method), "video": recording(frames, 25, 25, start, method)}
    windows = align(streams, 1.0, 1.0)
    assert windows.values["audio"].dtype == (np.int16 if method == "nearest" else np.float32)
    # seconds since 1970 are whole to 2.4e-7: what is between samples is not
    exact = 300 if method == "linear" and start > 1e9 else 0.01
    np.testing.assert_allclose(windows.values["audio"], sound.reshape(3, 8000), atol=exact)
    np.testing.assert_allclose(windows.values["video"], frames.reshape(3, 25, 4, 5), atol=exact / 100)
    assert windows.present().tolist() == [[1, 1]] * 3


def test_present_thresholds_the_valid_fraction():
    times = np.arange(100) / 10
    gone = (times > 2.95) & (times < 6.35)
    streams = {"video": recording(times, 10, 10), "touch": Stream(times[~gone], times[~gone], 10)}
    windows = align(streams, 1.0, 1.0)
    share = windows.real["touch"].mean(axis=1)
    np.testing.assert_allclose(share, [1, 1, 1, 0.1, 0, 0, 0.7, 1, 1, 1], atol=1e-9)
    assert windows.present().tolist() == [[1.0, float(s >= 0.5)] for s in share]
    assert windows.present(0.05)[3].tolist() == [1, 1]
    assert windows.present().dtype == np.float32


GOOD = Stream(np.arange(10.0), np.zeros(10), 5)
BAD = {
    "no overlap": (
        {"late": Stream(np.arange(10.0) + 50, np.zeros(10), 5)},
        "overlap.*good from 0 to 10 s, late",
    ),
    "backwards": ({"x": Stream(np.array([0.0, 2, 1]), np.zeros(3), 5)}, "x: .*go backwards. Received: 1 s in row 2"),
    "NaN time": ({"x": Stream(np.array([0, np.nan, 1]), np.zeros(3), 5)}, "x: .*finite times.*first in row 1"),
    "NaN value": ({"x": Stream(np.arange(3.0), np.array([[0, 1], [2, 3], [np.nan, 1]]), 5)}, "finite values.*row 2"),
    "lengths": ({"x": Stream(np.arange(3.0), np.zeros(4), 5)}, r"x: .*as many values as times, 3.*\(4,\)"),
    "no sample": ({"x": Stream(np.zeros(0), np.zeros(0), 5)}, r"x: .*T > 0. Received: float64 \(0,\)"),
    "words": ({"x": Stream(np.arange(3.0), np.array(["a", "b", "c"]), 5)}, "all numbers. Received: <U1"),
    "method": ({"x": Stream(np.arange(3.0), np.zeros(3), 5, "cubic")}, "nearest, linear, mean. Received: 'cubic'"),
    "steps": ({"x": Stream(np.arange(3.0), np.zeros(3), 0)}, "one step or more.*Received: 0"),
    "tolerance": ({"x": Stream(np.arange(3.0), np.zeros(3), 5, tolerance=-1)}, "tolerance of 0 s.*Received: -1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_streams_are_one_clear_line(case):
    streams, said = BAD[case]
    with pytest.raises(BadInputError, match=said) as error:
        align({"good": GOOD, **streams}, 1.0, 1.0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: recording(np.zeros(5), 0, 5), "rate: .*above 0. Received: 0"),
        (lambda: recording(np.zeros(5), float("nan"), 5), "rate: .*Received: nan"),
        (lambda: align({"x": GOOD}, 0, 1), "length: .*Received: 0"),
        (lambda: align({"x": GOOD}, 1, -1), "hop: .*Received: -1"),
        (lambda: align({"x": GOOD}, 11, 1), "window of 11 s at least. Received: 10 s"),
        (lambda: align({}, 1, 1), "`streams` must not be empty"),
        (lambda: cut({"x": GOOD}, [0, np.nan], 1), "starts: .*finite"),
        (lambda: cut({"x": GOOD}, [0, 1], [1, 1, 1]), "lengths: .*above 0"),
        (lambda: cut({"x": GOOD}, [0, 1], [1, 0]), "lengths: .*above 0"),
        (lambda: fit_clock([1, 2], [1, 2, 3]), r"events: .*\(2,\) and \(3,\)"),
        (lambda: fit_clock([1, 2], [1, np.inf]), "events: expected finite"),
        (lambda: fit_clock([1, 1], [1, 2]), "events: .*different times"),
    ],
)
def test_bad_arguments_are_one_clear_line(call, said):
    with pytest.raises(BadInputError, match=said):
        call()


@pytest.fixture(scope="module")
def sentence(data_dir):
    """Return mouth frames `(75, 32, 64)`, sound `(48000,)` and the times of the six words `(6, 2)` of a sentence."""
    from PIL import Image

    folder = data_dir / "arrays" / "grid_s1"
    if not folder.is_dir():
        pytest.skip(f"needs the GRID sentences of speaker 1: no folder {folder}")
    with np.load(folder / "mouth_75x32x64_jpg.npz") as file:
        first, last = file["jpg_off"][:2]
        mosaic = np.asarray(Image.open(io.BytesIO(file["jpg"][first:last].tobytes())))
    with np.load(folder / "audio_16k_mulaw.npz") as file:
        y = file["audio"][0] / 127.5 - 1
    with np.load(folder / "labels.npz") as file:
        times = file["word_times_s"][0].astype(float)
    frames = mosaic.reshape(5, 32, 15, 64).transpose(0, 2, 1, 3).reshape(75, 32, 64)
    return frames, (np.sign(y) * (256 ** np.abs(y) - 1) / 255).astype(np.float32), times


def test_words_of_a_sentence_are_cut_from_both_streams(sentence):
    frames, sound, words = sentence
    streams = {"video": recording(frames, 25, 12), "audio": recording(sound, 16000, 7680)}
    starts = np.round((words.mean(axis=1) - 0.24) * 100) / 100
    windows = cut(streams, starts, 0.48)
    assert windows.present(1.0).all()
    for i, start in enumerate(starts):
        sample = round(start * 16000)
        np.testing.assert_array_equal(windows.values["audio"][i], sound[sample : sample + 7680])
        frame = start * 25
        near = [frames[int(np.ceil(frame - 0.5 - 1e-6)) + k] for k in range(12)]
        np.testing.assert_array_equal(windows.values["video"][i], near)
    whole = cut(streams, words[:, 0], words[:, 1] - words[:, 0])
    loud = np.square(whole.values["audio"]).mean()
    assert loud > 20 * np.square(sound[: int(0.8 * words[0, 0] * 16000)]).mean()


def test_sentence_with_a_drifting_clock_is_recovered(sentence):
    frames, sound, words = sentence
    true = Clock(0.35, 1e-3)
    own = (words.ravel() - true.offset) / (1 + true.drift)
    clock = fit_clock(own, words.ravel())
    drifting = recording(sound, 16000, 7680, start=-true.offset)
    drifting = Stream(drifting.times / (1 + true.drift), sound, 7680)
    expected = cut({"audio": recording(sound, 16000, 7680)}, words[:, 0], 0.48).values["audio"]
    found = cut({"audio": clock.correct(drifting)}, words[:, 0], 0.48).values["audio"]
    wrong = cut({"audio": drifting}, words[:, 0], 0.48).values["audio"]
    assert (found == expected).mean() > 0.99
    assert (wrong == expected).mean() < 0.2
    assert align({"audio": drifting, "video": recording(frames, 25, 12)}, 0.48, 0.24).present().all()
