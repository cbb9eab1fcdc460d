"""Splits of an experiment as arrays, and the conditions of its test split."""

import tempfile

import numpy as np

from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment

SPLITS = ("train", "validation", "test")
PLAIN = "as it is"  # the condition of the test split without changes
KEPT = 200_000_000  # bytes: a larger input of a split is kept on disk
Arrays = dict[str, np.ndarray]


def test_arrays(experiment: Experiment) -> tuple[Arrays, np.ndarray]:
    """Return the whole test split, as `split_arrays` does."""
    return split_arrays(experiment, "test")


def split_arrays(experiment: Experiment, split: str) -> tuple[Arrays, np.ndarray]:
    """Return a whole split as `({name: (N, ...)}, labels (N,))`.

    `split` is `validation` or `test`. Large inputs are on disk.

    Raises:
        BadInputError: the split is empty.
    """
    inputs, labels = {}, []
    for x, y in experiment.dataset(split):
        for name, value in x.items():
            inputs.setdefault(name, _Joined()).add(np.asarray(value))
        labels.append(np.asarray(y))
    if not labels:
        raise BadInputError(f"{experiment.recipe.name}: expected examples in the {split} split. Received: none")
    return {name: joined.whole() for name, joined in inputs.items()}, np.concatenate(labels)


class _Joined:
    """Concatenation of batches.

    They are in memory up to `KEPT` bytes, and in a temporary file beyond.
    """

    def __init__(self) -> None:
        self.parts, self.size, self.held, self.file = [], 0, 0, None

    def add(self, batch: np.ndarray) -> None:
        """Append a batch."""
        self.parts.append(batch)
        self.size, self.held = self.size + len(batch), self.held + batch.nbytes
        if self.held > KEPT:
            self.file = self.file or tempfile.TemporaryFile()  # noqa: SIM115, closed by `whole`
            for part in self.parts:
                self.file.write(np.ascontiguousarray(part))
            self.parts = [batch[:0]]

    def whole(self) -> np.ndarray:
        """Return all batches as one array."""
        like = self.parts[0]
        if not self.file:
            return np.concatenate(self.parts)
        with self.file:
            self.file.flush()
            return np.memmap(self.file, like.dtype, "c", shape=(self.size, *like.shape[1:]))


def conditions(experiment: Experiment, plain: tuple[Arrays, np.ndarray]) -> dict[str, tuple[Arrays, np.ndarray]]:
    """Return the test split in each condition: `{condition: (inputs, labels)}`.

    `plain` is the unchanged split; `export` of the recipe defines the others.
    """
    changed = {name: experiment.changed(**change) for name, change in experiment.export().conditions.items()}
    return {PLAIN: plain} | {name: test_arrays(other) for name, other in changed.items()}
