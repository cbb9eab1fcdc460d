"""Values of a recorded stream at the steps of regular windows, with NumPy.

Training resamples with the same functions, see `mmzoo.data.align`.
"""

import numpy as np

METHODS = ("nearest", "linear", "mean")
SLACK = 1e-6  # of a step: the tolerance for equal times


def resample(
    stream: tuple[np.ndarray, np.ndarray],
    starts: np.ndarray,
    lengths: np.ndarray,
    steps: int,
    method: str = "nearest",
    tolerance: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a stream at `steps` times of each window.

    Step `i` is at `start + i * length / steps`. For methods and tolerance see `mmzoo.data.align.Stream`.

    Args:
        stream: times `(T,)`, non-decreasing, and values `(T, ...)`, both finite.
        starts: `(N,)` begin of each window.
        lengths: `(N,)` length of each window.
        steps: number of steps in a window.
        method: nearest, linear or mean.
        tolerance: largest distance of a valid step from a sample; by default the median interval of the samples.

    Returns:
        values `(N, steps, ...)`, 0 where a step is not valid, and validity `(N, steps)`.
    """
    times, values = np.asarray(stream[0], np.float64), np.asarray(stream[1])
    width = (lengths / steps)[:, None]
    at = starts[:, None] + width * np.arange(steps)
    slack = np.maximum(SLACK * width, 4 * np.spacing(np.abs(at)))
    tolerance = interval(times) if tolerance is None else tolerance
    if method == "mean":
        result, distance = _mean(times, values, at, width, slack)
    elif method == "linear":
        result, distance = _linear(times, values, at)
    else:
        nearest, distance = _nearest(times, at)
        result = values[nearest]
    real = distance <= tolerance + slack
    result[~real] = 0
    return result, real


def interval(times: np.ndarray) -> float:
    """Return the median interval of times `(T,)`, 0 for a single one."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _around(times: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the samples around each of `at`.

    The first sample is before or at the time, the second after. At the ends both are the last sample.
    """
    behind = np.searchsorted(times, at, side="right")
    return np.maximum(behind - 1, 0), np.minimum(behind, len(times) - 1)


def _nearest(times: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before, behind = _around(times, at)
    to_before, to_behind = np.abs(at - times[before]), np.abs(times[behind] - at)
    return np.where(to_behind < to_before, behind, before), np.minimum(to_before, to_behind)


def _linear(times: np.ndarray, values: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    before, behind = _around(times, at)
    between = times[behind] - times[before]
    share = np.divide(at - times[before], between, out=np.zeros_like(at), where=between > 0)
    left, right = (values[i].astype(_number(values)) for i in (before, behind))
    share = share.astype(left.dtype).reshape(share.shape + (1,) * (values.ndim - 1))
    return left + (right - left) * share, _nearest(times, at)[1]


def _mean(
    times: np.ndarray, values: np.ndarray, at: np.ndarray, width: np.ndarray, slack: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # a sample on the edge of two steps belongs to the later step
    begins, ends = (np.searchsorted(times, edge - slack) for edge in (at, at + width))
    count = ends - begins
    # a row after the last, for sums that end there; every second sum is of the samples between two steps
    rows = np.concatenate([values, np.zeros_like(values[:1])]).astype(np.float64)
    index = np.stack([begins, ends], axis=-1).ravel()
    sums = np.add.reduceat(rows, index, axis=0)[::2].reshape(at.shape + values.shape[1:])
    shape = at.shape + (1,) * (values.ndim - 1)
    nearest, distance = _nearest(times, at + width / 2)
    result = np.where(count.reshape(shape) > 0, sums / np.maximum(count, 1).reshape(shape), values[nearest])
    return result.astype(_number(values)), np.where(count > 0, 0.0, distance - width / 2)


def _number(values: np.ndarray) -> np.dtype:
    """Return the value type if floating, otherwise float32 or wider."""
    return values.dtype if values.dtype.kind == "f" else np.result_type(values.dtype, np.float32)
