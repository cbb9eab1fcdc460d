"""Pretraining: the objective on the test split, and reconstructions where the model yields them."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import keras
import numpy as np

from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import by_pattern
from mmzoo.tasks.format import table

Parts = dict[str, tuple[Callable, Callable]]
BATCH = 200  # examples at a time
MEANS = {"train": "mean of the training examples", "validation": "mean of the validation examples"}


def objective_scores(model: Any, objective: dict, inputs: Arrays, targets: np.ndarray, batch_size: int) -> dict:
    """Return the card's `scores` of a model without labels: its loss and metrics on the test split.

    The batch is that of training, for what compares the examples of a batch with one another.
    """
    model.compile(**objective, jit_compile=False)
    whole = max(1, len(targets) // batch_size) * batch_size  # the last would be a smaller, easier batch
    few = {name: inputs[name][:whole] for name in model.input}
    told = model.evaluate(few, targets[:whole], batch_size=batch_size, verbose=0, return_dict=True)
    return {"split": "test", "n": min(whole, len(targets)), "objective": {k: float(v) for k, v in told.items()}}


def reconstructs(recipe: Any) -> bool:
    """Tell whether a recipe makes its modalities again."""
    return recipe.reconstruction is not None


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
    for split, name in MEANS.items():
        means = _means(parts, (target for _, target in recipe.dataset(split, config)))
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


def objective(scores: dict) -> str:
    """Return the objective of a model without labels, and how well it makes its modalities again if it does."""
    rows = [[name, f"{value:.4f}"] for name, value in scores["objective"].items()]
    parts = [f"## Objective on the {scores['split']} split, {scores['n']:,} examples", table(["", ""], rows)]
    if "reconstruction" in scores:
        parts.append(
            "Mean squared error of what is made of each modality; what is not present is made from the rest. The last "
            "rows are those of telling the same of every example."
        )
        parts.append(table(*reconstruction_rows(scores)))
    return "\n\n".join(parts)


def reconstruction_rows(scores: dict) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table of the errors by what is present."""
    errors = scores["reconstruction"]
    head = ["present", *(f"error of {name}" for name in next(iter(errors.values())))]
    return head, [[name, *(f"{error:.4f}" for error in found.values())] for name, found in errors.items()]
