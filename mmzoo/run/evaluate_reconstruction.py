"""What a recipe makes of each modality from what is present, a missing one too, beside always telling the mean.

Such a recipe has a function `reconstruction(config)`, which returns `{modality: (target, made)}`: functions of `y` and
of the model's answer, both to `(B, numbers)`.
"""

import itertools
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import keras
import numpy as np

from mmzoo.run.execute import Arrays
from mmzoo.run.split import by_pattern

Parts = dict[str, tuple[Callable, Callable]]
BATCH = 200  # examples at a time
MEANS = {"train": "mean of the training examples", "validation": "mean of the validation examples"}


def reconstructs(recipe: Any) -> bool:
    """Tell whether a recipe makes its modalities again."""
    return hasattr(recipe, "reconstruction")


def reconstruction_scores(recipe: Any, config: Any, model: keras.Model, inputs: Arrays, y: np.ndarray) -> dict:
    """Return `{"reconstruction": {pattern: {modality: mean squared error}}}` of the test split for the card.

    Behind the patterns of `present` are those who tell the same of each example: the mean of the training examples, as
    training changes them, and that of the validation examples, which are left as they are, like those of the test.
    """
    parts = recipe.reconstruction(config)
    found = {}
    for name, given in by_pattern(inputs, config.modalities):
        made = partial(_made, model, parts, {key: given[key] for key in model.input})
        found[name] = _errors(parts, y, made)
    steps = len(recipe.dataset("train", config)) // sum(phase.epochs for phase in recipe.plan(config))
    for split, name in MEANS.items():
        batches = itertools.islice(recipe.dataset(split, config), steps if split == "train" else None)
        means = _means(parts, (target for _, target in batches))
        found[name] = _errors(parts, y, lambda part, means=means: means)
    return {"reconstruction": found}


def _made(model: keras.Model, parts: Parts, inputs: Arrays, part: slice) -> Arrays:
    """Return what `model` makes of each modality of a `part` of the examples."""
    answer = model({name: x[part] for name, x in inputs.items()})
    return {name: np.asarray(made(answer)) for name, (_, made) in parts.items()}


def _errors(parts: Parts, y: np.ndarray, answer: Callable[[slice], Arrays]) -> dict[str, float]:
    """Return the mean squared error of each modality over all of `y` `(N, ...)`; `answer` is that to a slice of it."""
    sums = dict.fromkeys(parts, 0.0)
    for start in range(0, len(y), BATCH):
        part = slice(start, start + BATCH)
        answered = answer(part)
        for name, (target, _) in parts.items():
            off = np.asarray(target(y[part])) - answered[name]
            sums[name] += float(np.square(off, dtype=np.float64).mean(axis=1).sum())
    return {name: total / len(y) for name, total in sums.items()}


def _means(parts: Parts, targets: Iterable) -> dict[str, np.ndarray]:
    """Return the mean `(numbers,)` of each modality over all batches of `targets`."""
    sums, count = dict.fromkeys(parts, 0.0), 0
    for y in targets:
        count += len(y)
        for name, (target, _) in parts.items():
            sums[name] = sums[name] + np.asarray(target(y), np.float64).sum(axis=0)
    return {name: total / count for name, total in sums.items()}
