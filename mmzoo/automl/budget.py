"""Training budgets and file size limits: epochs and encoder widths that meet them."""

import math
import re
import time
from typing import Any

from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.training.loop import compile_phase
from mmzoo.training.stages import first_part, lesson_epochs

SECONDS = {"s": 1, "m": 60, "h": 3600}
BYTES = {"B": 1, "KB": 1000, "MB": 1_000_000}
TRAINING = 0.6  # fraction of the budget for training; the rest is for reading, export and verification
STUDY = 0.5  # fraction of the training time for tuning, if requested
SIZES = tuple(
    {"width": width, "embed_dim": embed_dim}
    for width, embed_dim in (
        (1.0, 64),
        (0.75, 64),
        (0.5, 64),
        (0.5, 32),
        (0.35, 32),
        (0.25, 32),
        (0.15, 32),
        (0.15, 16),
        (0.1, 16),
        (0.1, 8),
    )
)
GRAPH = 40_000  # bytes of a float TFLite file without its weights
TIMED = 10  # training steps timed


def seconds_of(budget: str) -> float:
    """Convert a duration such as `90s`, `10m` or `1.5h` to seconds.

    Raises:
        BadInputError: the duration is not positive or has another form.
    """
    return _number("budget", budget, SECONDS, "a time such as 90s, 10m or 1h")


def bytes_of(size: str) -> float:
    """Convert a size such as `500KB` or `2MB` to bytes.

    1 KB is 1000 bytes.

    Raises:
        BadInputError: the size is not positive or has another form.
    """
    return _number("size", size, BYTES, "a size such as 500KB or 2MB")


def _number(name: str, text: str, units: dict[str, int], expected: str) -> float:
    found = re.fullmatch(rf"(\d+(?:\.\d+)?) ?({'|'.join(units)})", text, re.IGNORECASE)
    value = float(found[1]) * {name.lower(): unit for name, unit in units.items()}[found[2].lower()] if found else 0
    if value <= 0:
        raise BadInputError(f"`{name}` must be {expected}, got {text}")
    return value


def fit_sizes(module: Any, size: str) -> dict[str, Any]:
    """Return the first of `SIZES`, from the largest down, whose float TFLite file fits `size`.

    Raises:
        BadInputError: the smallest model is larger.
    """
    limit, needed = bytes_of(size), 0
    for sizes in SIZES:
        needed = float_bytes(module.build(module.Config(**sizes)))
        if needed <= limit:
            return sizes
    raise BadInputError(f"`size` must be at least {needed / 1000:.0f}KB for these inputs, got {size}")


def float_bytes(model: Any) -> int:
    """Estimate the bytes of the float TFLite file of a `keras.Model`."""
    return 4 * model.count_params() + GRAPH


def study_seconds(budget: str) -> float:
    """Return the seconds for tuning.

    It is 0.3 of the `budget`, infinite without one.
    """
    return STUDY * TRAINING * seconds_of(budget) if budget else math.inf


def format_seconds(seconds: float) -> str:
    """Format a duration as `40 s`, `12 min` or `1.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def fit_epochs(experiment: Experiment, budget: str, folds: int = 0, tune: int = 0) -> int:
    """Return the epochs that a `budget` permits, from 1 to the number in the config.

    The budget covers all models that `fit` trains, including the `folds`; `tune` trials take their part first. The
    estimate times a few steps of the fused model, and assumes that all unimodal models together take at most as long.
    Features of frozen networks are computed here, and count. Lessons of a teacher take the epochs of its stage.
    """
    config, lessons, spent = experiment.config, lesson_epochs(experiment), 0.0
    if (part := first_part(experiment)) is not experiment:
        started, experiment = time.monotonic(), part
        part.dataset("train")  # computes the features
        spent = time.monotonic() - started
    batches = experiment.dataset("train")
    model = experiment.build()
    compile_phase(model, experiment.objective(), experiment.plan()[0], len(batches))
    steps = min(TIMED, len(batches))
    model.fit(batches.take(1), verbose=0, shuffle=False)  # traces the graph, untimed
    began = time.monotonic()
    model.fit(batches.take(steps), verbose=0, shuffle=False)
    epoch = (time.monotonic() - began) / steps * len(batches)
    models = (1 + folds) * (2 if len(config.modalities) > 1 else 1)
    seconds = TRAINING * seconds_of(budget) * (1 - STUDY if tune else 1) - spent
    affordable = seconds / (models * epoch)
    return max(1, min(config.epochs, int(max(affordable / 2, affordable - lessons) if lessons else affordable)))
