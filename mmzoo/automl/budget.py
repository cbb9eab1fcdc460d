"""Epochs and encoder widths within a budget of time and a file size."""

import math
import re
import time
from typing import Any

from mmzoo.errors import BadInputError
from mmzoo.training.loop import compile_phase

SECONDS = {"s": 1, "m": 60, "h": 3600}
BYTES = {"B": 1, "KB": 1000, "MB": 1_000_000}
TRAINING = 0.6  # of the budget; the rest is for reading, export and verification
STUDY = 0.5  # of that, where settings are tried first
WIDTHS = (1.0, 0.75, 0.5, 0.35, 0.25, 0.15, 0.1)
GRAPH = 40_000  # bytes of a float TFLite file beside its weights
TIMED = 10  # steps


def seconds_of(budget: str) -> float:
    """Return the seconds of `90s`, `10m` or `1.5h`.

    Raises:
        BadInputError: it is none of these.
    """
    return _number("budget", budget, SECONDS, "a time as 90s, 10m or 1h")


def bytes_of(size: str) -> float:
    """Return the bytes of `500KB` or `2MB`, of 1000 and 1,000,000; errors as `seconds_of`."""
    return _number("size", size, BYTES, "a size as 500KB or 2MB")


def _number(name: str, text: str, units: dict[str, int], expected: str) -> float:
    found = re.fullmatch(rf"(\d+(?:\.\d+)?) ?({'|'.join(units)})", text, re.IGNORECASE)
    value = float(found[1]) * {name.lower(): unit for name, unit in units.items()}[found[2].lower()] if found else 0
    if value <= 0:
        raise BadInputError(f"`{name}` must be {expected}, got {text}")
    return value


def fit_width(module: Any, size: str) -> float:
    """Return the largest of `WIDTHS` with which the float TFLite file of a recipe stays under `size`.

    Raises:
        BadInputError: the narrowest is larger.
    """
    limit, needed = bytes_of(size), 0
    for width in WIDTHS:
        needed = float_bytes(module.build(module.Config(width=width)))
        if needed <= limit:
            return width
    raise BadInputError(f"`size` must be {needed / 1000:.0f}KB at least for these inputs, got {size}")


def float_bytes(model: Any) -> int:
    """Return about how many bytes the float TFLite file of a `keras.Model` has."""
    return 4 * model.count_params() + GRAPH


def study_seconds(budget: str) -> float:
    """Return for how long settings are tried: 0.3 of the `budget`, half of what is for training; ever without one."""
    return STUDY * TRAINING * seconds_of(budget) if budget else math.inf


def told_seconds(seconds: float) -> str:
    """Return about how long that is, in words: `40 s`, `12 min` or `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def fit_epochs(module: Any, config: Any, budget: str, folds: int = 0, tune: int = 0) -> int:
    """Return for how many of the epochs of `config` a `budget` lasts, of all models that `fit` trains; 1 at least.

    Those of `folds` are counted, too; settings that are tried, `tune` of them, have their share of the budget. A few
    steps are timed, of the model of all modalities: those of one alone take as long together, at most.
    """
    epochs = config.epochs
    batches = module.dataset("train", config)
    model = module.build(config)
    compile_phase(model, module.objective(config), module.plan(config)[0], len(batches))
    steps = min(TIMED, len(batches))
    model.fit(batches.take(1), verbose=0, shuffle=False)  # traced once
    began = time.monotonic()
    model.fit(batches.take(steps), verbose=0, shuffle=False)
    one = (time.monotonic() - began) / steps * len(batches)
    models = (1 + folds) * (2 if len(config.modalities) > 1 else 1)
    seconds = TRAINING * seconds_of(budget) * (1 - STUDY if tune else 1)
    return max(1, min(epochs, int(seconds / (models * one))))
