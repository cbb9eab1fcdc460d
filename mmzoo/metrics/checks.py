"""What the metrics demand of their arrays: finite, of the right rank, and of one length."""

import numpy as np

from mmzoo.errors import BadInputError


def finite(name: str, values: np.ndarray, rank: int) -> np.ndarray:
    """Return `values` as float64 of `rank` dimensions, none of them empty.

    Raises:
        BadInputError: another rank, nothing in it, or a value is NaN or infinite; the message says `name`.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != rank or not values.size:
        raise BadInputError(f"{name}: expected {rank} dimensions, none empty. Received: {name}.shape={values.shape}")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise BadInputError(f"{name}: expected finite values. Received: {bad} of NaN or infinity")
    return values


def one_each(name: str, values: np.ndarray, length: int) -> np.ndarray:
    """Return `values` `(length,)`, one for each example, as an array.

    Raises:
        BadInputError: another shape, or a value is NaN; the message says `name`.
    """
    values = np.asarray(values)
    if values.shape != (length,):
        raise BadInputError(f"{name}: expected the shape ({length},). Received: {name}.shape={values.shape}")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise BadInputError(f"{name}: expected no NaN. Received: {int(np.isnan(values).sum())}")
    return values


def yes_or_no(name: str, values: np.ndarray, length: int) -> np.ndarray:
    """Return `values` `(length,)` of 0 and 1 as booleans, both of which occur.

    Raises:
        BadInputError: another shape, another value, or only one of the two; the message says `name`.
    """
    values = one_each(name, values, length)
    found = np.unique(values)
    if not np.array_equal(found, [0, 1]):
        raise BadInputError(f"{name}: expected both 0 and 1 and nothing else. Received: {found[:5].tolist()}")
    return values.astype(bool)
