"""Checks of metric inputs: finite values, rank and length."""

import numpy as np

from mmzoo.errors import BadInputError


def finite(name: str, values: np.ndarray, rank: int) -> np.ndarray:
    """Convert `values` to float64 and check rank and finiteness.

    No dimension may be empty.

    Raises:
        BadInputError: another rank, an empty array, or a value is NaN or infinite; the message contains `name`.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != rank or not values.size:
        raise BadInputError(f"{name}: expected {rank} dimensions, none empty. Received: {name}.shape={values.shape}")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise BadInputError(f"{name}: expected finite values. Received: {bad} of NaN or infinity")
    return values


def per_example(name: str, values: np.ndarray, length: int) -> np.ndarray:
    """Convert `values` to an array and check its shape `(length,)`.

    Raises:
        BadInputError: another shape, or a value is NaN; the message contains `name`.
    """
    values = np.asarray(values)
    if values.shape != (length,):
        raise BadInputError(f"{name}: expected the shape ({length},). Received: {name}.shape={values.shape}")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise BadInputError(f"{name}: expected no NaN. Received: {int(np.isnan(values).sum())}")
    return values


def binary_labels(name: str, values: np.ndarray, length: int) -> np.ndarray:
    """Convert `values` `(length,)` of 0 and 1 to booleans; both must occur.

    Raises:
        BadInputError: another shape, another value, or only one of the two; the message contains `name`.
    """
    values = per_example(name, values, length)
    found = np.unique(values)
    if not np.array_equal(found, [0, 1]):
        raise BadInputError(f"{name}: expected both 0 and 1 and nothing else. Received: {found[:5].tolist()}")
    return values.astype(bool)
