"""Conversion of a Keras model with named inputs to SavedModel, TFLite and ONNX, with TensorFlow's converters."""

import importlib.util
import re
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.device.quiet import quiet
from mmzoo.tflite import flatbuffer
from mmzoo.tflite.multiply_adds import multiply_adds

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"
ONNX_PACKAGES = ("onnx", "tf2onnx")


def save_model(path: str | Path, model: "keras.Model", batch: int | None = None) -> None:
    """Write a SavedModel with the signature `serving_default` and named inputs and outputs.

    The SavedModel contains only the inference function and the variables. `batch` None means any number of examples.
    """
    import keras

    archive = keras.export.ExportArchive()  # tracks what a function uses; track() would store weights twice
    archive.add_endpoint(SIGNATURE, partial(model, training=False), input_signature=[signature(model, batch)])
    archive.write_out(str(path), verbose=False)


def signature(model: "keras.Model", batch: int | None) -> dict[str, "keras.InputSpec"]:
    """Return the input signature of `model`, `{input: keras.InputSpec}`, for `batch` examples."""
    import keras

    return {
        name: keras.InputSpec(shape=(batch, *x.shape[1:]), dtype=x.dtype, name=name) for name, x in model.input.items()
    }


def to_tflite(path: str | Path, precision: str, examples: Iterable[Arrays] = ()) -> schema.ModelT:
    """Convert the SavedModel at `path` to a TFLite model.

    Args:
        path: SavedModel folder.
        precision: `float32`; `dynamic`, int8 weights and float activations; or `int8`, per-channel int8 weights and
            int8 activations with float inputs and outputs.
        examples: calibration examples `{input: (1, ...)}`, from which `int8` takes its ranges.

    Returns:
        the model object, as from `flatbuffer.read`.

    Raises:
        ValueError: the graph needs an operator that TFLite does not have.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(path), signature_keys=[SIGNATURE])
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "int8":
        examples = list(examples)
        converter.representative_dataset = lambda: iter(examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        data = converter.convert()
    except Exception as error:  # the converter's error class, whose message is pages of MLIR
        foreign = sorted(set(re.findall(r"'(tf\.\w+)' op is neither", str(error))))
        if not foreign:
            raise
        raise ValueError(f"TFLite: expected only built-in operators. Received: {foreign}") from None
    model = flatbuffer.parse(data, str(path))
    _undo_squeezes(model)
    return model


def _undo_squeezes(model: schema.ModelT) -> None:
    """Remove RESHAPEs from `(1, D)` to `(D,)` before every ADD.

    For a batch of 1, Keras treats a sum of two `(1, D)` tensors as the sum of a tensor and a bias, and squeezes the
    second. The GPU delegate accepts that sum of int8 tensors and returns zeros.
    """
    graph = model.subgraphs[0]
    shape = lambda index: [] if graph.tensors[index].shape is None else list(graph.tensors[index].shape)  # noqa: E731
    for op in list(graph.operators):
        if flatbuffer.op_name(model, op) != "RESHAPE" or op.outputs[0] in graph.outputs:
            continue
        source, flat = shape(op.inputs[0]), shape(op.outputs[0])
        users = [user for user in graph.operators if op.outputs[0] in user.inputs]
        if source != [1] * (len(source) - 1) + flat or not all(
            flatbuffer.op_name(model, user) == "ADD" and len(shape(user.outputs[0])) >= len(source) for user in users
        ):
            continue
        for user in users:
            user.inputs = [op.inputs[0] if index == op.outputs[0] else index for index in user.inputs]
        graph.operators.remove(op)


def has_onnx() -> bool:
    """Return whether the packages of the extra `onnx` for export are installed."""
    return all(importlib.util.find_spec(package) for package in ONNX_PACKAGES)


def to_onnx(model: "keras.Model", path: str | Path) -> None:
    """Write `model` with a batch of 1 to the ONNX file `path`."""
    model.export(str(path), format="onnx", input_signature=[signature(model, 1)], verbose=False)


def model_multiply_adds(model: Any) -> int:
    """Count the multiply-adds of one example through `model` on its float32 export."""
    import keras

    inputs = model.input if isinstance(model.input, dict) else {x.name: x for x in model.inputs}
    with tempfile.TemporaryDirectory() as folder, quiet():
        save_model(Path(folder) / "saved", keras.Model(inputs, {"y": model.output}), batch=1)
        flatbuffer.write(to_tflite(Path(folder) / "saved", "float32"), Path(folder) / "model.tflite")
        return multiply_adds(Path(folder) / "model.tflite")[0]
