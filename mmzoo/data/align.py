"""Alignment of timestamped streams with different rates into common windows.

A window begins at a time of the common clock. In it every stream has a fixed number of steps: step `i` of `steps` is at
`begin + i * length / steps`, as sample `i` of a recording. A regular stream with rate `steps / length` is returned
unchanged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmzoo.device.resampling import METHODS, SLACK, interval, resample
from mmzoo.errors import BadInputError


@dataclass(frozen=True)
class Stream:
    """One sensor stream: `values` `(T, ...)` at `times` `(T,)`, non-decreasing seconds.

    A window has `steps` values, each by `method`. `nearest` is the value of the nearest sample, in its type.
    `linear` interpolates between the samples before and after. `mean` averages the samples from this step to the next,
    or takes the nearest if there is none.

    A step is valid if a sample is at most `tolerance` seconds away, for `mean` from the averaged span. The default is
    the median interval, so that one missing sample is no gap.
    """

    times: np.ndarray
    values: np.ndarray
    steps: int
    method: str = "nearest"
    tolerance: float | None = None


@dataclass(frozen=True)
class Windows:
    """N windows of all streams, with validity masks.

    `starts` `(N,)` are seconds, `values` `{stream: (N, steps, ...)}`, `real` `{stream: (N, steps)}` bool. Values are 0
    if not valid.
    """

    starts: np.ndarray
    values: dict[str, np.ndarray]
    real: dict[str, np.ndarray]

    def present(self, share: float = 0.5) -> np.ndarray:
        """Compute modality presence `(N, M)` float32.

        1 if at least `share` of the steps of a stream are valid, otherwise 0.
        """
        covered = np.stack([real.mean(axis=1) for real in self.real.values()], axis=1)
        return (covered >= share).astype(np.float32)


@dataclass(frozen=True)
class Clock:
    """A linear clock model: common time is `offset + (1 + drift) * own`.

    `offset` is in seconds. `drift` is in seconds per second: 1e-6 is one part per million. `spread` is the median
    distance of the events from the line, in seconds. If it is not small, the events do not match or the drift is not
    constant.
    """

    offset: float = 0.0
    drift: float = 0.0
    spread: float = 0.0

    def to_common(self, times: np.ndarray) -> np.ndarray:
        """Convert `times` of this clock to the common clock, in seconds."""
        return np.asarray(times, np.float64) * (1.0 + self.drift) + self.offset

    def correct(self, stream: Stream) -> Stream:
        """Convert the times of `stream` from this clock to the common one."""
        return replace(stream, times=self.to_common(stream.times))


def recording(
    values: np.ndarray,
    rate: float,
    steps: int,
    start: float = 0.0,
    method: str = "nearest",
    tolerance: float | None = None,
) -> Stream:
    """Create a `Stream` of regular samples.

    `values` `(T, ...)` are taken at `rate` per second from `start` seconds.

    Raises:
        BadInputError: `rate` is not a number above 0.
    """
    if not (np.isfinite(rate) and rate > 0):
        raise BadInputError(f"rate: expected samples a second, a number above 0. Received: {rate}")
    return Stream(start + np.arange(len(values)) / rate, values, steps, method, tolerance)


def align(streams: Mapping[str, Stream], length: float, hop: float) -> Windows:
    """Cut windows of `length` seconds every `hop` seconds.

    Windows cover the time common to all `streams`. A remainder shorter than a window is dropped.

    Raises:
        BadInputError: a stream is invalid; they have no `length` seconds in common; `length` or `hop` is not above 0.
    """
    for name, value in (("length", length), ("hop", hop)):
        if not (np.isfinite(value) and value > 0):
            raise BadInputError(f"{name}: expected seconds, a number above 0. Received: {value}")
    begin, end = overlap(streams)
    count = int(np.floor((end - begin - length) / hop + SLACK)) + 1
    if count < 1:
        expected = f"streams that overlap for a window of {length:g} s at least"
        raise BadInputError(f"align: expected {expected}. Received: {end - begin:g} s ({_spans(streams)})")
    return cut(streams, begin + hop * np.arange(count), length)


def overlap(streams: Mapping[str, Stream]) -> tuple[float, float]:
    """Return begin and end of the common time of all `streams`.

    Both are in seconds.

    A stream ends one median interval after its last sample.

    Raises:
        BadInputError: a stream is invalid, or there is no common time.
    """
    if not streams:
        raise BadInputError("`streams` must not be empty")
    for name, stream in streams.items():
        _check(name, stream)
    spans = [_span(stream) for stream in streams.values()]
    begin, end = max(first for first, _ in spans), min(last for _, last in spans)
    if begin >= end:
        raise BadInputError(f"align: expected streams that overlap in time. Received: {_spans(streams)}")
    return begin, end


def cut(streams: Mapping[str, Stream], starts: np.ndarray, lengths: np.ndarray | float) -> Windows:
    """Cut windows at given `starts` `(N,)`, each of `lengths` seconds.

    `lengths` is one number for all windows or `(N,)`. Examples are words of a sentence: of one length around their
    middles, or each from its begin to its end. Steps outside a stream are not valid.

    Raises:
        BadInputError: a stream is invalid, a start is not finite or a length not above 0.
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
        values[name], real[name] = resample(
            (stream.times, stream.values), starts, lengths, stream.steps, stream.method, stream.tolerance
        )
    return Windows(starts, values, real)


def fit_clock(own: np.ndarray, common: np.ndarray, robust: bool = True) -> Clock:
    """Fit a `Clock` to events seen on both clocks.

    `own` `(K,)` and `common` `(K,)` are in seconds. `robust` takes the median of the slopes of all pairs (Theil 1950,
    Sen 1968). It tolerates up to 29 % of wrong matches, in time and memory K^2. Without it the line of least squares is
    fitted.

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
    # centered on the events, and only the difference is fitted: seconds since 1970 would cost digits
    middle = own.mean()
    x, y = own - middle, common - own
    line = stats.theilslopes(y, x, method="joint") if robust else stats.linregress(x, y)
    drift, at_middle = float(line.slope), float(line.intercept)
    spread = float(np.median(np.abs(y - at_middle - drift * x)))
    return Clock(at_middle - drift * float(middle), drift, spread)


def _span(stream: Stream) -> tuple[float, float]:
    times = np.asarray(stream.times, np.float64)
    return float(times[0]), float(times[-1]) + interval(times)


def _spans(streams: Mapping[str, Stream]) -> str:
    spans = {name: _span(stream) for name, stream in streams.items()}
    return ", ".join(f"{name} from {first:.10g} to {last:.10g} s" for name, (first, last) in spans.items())


def _check(name: str, stream: Stream) -> None:
    """Raise BadInputError unless the stream is valid."""
    times, values = np.asarray(stream.times), np.asarray(stream.values)
    if times.ndim != 1 or not len(times) or times.dtype.kind not in "iuf":
        raise BadInputError(f"{name}: expected times (T,) in seconds, T > 0. Received: {times.dtype} {times.shape}")
    if values.ndim < 1 or len(values) != len(times) or values.dtype.kind not in "biuf":
        expected = f"as many values as times, {len(times)}, all numbers"
        raise BadInputError(f"{name}: expected {expected}. Received: {values.dtype} {values.shape}")
    for what, array in (("times", times), ("values", values)):
        wrong = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if wrong.any():
            expected = f"finite {what}; leave out the samples that are missing"
            others = f"{wrong.sum()} others, the first in row {wrong.argmax()}"
            raise BadInputError(f"{name}: expected {expected}. Received: {others}")
    back = np.diff(times.astype(np.float64)) < 0
    if back.any():
        row = int(back.argmax()) + 1
        received = f"{times[row]:.10g} s in row {row} after {times[row - 1]:.10g} s"
        raise BadInputError(f"{name}: expected times that do not go backwards. Received: {received}")
    if stream.method not in METHODS:
        raise BadInputError(f"{name}: expected a method of {', '.join(METHODS)}. Received: {stream.method!r}")
    if int(stream.steps) != stream.steps or stream.steps < 1:
        raise BadInputError(f"{name}: expected one step or more in a window. Received: {stream.steps}")
    if stream.tolerance is not None and not stream.tolerance >= 0:
        raise BadInputError(f"{name}: expected a tolerance of 0 s or more. Received: {stream.tolerance}")


def _short(array: np.ndarray) -> str:
    return " ".join(np.array2string(np.asarray(array), threshold=8).split())
