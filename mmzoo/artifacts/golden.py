"""Golden tensors: test inputs and the float outputs of the Keras model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.artifacts.folder import artifact
from mmzoo.data.arrays import Arrays
from mmzoo.device.archive import read_npz
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import keras

GOLDEN = "golden.npz"
GOLDEN_EXAMPLES, GOLDEN_BYTES = 32, 2_000_000  # maximum examples of a folder, and their maximum uncompressed bytes


def golden_examples(inputs: Arrays, labels: np.ndarray, count: int = GOLDEN_EXAMPLES) -> tuple[Arrays, np.ndarray]:
    """Select `count` evenly spaced examples with all modalities present.

    Large examples reduce the count, so that the total stays within GOLDEN_BYTES.

    Returns:
        inputs `{name: (K, ...)}` and labels `(K, ...)`.
    """
    fit = GOLDEN_BYTES // sum(x[0].nbytes for x in inputs.values())
    rows = np.linspace(0, len(labels) - 1, min(count, len(labels), max(1, fit))).astype(int)
    chosen = {name: x[rows] for name, x in inputs.items()}
    if "present" in chosen:
        chosen["present"] = np.ones_like(chosen["present"])
    return chosen, labels[rows]


@dataclass(frozen=True)
class Golden:
    """Hold golden tensors: `inputs` and `outputs` `{name: (K, ...)}`, `labels` `(K, ...)`."""

    inputs: Arrays
    outputs: Arrays
    labels: np.ndarray


def read_golden(folder: str | Path, names: Sequence[str] = ()) -> Golden:
    """Read `golden.npz` of `folder`, which must have the inputs `names`.

    Raises:
        BadInputError: the file is missing or unreadable, or lacks an input.
    """
    path = artifact(folder, GOLDEN)
    try:
        found = read_npz(path)
    except ValueError as error:
        raise BadInputError(f"{error} (golden tensors)") from None
    missing = [key for key in (*(f"input/{name}" for name in names), "label") if key not in found]
    if missing:
        raise BadInputError(f"{path}: expected {missing[0]} in it. Received: {', '.join(found)[:200]}")
    counts = {array.shape[:1] for array in found.values()}
    if len(counts) != 1 or not min(counts.pop(), default=0):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in found.items())[:200]
        raise BadInputError(f"{path}: expected examples, as many in each array. Received: {shapes}")
    if odd := [name for name, array in found.items() if array.dtype.kind not in "biuf"]:
        raise BadInputError(f"{path}: expected numbers in {odd[0]}. Received: {found[odd[0]].dtype}")
    inputs, outputs = (
        {name.removeprefix(kind): x for name, x in found.items() if name.startswith(kind)}
        for kind in ("input/", "output/")
    )
    return Golden(inputs, outputs, found["label"])


def write_golden(path: Path, model: "keras.Model", inputs: Arrays, labels: np.ndarray) -> None:
    """Write `inputs` `{name: (K, ...)}`, model outputs and `labels` to `path`."""
    inputs = {name: inputs[name] for name in model.input}
    arrays = {f"input/{name}": x for name, x in inputs.items()}
    arrays |= {f"output/{name}": np.asarray(x) for name, x in model(inputs, training=False).items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays, label=labels)
