"""Golden tensors: test inputs with the float outputs of the Keras model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import artifact
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError

GOLDEN = "golden.npz"
GOLDEN_EXAMPLES, GOLDEN_BYTES = 32, 2_000_000  # examples of each folder, and what they take uncompressed


def golden_examples(inputs: Arrays, labels: np.ndarray, count: int = GOLDEN_EXAMPLES) -> tuple[Arrays, np.ndarray]:
    """Return `count` evenly spaced examples, with nothing missing; fewer where they are large."""
    fit = GOLDEN_BYTES // sum(x[0].nbytes for x in inputs.values())
    some = np.linspace(0, len(labels) - 1, min(count, len(labels), max(1, fit))).astype(int)
    chosen = {name: x[some] for name, x in inputs.items()}
    if "present" in chosen:
        chosen["present"] = np.ones_like(chosen["present"])
    return chosen, labels[some]


@dataclass(frozen=True)
class Golden:
    """What `golden.npz` holds: `inputs` and `outputs` `{name: (K, ...)}`, and `labels` `(K, ...)`."""

    inputs: Arrays
    outputs: Arrays
    labels: np.ndarray


def read_golden(folder: str | Path, names: Sequence[str] = ()) -> Golden:
    """Read `golden.npz` of `folder`, which must have the inputs `names`.

    Raises:
        BadInputError: there is none, it cannot be read, or it lacks an input.
    """
    path = artifact(folder, GOLDEN)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays}
    except Exception as error:  # zipfile, zlib and NumPy each have their own for a damaged file
        raise BadInputError(f"{path}: expected an .npz of golden tensors. Received: {error}") from None
    missing = [key for key in (*(f"input/{name}" for name in names), "label") if key not in found]
    if missing:
        raise BadInputError(f"{path}: expected {missing[0]} in it. Received: {', '.join(found)}")
    inputs, outputs = (
        {name.removeprefix(kind): x for name, x in found.items() if name.startswith(kind)}
        for kind in ("input/", "output/")
    )
    return Golden(inputs, outputs, found["label"])


def write_golden(path: Path, model, inputs: Arrays, labels: np.ndarray) -> None:
    inputs = {name: inputs[name] for name in model.input}
    arrays = {f"input/{name}": x for name, x in inputs.items()}
    arrays |= {f"output/{name}": np.asarray(x) for name, x in model(inputs, training=False).items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays, label=labels)
