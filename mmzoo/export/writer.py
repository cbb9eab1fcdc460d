"""Export of a trained model to files for every runtime, each written atomically."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.artifacts.files import file_table, operator_table
from mmzoo.artifacts.golden import GOLDEN, write_golden
from mmzoo.data.arrays import Arrays
from mmzoo.device.quiet import quiet
from mmzoo.errors import BadInputError
from mmzoo.export.convert import has_onnx, save_model, to_onnx
from mmzoo.export.quantize import tflite_models
from mmzoo.recipe import Export
from mmzoo.tflite import flatbuffer
from mmzoo.tflite.flatbuffer import METADATA

if TYPE_CHECKING:
    import keras

CALIBRATION = 128  # examples


def export(
    model: "keras.Model",
    folder: str | Path,
    spec: Export,
    calibration: Arrays,
    golden: tuple[Arrays, np.ndarray],
    card: Card,
) -> Card:
    """Write SavedModel, TFLite, ONNX, golden tensors and labels, if there are any, of `model` into `folder`.

    Args:
        model: uncompiled functional `keras.Model` with a dict of inputs and a dict of outputs.
        folder: existing folder.
        spec: the recipe's export settings.
        calibration: `{input: (K, ...)}` training examples, from which int8 takes its ranges.
        golden: `({input: (K, ...)}, labels (K,))` test examples, saved with the outputs of `model`.
        card: its `embedded_values` go into every `.tflite`.

    Returns:
        the card with its files and operators. Without the packages of the extra `onnx`, `model.onnx` is not written.

    Raises:
        ValueError: `model` needs an operator that TFLite does not have.
    """
    folder = Path(folder)
    about = json.dumps(embedded_values(card), ensure_ascii=False).encode()
    with quiet():
        _put(folder / "saved_model", lambda path: save_model(path, model))
        for precision, tflite in tflite_models(model, spec.precisions, calibration).items():
            flatbuffer.set_metadata(tflite, METADATA, about)
            flatbuffer.write(tflite, folder / f"model_{precision}.tflite")
        if has_onnx():
            _put(folder / "model.onnx", lambda path: to_onnx(model, path))
    _put(folder / GOLDEN, lambda path: write_golden(path, model, *golden))
    if spec.labels:
        _put(folder / "labels.txt", lambda path: path.write_text("\n".join([*spec.labels, ""]), encoding="utf-8"))
    return replace(card, files=file_table(folder), operators=operator_table(folder))


def calibration_examples(batches: Any, names: Any, count: int = CALIBRATION) -> Arrays:
    """Take `count` calibration examples from batches `({name: (B, ...)}, y)`.

    Returns:
        `{name: (count, ...)}` for `names`; fewer examples if the batches end.

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
        raise BadInputError("export: no training examples: int8 calibration needs at least one batch")
    return {name: np.concatenate([inputs[name] for inputs in taken])[:count] for name in names}


def _put(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file or folder to `path` through a temporary one."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".", suffix=".tmp") as folder:
        temporary = Path(folder) / path.name
        write(temporary)
        if path.is_dir() and not path.is_symlink():  # os.replace cannot replace a folder that is not empty
            shutil.rmtree(path)
        os.replace(temporary, path)
