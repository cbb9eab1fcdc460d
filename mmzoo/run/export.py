"""A trained model as files for every runtime, each under its final name only when it is whole."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import BadInputError
from mmzoo.plan import Export
from mmzoo.run import flatbuffer
from mmzoo.run.card import write_card
from mmzoo.run.convert import Arrays, has_onnx, quiet, save_model, to_onnx
from mmzoo.run.evaluate import recipe_of
from mmzoo.run.folder import CARD, artifact, load_keras, read_card, sha256
from mmzoo.run.quantize import tflite_models
from mmzoo.run.split import test_arrays

METADATA = "mmzoo_card"
STATIC = (
    "mmzoo",
    "recipe",
    "config",
    "inputs",
    "outputs",
    "labels",
    "data",
)  # of the card, known before a run
GOLDEN, GOLDEN_BYTES = 32, 2_000_000  # examples of each folder, and what they take uncompressed
CALIBRATION = 128  # examples


def export(
    model,
    folder: str | Path,
    spec: Export,
    calibration: Arrays,
    golden: tuple[Arrays, np.ndarray],
    card: dict,
) -> dict[str, dict]:
    """Write SavedModel, TFLite, ONNX, golden tensors and labels of `model` into `folder`.

    Args:
        model: uncompiled functional `keras.Model`; a dict of inputs, a dict of outputs.
        calibration: `{input: (K, ...)}` training examples, from which int8 takes its ranges.
        golden: `({input: (K, ...)}, labels (K,))` test examples, kept with the answers of `model`.
        card: what `STATIC` names of it goes into every `.tflite`.

    Returns:
        `{"files": ..., "operators": ...}` for the card. Without the packages of the extra `onnx` there is no
        `model.onnx`.

    Raises:
        ValueError: `model` needs an operator that TFLite does not have.
    """
    folder = Path(folder)
    about = json.dumps({key: card[key] for key in STATIC if key in card}, ensure_ascii=False).encode()
    with quiet():
        _put(folder / "saved_model", lambda path: save_model(path, model))
        for precision, tflite in tflite_models(model, spec.precisions, calibration).items():
            flatbuffer.set_metadata(tflite, METADATA, about)
            flatbuffer.write(tflite, folder / f"model_{precision}.tflite")
        if has_onnx():
            _put(folder / "model.onnx", lambda path: to_onnx(model, path))
    _put(folder / "golden.npz", lambda path: _write_golden(path, model, *golden))
    _put(folder / "labels.txt", lambda path: path.write_text("\n".join([*spec.labels, ""]), encoding="utf-8"))
    return {"files": file_table(folder), "operators": operator_table(folder)}


def export_folder(folder: str | Path, data_dir: str = "") -> dict[str, dict]:
    """Write the artifacts of `folder` again from its `model.keras`, and record them in its card.

    Verdicts on files that have changed, and their scores, are taken out of the card; `verify` and `evaluate` find
    them again.

    Args:
        folder: what `train` wrote.
        data_dir: where the source's files are, if not where the card says.

    Returns:
        `{"files": ..., "operators": ...}` as in the card.

    Raises:
        BadInputError: the folder, the recipe or the data cannot be used.
    """
    card = read_card(folder)
    model, (recipe, config) = load_keras(folder), recipe_of(folder, card, data_dir)
    if (Path(folder) / "golden.npz").exists():
        golden = read_golden(folder)
    else:
        golden = golden_examples(*test_arrays(recipe, config))
    before = _verified_files(folder)
    calibration = calibration_examples(recipe.dataset("train", config), model.input)
    written = export(model, folder, recipe.export(config), calibration, golden, card)
    if before != _verified_files(folder):
        card["verify"] = {}
        changed = {name for name, value in _verified_files(folder).items() if before.get(name) != value}
        scored = card.get("scores", {}).get("artifacts", {})
        for name in changed & set(scored):
            del scored[name]
    write_card(folder, {**card, **written})
    for name, entry in written["files"].items():
        print(f"{Path(folder) / name}  {entry['bytes']:,} bytes")
    if not has_onnx():
        print("model.onnx: not written; it needs pip install 'mmzoo[onnx]'")
    print(f"recorded in {Path(folder) / CARD}")
    return written


def calibration_examples(batches: Any, names: Any, count: int = CALIBRATION) -> Arrays:
    """Return `{name: (count, ...)}` of `names` from `({name: (B, ...)}, y)` batches; fewer if they end.

    Raises:
        BadInputError: there is no batch.
    """
    taken, have = [], 0
    for inputs, _ in batches:
        taken.append({name: np.asarray(inputs[name]) for name in names})
        have += len(next(iter(taken[-1].values())))
        if have >= count:
            break
    if not taken:
        raise BadInputError("export: expected training examples to calibrate int8 with. Received: none")
    return {name: np.concatenate([inputs[name] for inputs in taken])[:count] for name in names}


def golden_examples(inputs: Arrays, labels: np.ndarray, count: int = GOLDEN) -> tuple[Arrays, np.ndarray]:
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
    path = artifact(folder, "golden.npz")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            inputs = {k.removeprefix("input/"): arrays[k] for k in arrays if k.startswith("input/")}
            return inputs, arrays["label"]
    except Exception as error:  # zipfile, zlib and NumPy each have their own for a damaged file
        raise BadInputError(f"{path}: expected golden tensors. Received: {error}") from None


def file_table(folder: str | Path) -> dict[str, dict]:
    """Return `{name: {bytes, sha256}}` of all that lies in `folder` but the card and its README."""
    table = {}
    for path in sorted(Path(folder).iterdir()):
        if path.name in (CARD, "README.md") or path.name.startswith("."):
            continue
        parts = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        table[path.name] = {"bytes": sum(p.stat().st_size for p in parts), "sha256": sha256(path)}
    return table


def operator_table(folder: str | Path) -> dict[str, dict[str, int]]:
    """Return `{file: {operator: count}}` of every `.tflite` in `folder`."""
    paths = sorted(Path(folder).glob("*.tflite"))
    return {path.name: flatbuffer.operators(flatbuffer.read(path)) for path in paths}


def _verified_files(folder: str | Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in Path(folder).glob("*.tflite")}


def _write_golden(path: Path, model, inputs: Arrays, labels: np.ndarray) -> None:
    inputs = {name: inputs[name] for name in model.input}
    arrays = {f"input/{name}": x for name, x in inputs.items()}
    arrays |= {f"output/{name}": np.asarray(x) for name, x in model(inputs, training=False).items()}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays, label=labels)


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` make a temporary file or folder, then give it the name `path`."""
    temporary = path.with_name(f".{path.name}.tmp")
    _remove(temporary)
    try:
        write(temporary)
        if path.is_dir():  # os.replace puts no folder over one that holds something
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
