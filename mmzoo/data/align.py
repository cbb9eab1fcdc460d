"""Streams with timestamps and rates of their own, cut into windows that they share.

A window begins at a time of the common clock. In it every stream has a fixed number of steps: step `i` of `steps`
stands for `begin + i * length / steps`, as sample `i` of a recording does, so that a regular stream whose rate is
`steps / length` comes back unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmzoo.errors import BadInputError

METHODS = ("nearest", "linear", "mean")
SLACK = 1e-6  # of a step: so far apart may times be that are meant to be equal


@dataclass(frozen=True)
class Stream:
    """What one sensor saw: `values` `(T, ...)` at `times` `(T,)`, seconds, not decreasing.

    A window has `steps` of it, each by `method`: the value of the `nearest` sample, of its type; a `linear`
    interpolation between the samples before and behind; or the `mean` of the samples from this step to the next, of
    the nearest where there is none. A step is real where a sample is `tolerance` seconds away at most, by default the
    median interval, so that one missing sample is no gap; for `mean`, away from what is averaged.
    """

    times: np.ndarray
    values: np.ndarray
    steps: int
    method: str = "nearest"
    tolerance: float | None = None


@dataclass(frozen=True)
class Windows:
    """N windows: `starts` `(N,)` seconds; `{stream: values (N, steps, ...)}`; `{stream: real (N, steps)}` bool.

    Values are 0 where they are not real.
    """

    starts: np.ndarray
    values: dict[str, np.ndarray]
    real: dict[str, np.ndarray]

    def present(self, share: float = 0.5) -> np.ndarray:
        """Return `(N, M)` float32: 1 where at least `share` of the steps of a stream are real, else 0."""
        covered = np.stack([real.mean(axis=1) for real in self.real.values()], axis=1)
        return (covered >= share).astype(np.float32)


@dataclass(frozen=True)
class Clock:
    """A clock against the common one: it shows `own` when that shows `offset + (1 + drift) * own`.

    `offset` seconds; `drift` seconds a second, 1e-6 is a part in a million; `spread` the median distance, seconds, of
    the events from the line: if it is not small the events do not match, or the drift is not constant.
    """

    offset: float = 0.0
    drift: float = 0.0
    spread: float = 0.0

    def to_common(self, times: np.ndarray) -> np.ndarray:
        """Return what the common clock shows, seconds, when this one shows `times`."""
        return np.asarray(times, np.float64) * (1.0 + self.drift) + self.offset

    def correct(self, stream: Stream) -> Stream:
        """Return `stream`, whose times are of this clock, with times of the common one."""
        return replace(stream, times=self.to_common(stream.times))


def recording(
    values: np.ndarray,
    rate: float,
    steps: int,
    start: float = 0.0,
    method: str = "nearest",
    tolerance: float | None = None,
) -> Stream:
    """Return as a `Stream` the `values` `(T, ...)` taken at `rate` a second since `start` seconds.

    Raises:
        BadInputError: `rate` is not a number above 0.
    """
    if not (np.isfinite(rate) and rate > 0):
        raise BadInputError(f"rate: expected samples a second, a number above 0. Received: {rate}")
    return Stream(start + np.arange(len(values)) / rate, values, steps, method, tolerance)


def align(streams: Mapping[str, Stream], length: float, hop: float) -> Windows:
    """Cut windows of `length` seconds every `hop` seconds from the time in which all `streams` run.

    What is left at its end, shorter than a window, is not in any.

    Raises:
        BadInputError: a stream cannot be; they have no `length` seconds in common; `length` or `hop` is not above 0.
    """
    for name, value in (("length", length), ("hop", hop)):
        if not (np.isfinite(value) and value > 0):
            raise BadInputError(f"{name}: expected seconds, a number above 0. Received: {value}")
    begin, end = overlap(streams)
    count = int(np.floor((end - begin - length) / hop + SLACK)) + 1
    if count < 1:
        said = f"streams that run together for a window of {length:g} s at least"
        raise BadInputError(f"align: expected {said}. Received: {end - begin:g} s together ({_spans(streams)})")
    return cut(streams, begin + hop * np.arange(count), length)


def overlap(streams: Mapping[str, Stream]) -> tuple[float, float]:
    """Return from when to when, seconds, all `streams` run; each ends a median interval after its last sample.

    Raises:
        BadInputError: a stream cannot be, or there is no time in which all run.
    """
    if not streams:
        raise BadInputError("align: expected streams by name. Received: none")
    for name, stream in streams.items():
        _check(name, stream)
    spans = [_span(stream) for stream in streams.values()]
    begin, end = max(first for first, _ in spans), min(last for _, last in spans)
    if begin >= end:
        raise BadInputError(f"align: expected streams that overlap in time. Received: {_spans(streams)}")
    return begin, end


def cut(streams: Mapping[str, Stream], starts: np.ndarray, lengths: np.ndarray | float) -> Windows:
    """Cut windows that begin at `starts` `(N,)`, each of `lengths` seconds, one for all or `(N,)`, where you say.

    So are words cut of a sentence: of one length around their middles, or each from its begin to its end. Where a
    window reaches beyond a stream, that is not real.

    Raises:
        BadInputError: a stream cannot be, a start is not finite or a length not above 0.
    """
    starts = np.asarray(starts, np.float64)
    if starts.ndim != 1 or not np.isfinite(starts).all():
        raise BadInputError(f"starts: expected finite seconds (N,). Received: {_short(starts)}")
    lengths = np.asarray(lengths, np.float64)
    if lengths.shape not in ((), starts.shape) or not (np.isfinite(lengths) & (lengths > 0)).all():
        raise BadInputError(f"lengths: expected seconds above 0, one or {starts.shape}. Received: {_short(lengths)}")
    lengths = np.broadcast_to(lengths, starts.shape)
    values, real = {}, {}
    for name, stream in streams.items():
        _check(name, stream)
        values[name], real[name] = _resample(stream, starts, lengths)
    return Windows(starts, values, real)


def fit_clock(own: np.ndarray, common: np.ndarray, robust: bool = True) -> Clock:
    """Fit a `Clock` to events seen on it at `own` `(K,)` and on the common clock at `common` `(K,)`, both seconds.

    `robust` takes the median of the slopes of all pairs (Theil 1950, Sen 1968), which up to 29 % of wrong matches do
    not lead astray, in time and memory K^2; without, the line of least squares.

    Raises:
        BadInputError: the lengths differ, a time is not finite, or the events are fewer than two moments.
    """
    from scipy import stats

    own, common = np.asarray(own, np.float64), np.asarray(common, np.float64)
    if own.ndim != 1 or own.shape != common.shape:
        raise BadInputError(f"events: expected as many on both clocks. Received: shapes {own.shape} and {common.shape}")
    if not (np.isfinite(own).all() and np.isfinite(common).all()):
        raise BadInputError("events: expected finite seconds. Received: NaN or infinity")
    if len(np.unique(own)) < 2:
        raise BadInputError(f"events: expected two at least, at different times. Received: {_short(own)}")
    # about the middle of the events, and of the difference alone: seconds since 1970 would cost digits
    middle = own.mean()
    x, y = own - middle, common - own
    line = stats.theilslopes(y, x, method="joint") if robust else stats.linregress(x, y)
    drift, at_middle = float(line.slope), float(line.intercept)
    spread = float(np.median(np.abs(y - at_middle - drift * x)))
    return Clock(at_middle - drift * float(middle), drift, spread)


def _resample(stream, starts, lengths):
    """Return values `(N, steps, ...)` of a stream, 0 where not real, and real `(N, steps)`."""
    times, values = np.asarray(stream.times, np.float64), np.asarray(stream.values)
    width = (lengths / stream.steps)[:, None]
    at = starts[:, None] + width * np.arange(stream.steps)
    slack = np.maximum(SLACK * width, 4 * np.spacing(np.abs(at)))
    tolerance = _interval(times) if stream.tolerance is None else stream.tolerance
    if stream.method == "mean":
        result, distance = _mean(times, values, at, width, slack)
    elif stream.method == "linear":
        result, distance = _linear(times, values, at)
    else:
        nearest, distance = _nearest(times, at)
        result = values[nearest]
    real = distance <= tolerance + slack
    result[~real] = 0
    return result, real


def _around(times, at):
    """Return the indices of the samples before (or at) and behind each of `at`; at the ends both are the last."""
    behind = np.searchsorted(times, at, side="right")
    return np.maximum(behind - 1, 0), np.minimum(behind, len(times) - 1)


def _nearest(times, at):
    before, behind = _around(times, at)
    to_before, to_behind = np.abs(at - times[before]), np.abs(times[behind] - at)
    return np.where(to_behind < to_before, behind, before), np.minimum(to_before, to_behind)


def _linear(times, values, at):
    before, behind = _around(times, at)
    between = times[behind] - times[before]
    share = np.divide(at - times[before], between, out=np.zeros_like(at), where=between > 0)
    left, right = (values[i].astype(_number(values)) for i in (before, behind))
    share = share.astype(left.dtype).reshape(share.shape + (1,) * (values.ndim - 1))
    return left + (right - left) * share, _nearest(times, at)[1]


def _mean(times, values, at, width, slack):
    # a sample on the edge of two steps belongs to the later
    begins, ends = (np.searchsorted(times, edge - slack) for edge in (at, at + width))
    count = ends - begins
    # a row behind the last, for sums that end there; each second sum is of what lies between two steps
    rows = np.concatenate([values, np.zeros_like(values[:1])]).astype(np.float64)
    index = np.stack([begins, ends], axis=-1).ravel()
    sums = np.add.reduceat(rows, index, axis=0)[::2].reshape(at.shape + values.shape[1:])
    shape = at.shape + (1,) * (values.ndim - 1)
    nearest, distance = _nearest(times, at + width / 2)
    result = np.where(count.reshape(shape) > 0, sums / np.maximum(count, 1).reshape(shape), values[nearest])
    return result.astype(_number(values)), np.where(count > 0, 0.0, distance - width / 2)


def _number(values):
    """Return the type in which values are averaged: theirs if it has fractions, else float32 or what holds them."""
    return values.dtype if values.dtype.kind == "f" else np.result_type(values.dtype, np.float32)


def _interval(times):
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _span(stream):
    times = np.asarray(stream.times, np.float64)
    return float(times[0]), float(times[-1]) + _interval(times)


def _spans(streams):
    spans = {name: _span(stream) for name, stream in streams.items()}
    return ", ".join(f"{name} from {first:.10g} to {last:.10g} s" for name, (first, last) in spans.items())


def _check(name, stream):
    """Raise BadInputError unless the stream can be."""
    times, values = np.asarray(stream.times), np.asarray(stream.values)
    if times.ndim != 1 or not len(times) or times.dtype.kind not in "iuf":
        raise BadInputError(f"{name}: expected times (T,) in seconds, T > 0. Received: {times.dtype} {times.shape}")
    if values.ndim < 1 or len(values) != len(times) or values.dtype.kind not in "biuf":
        said = f"as many values as times, {len(times)}, all numbers"
        raise BadInputError(f"{name}: expected {said}. Received: {values.dtype} {values.shape}")
    for what, array in (("times", times), ("values", values)):
        wrong = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if wrong.any():
            said = f"finite {what}; leave out the samples that are missing"
            others = f"{wrong.sum()} others, the first in row {wrong.argmax()}"
            raise BadInputError(f"{name}: expected {said}. Received: {others}")
    back = np.diff(times.astype(np.float64)) < 0
    if back.any():
        row = int(back.argmax()) + 1
        said = f"{times[row]:.10g} s in row {row} after {times[row - 1]:.10g} s"
        raise BadInputError(f"{name}: expected times that do not go backwards. Received: {said}")
    if stream.method not in METHODS:
        raise BadInputError(f"{name}: expected a method of {', '.join(METHODS)}. Received: {stream.method!r}")
    if int(stream.steps) != stream.steps or stream.steps < 1:
        raise BadInputError(f"{name}: expected one step or more in a window. Received: {stream.steps}")
    if stream.tolerance is not None and not stream.tolerance >= 0:
        raise BadInputError(f"{name}: expected a tolerance of 0 s or more. Received: {stream.tolerance}")


def _short(array):
    return " ".join(np.array2string(np.asarray(array), threshold=8).split())
