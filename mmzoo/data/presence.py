"""Patterns of available modalities."""

import itertools
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from mmzoo.data.arrays import Arrays

NOTHING = "none"  # the pattern without any modality


def by_pattern(inputs: Arrays, modalities: Sequence[str]) -> Iterator[tuple[str, Arrays]]:
    """Yield `inputs` with each pattern of `present` and its name.

    See `present_patterns`. `modalities` are in the order of `present`. A modality missing in an example stays missing
    in every pattern. Without an input `present` only the full pattern is yielded.
    """
    for name, pattern in present_patterns(modalities).items():
        if "present" not in inputs:
            yield name, inputs
            return
        yield name, {**inputs, "present": inputs["present"] * np.asarray(pattern, np.float32)}


def present_patterns(modalities: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return every pattern of `present` by name, the full one first.

    For image and audio: `{"image+audio": (1, 1), "image": (1, 0), "audio": (0, 1), "none": (0, 0)}`. The order inside a
    pattern is the order of `modalities`.
    """
    patterns = itertools.product((1, 0), repeat=len(modalities))
    named = sorted(patterns, key=lambda pattern: -sum(pattern))
    return {"+".join(itertools.compress(modalities, p)) or NOTHING: p for p in named}


def modalities_of(inputs: dict[str, np.ndarray]) -> tuple[str, ...]:
    """Return the names of all inputs except `present`."""
    return tuple(name for name in inputs if name != "present")


def select_inputs(inputs: Arrays, names: Collection[str]) -> Arrays:
    """Return the inputs `names`; `present` keeps the columns of the modalities among them."""
    chosen = {name: inputs[name] for name in names}
    if "present" in chosen:
        columns = [i for i, name in enumerate(modalities_of(inputs)) if name in chosen]
        chosen["present"] = chosen["present"][:, columns]
    return chosen
