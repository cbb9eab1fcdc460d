"""A split of a recipe as arrays, most often the test split, and the patterns of what is present in it."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mmzoo import BadInputError
from mmzoo.run.execute import Arrays

NOTHING = "none"  # the pattern in which all is missing
BASELINES = "baselines.npz"  # what each single-modality model answers to each test example
PLAIN = "as it is"  # the condition of the test split without changes


def test_arrays(recipe: Any, config: Any) -> tuple[Arrays, np.ndarray]:
    """Return the whole test split of a recipe as `split_arrays` does."""
    return split_arrays(recipe, config, "test")


def split_arrays(recipe: Any, config: Any, split: str) -> tuple[Arrays, np.ndarray]:
    """Return the whole `split`, `validation` or `test`, of a recipe as `({name: (N, ...)}, labels (N,))`.

    Raises:
        BadInputError: the split is empty.
    """
    batches = [
        ({name: np.asarray(value) for name, value in x.items()}, np.asarray(y))
        for x, y in recipe.dataset(split, config)
    ]
    if not batches:
        raise BadInputError(f"{recipe.__name__}: expected examples in the {split} split. Received: none")
    inputs = {name: np.concatenate([x.pop(name) for x, _ in batches]) for name in list(batches[0][0])}
    return inputs, np.concatenate([y for _, y in batches])


def conditions(module: Any, config: Any, plain: tuple[Arrays, np.ndarray]) -> dict[str, tuple[Arrays, np.ndarray]]:
    """Return `{condition: (inputs, labels)}`: the test split `plain`, then as `export` of the recipe changes it."""
    changed = {name: dataclasses.replace(config, **change) for name, change in module.export(config).conditions.items()}
    return {PLAIN: plain} | {name: test_arrays(module, other) for name, other in changed.items()}


def by_pattern(inputs: Arrays, modalities: Sequence[str]) -> Iterator[tuple[str, Arrays]]:
    """Yield `inputs` with each pattern of `present` and its name, see `present_patterns`.

    `modalities` are in the order of `present`; what an example lacks by itself stays missing. Without an input
    `present` there is the full pattern alone.
    """
    for name, pattern in present_patterns(modalities).items():
        if "present" not in inputs:
            yield name, inputs
            return
        yield name, {**inputs, "present": inputs["present"] * np.asarray(pattern, np.float32)}


def present_patterns(modalities: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return every pattern of `present` by name, the full one first.

    Of image and audio: `{"image+audio": (1, 1), "image": (1, 0), "audio": (0, 1), "none": (0, 0)}`; the order
    inside a pattern is that of `modalities`.
    """
    patterns = itertools.product((1, 0), repeat=len(modalities))
    named = sorted(patterns, key=lambda pattern: -sum(pattern))
    return {"+".join(itertools.compress(modalities, p)) or NOTHING: p for p in named}


def same_example(inputs: Arrays) -> np.ndarray:
    """Return for each example the number of its group: those of the same content of the first of `inputs`.

    One that lacks it is a group of its own.
    """
    array = next(iter(inputs.values()))
    rows = np.ascontiguousarray(array.reshape(len(array), -1))
    rows = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    groups = np.unique(rows, return_inverse=True)[1].ravel()
    missing = np.flatnonzero(inputs["present"][:, 0] == 0) if "present" in inputs else np.array([], int)
    groups[missing] = len(groups) + missing
    return groups
