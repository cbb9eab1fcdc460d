"""Golden tensors: test inputs with the float outputs of the Keras model."""

import zipfile
from pathlib import Path

import numpy as np

from mmzoo.artifacts import folder
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


def read_golden(folder: str | Path) -> tuple[Arrays, np.ndarray]:
    """Return the inputs and the labels in `golden.npz` of `folder`.

    Raises:
        BadInputError: there is none, or it cannot be read.
    """
    path = artifact(folder, GOLDEN)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            inputs = {k.removeprefix("input/"): arrays[k] for k in arrays if k.startswith("input/")}
            return inputs, arrays["label"]
    except Exception as error:  # zipfile, zlib and NumPy each have their own for a damaged file
        raise BadInputError(f"{path}: expected golden tensors. Received: {error}") from None


def write_golden(path: Path, model, inputs: Arrays, labels: np.ndarray) -> None:
    inputs = {name: inputs[name] for name in model.input}
    arrays = {f"input/{name}": x for name, x in inputs.items()}
    arrays |= {f"output/{name}": np.asarray(x) for name, x in model(inputs, training=False).items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays, label=labels)


def golden_arrays(path: Path, names: list[str]) -> Arrays:
    file = folder.artifact(path, GOLDEN)
    try:
        with np.load(file) as arrays:
            golden = {name: arrays[name] for name in arrays.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(f"{file}: expected an .npz of golden tensors. Received: {error}") from None
    missing = [name for name in names if f"input/{name}" not in golden]
    if missing:
        raise BadInputError(f"{file}: expected input/{missing[0]} in it. Received: {', '.join(golden)}")
    return golden
