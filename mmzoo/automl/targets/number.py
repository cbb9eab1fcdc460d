"""A number as the target of a table: its scale, linear or logarithmic, and its loss and output."""

from typing import Any

import keras
import numpy as np
from scipy import stats

from mmzoo.blocks.presence import ConstantWhereNothing
from mmzoo.blocks.standardize import ExponentialRescaling
from mmzoo.data.tables.features import SMALLEST
from mmzoo.heads.regressor import regressor

SHIFTS = {"log": 0.0, "log1p": 1.0}  # scale: what is added in front of the logarithm
SKEWED = 1.0  # skewness of the training rows from which on a logarithm is tried
FEWEST = 50  # training rows
HEADROOM = np.log(2)  # predictions of a logarithm are at most twice the largest target of training


def scaled(recipe: Any, numbers: np.ndarray) -> np.ndarray:
    """Return target numbers `(N,)` as the model learns them: standardized, after the logarithm if there is one."""
    return (_transformed(recipe.scale, numbers) - recipe.mean) / recipe.deviation


def in_unit(recipe: Any, raw: np.ndarray) -> np.ndarray:
    """Return predictions of the model `(N, 1)` in the unit of the target; the inverse of `scaled`."""
    values = raw * recipe.deviation + recipe.mean
    if not recipe.scale:
        return values
    return np.exp(np.minimum(values, recipe.highest)) - SHIFTS[recipe.scale]


def wiring(recipe: Any) -> dict[str, Any]:
    """Return a regression head, the fallback to the mean, and the scaling to the unit of the target."""
    options = {"scale": recipe.deviation, "offset": recipe.mean, "dtype": "float32", "name": "answer"}

    def postprocess(inputs: list[keras.KerasTensor]) -> keras.KerasTensor:
        standardized = ConstantWhereNothing([0.0], name="value_or_mean")(inputs)
        if not recipe.scale:
            return keras.layers.Rescaling(**options)(standardized)
        own = {"shift": SHIFTS[recipe.scale], "highest": recipe.highest}
        return ExponentialRescaling(**own, **options)(standardized)

    return {"head": regressor, "postprocess": postprocess}


def objective(recipe: Any) -> dict[str, Any]:
    """Return Huber loss of the standardized error, and the mean absolute error in the unit of the target."""

    def loss(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        if recipe.scale:
            shift = SHIFTS[recipe.scale]
            y_true, y_pred = (keras.ops.log(keras.ops.maximum(y + shift, 1e-30)) for y in (y_true, y_pred))
        return keras.losses.huber(y_true / recipe.deviation, y_pred / recipe.deviation)

    return {"loss": loss, "metrics": ["mae"]}


def scale_values(numbers: np.ndarray, scale: str) -> dict[str, Any]:
    """Return `scale` with the mean and deviation of training targets `(N,)` on it, and the largest, in a logarithm."""
    found = _transformed(scale, numbers.astype(np.float64))
    deviation = found.std() if found.std() > SMALLEST else 1.0
    figures = {"mean": found.mean(), "deviation": deviation, "highest": found.max() + HEADROOM if scale else 0.0}
    return {"scale": scale, **{name: float(f"{value:.7g}") for name, value in figures.items()}}


def candidate_scale(numbers: np.ndarray) -> str:
    """Return the logarithmic scale that training targets `(N,)` permit, or "".

    `log` where all are positive, `log1p` where they are counts with zeros; "" unless they are skewed to large numbers.
    """
    if len(numbers) < FEWEST or numbers.min() < 0 or not stats.skew(numbers.astype(np.float64)) > SKEWED:
        return ""
    if numbers.min() > 0:
        return "log"
    return "log1p" if np.array_equal(numbers, np.round(numbers)) else ""


def _transformed(scale: str, numbers: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(numbers + SHIFTS[scale], 1e-30)) if scale else numbers
