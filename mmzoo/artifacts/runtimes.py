"""Prediction with any artifact, as a function from named arrays to named arrays."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.folder import KERAS, load_keras
from mmzoo.artifacts.saved_model import check_operators
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import select_inputs
from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.rows import Rows
from mmzoo.device.layout import check_layout
from mmzoo.device.quiet import quiet
from mmzoo.device.session import read_content
from mmzoo.errors import BadInputError
from mmzoo.recipe import Export

BATCH = 256  # maximum examples per batch
HELD = 4_000_000  # maximum input bytes per batch; activations need a multiple of this
ROWS = 1000  # rows in memory at a time


@dataclass(frozen=True)
class _Loaded:
    """Hold an opened artifact; `runs` are independent copies for parallel use."""

    inputs: dict[str, tuple[tuple, np.dtype]]  # name -> shape with the batch, dtype
    runs: Sequence[Callable[[Arrays], Arrays]]
    batch: int | None  # None: any batch size


def predictor(path: str | Path, trust: bool = False) -> Callable[[Arrays], Arrays]:
    """Return a function `f(inputs)` running the artifact on the CPU.

    `path` is `model.keras`, a SavedModel folder, a `.tflite` or an `.onnx`. `f` takes `{name: (N, ...)}`, ignores
    names that are no inputs of the artifact, and returns `{name: (N, ...)}` of all outputs. A SavedModel with operators
    that are not known to be harmless is executed only with `trust`.

    Raises:
        BadInputError: the artifact is missing, unreadable or not trusted, or its runtime is not installed; from `f`, an
            input is missing or has the wrong shape or dtype, or the artifact cannot run.
    """
    path = Path(path)
    if not path.exists():
        raise BadInputError(f"{path}: expected an artifact. Received: no such file or folder")
    openers = {".keras": _keras, ".tflite": _tflite, ".onnx": _onnx}
    opener = _saved_model if path.is_dir() else openers.get(path.suffix)
    if opener is None:
        raise BadInputError(f"{path}: expected {KERAS}, a SavedModel folder, .tflite or .onnx. Received: {path.name}")
    if path.is_dir() and not trust:
        check_operators(path)
    loaded = opener(path)
    return lambda inputs: _predict(path, loaded, inputs)


def _predict(path: Path, loaded: _Loaded, inputs: Arrays) -> Arrays:
    feed = {name: _fit(path, name, *spec, inputs) for name, spec in sorted(loaded.inputs.items())}
    sizes = {name: len(array) for name, array in feed.items()}
    if len(set(sizes.values())) != 1 or not min(sizes.values()):
        raise BadInputError(f"{path}: expected the same number of examples in every input. Received: {sizes}")
    step = loaded.batch or batch_size(feed)
    starts = range(0, min(sizes.values()), step)
    if loaded.batch and len(starts) * loaded.batch != min(sizes.values()):
        raise BadInputError(f"{path}: expected a multiple of {loaded.batch} examples. Received: {sizes}")

    def part(run: Callable[[Arrays], Arrays], chunk: Sequence[int]) -> list[Arrays]:
        try:
            return [run({k: v[i : i + step] for k, v in feed.items()}) for i in chunk]
        except Exception as error:  # runtimes raise many kinds where a file names operators that do not fit
            raise BadInputError(f"{path}: expected an artifact that runs. Received: {_first(error)}") from error

    chunks = [chunk for chunk in np.array_split(starts, len(loaded.runs)) if len(chunk)]
    with ThreadPoolExecutor(len(chunks)) as pool:
        parts = [answer for answers in pool.map(part, loaded.runs, chunks) for answer in answers]
    return {name: np.concatenate([answer[name] for answer in parts]) for name in parts[0]}


def batch_size(inputs: Arrays) -> int:
    """Return the batch size for `inputs` `{name: (N, ...)}`.

    The size is smaller for large examples.
    """
    one = sum(array[:1].nbytes for array in inputs.values())
    return min(BATCH, max(8, HELD // max(1, one)))


def _fit(path: Path, name: str, shape: tuple, dtype: np.dtype, inputs: Arrays) -> np.ndarray:
    if name not in inputs:
        raise BadInputError(f"{path}: expected an input '{name}'. Received: {', '.join(inputs) or 'none'}")
    array = np.asarray(inputs[name])
    fits = array.ndim == len(shape) and all(
        want is None or want == got for want, got in zip(shape[1:], array.shape[1:], strict=True)
    )
    wanted = ", ".join(["N", *("any" if size is None else str(size) for size in shape[1:])])
    wanted = f"{np.dtype(dtype).name} ({wanted})"
    # same_kind accepts float64 and int64, and refuses a float image in [0, 1], which uint8 would truncate to zeros
    if not fits or not np.can_cast(array.dtype, dtype, "same_kind"):
        raise BadInputError(f"{path}: expected '{name}' as {wanted}. Received: {array.dtype.name} {array.shape}")
    return array.astype(dtype, copy=False)


def _keras(path: Path) -> _Loaded:
    if path.name != KERAS:
        raise BadInputError(f"{path}: expected a file called {KERAS}. Received: {path.name}")
    model = load_keras(path.parent)
    if not isinstance(model.input, dict) or not isinstance(model.output, dict):
        raise BadInputError(f"{path}: the inputs and outputs of the model must be named")
    inputs = {name: (tuple(x.shape), np.dtype(x.dtype)) for name, x in model.input.items()}

    def run(feed: Arrays) -> Arrays:
        return model.predict_on_batch(feed)

    return _Loaded(inputs, [run], None)


def _saved_model(path: Path) -> _Loaded:
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        function = loaded.signatures["serving_default"]
    except Exception as error:  # of many kinds, in a damaged graph
        raise BadInputError(
            f"{path}: expected a SavedModel with the signature serving_default. Received: {_first(error)}"
        ) from None
    specs = function.structured_input_signature[1]
    inputs = {name: (tuple(s.shape), np.dtype(s.dtype.as_numpy_dtype)) for name, s in specs.items()}

    batch = _batch(inputs)
    if batch not in (None, 1):
        raise BadInputError(f"{path}: expected a batch of 1 or of any size. Received: a batch of {batch}")

    def one(row: dict) -> dict:
        return {k: v[0] for k, v in function(**{k: v[None] for k, v in row.items()}).items()}

    @tf.function(autograph=False)
    def one_by_one(feed: dict) -> dict:  # in one graph: a Python call costs more than a small model
        outputs = {k: tf.TensorSpec(s.shape[1:], s.dtype) for k, s in function.structured_outputs.items()}
        return tf.map_fn(one, feed, fn_output_signature=outputs)

    def run(feed: Arrays, keep: Any = loaded) -> Arrays:  # `loaded` owns the function's variables
        feed = {k: tf.constant(v) for k, v in feed.items()}
        answers = function(**feed) if batch is None else one_by_one(feed)
        return {k: v.numpy() for k, v in answers.items()}

    return _Loaded(inputs, [run], None)


def _tflite(path: Path) -> _Loaded:
    from ai_edge_litert.interpreter import Interpreter

    try:
        content = read_content(path)
        check_layout(content, str(path))
    except ValueError as error:
        raise BadInputError(str(error)) from None

    def copy() -> tuple[dict, Callable[[Arrays], Arrays]]:
        interpreter = Interpreter(model_content=content, num_threads=1)
        with quiet():  # the first interpreter of a process reports its delegate
            interpreter.allocate_tensors()
        signature = interpreter.get_signature_runner(sorted(interpreter.get_signature_list())[0])
        inputs = {k: (tuple(map(int, d["shape"])), d["dtype"]) for k, d in signature.get_input_details().items()}
        into = {name: d["index"] for name, d in signature.get_input_details().items()}
        out = {name: d["index"] for name, d in signature.get_output_details().items()}

        def run(feed: Arrays) -> Arrays:
            for name, index in into.items():
                interpreter.set_tensor(index, feed[name])
            interpreter.invoke()
            return {name: interpreter.get_tensor(index) for name, index in out.items()}

        return inputs, run

    try:
        copies = [copy() for _ in range(min(os.cpu_count() or 1, 8))]
    except (ValueError, RuntimeError, IndexError) as error:
        raise BadInputError(f"{path}: expected a TFLite model with a signature. Received: {_first(error)}") from None
    inputs = copies[0][0]
    return _Loaded(inputs, [run for _, run in copies], _batch(inputs))


def _onnx(path: Path) -> _Loaded:
    try:
        import onnxruntime
    except ImportError:
        raise BadInputError(
            f"{path}: onnxruntime is not installed, which .onnx files need: pip install 'mmzoo[onnx]'"
        ) from None
    types = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(int32)": np.int32}
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        inputs = {
            i.name: (tuple(d if isinstance(d, int) else None for d in i.shape), np.dtype(types[i.type]))
            for i in session.get_inputs()
        }
    except Exception as error:  # the errors of onnxruntime have no narrower base class
        raise BadInputError(f"{path}: expected an ONNX model. Received: {_first(error)}") from None
    names = [output.name for output in session.get_outputs()]

    def run(feed: Arrays) -> Arrays:
        return dict(zip(names, session.run(names, feed), strict=True))

    return _Loaded(inputs, [run], _batch(inputs))


def _batch(inputs: dict[str, tuple[tuple, np.dtype]]) -> int | None:
    return next(iter(inputs.values()))[0][0]


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def predict_rows(
    predict: Callable[[Arrays], Arrays], output: str, rows: Rows, index: np.ndarray, modalities: Sequence[str]
) -> np.ndarray:
    """Predict the output `output` `(N, K)` for the rows `index`.

    The rows are read in chunks of `ROWS`.
    """
    parts = [index[start : start + ROWS] for start in range(0, len(index), ROWS)]
    return np.concatenate([predict(as_inputs(rows, part, modalities))[output] for part in parts])


def output_predictor(spec: Export, model: keras.Model) -> Callable[[Arrays], Arrays]:
    """Return a function from inputs to the named outputs of `spec`.

    The function ignores inputs that `model` does not have, and columns of `present` of their modalities.
    """
    exported = keras.Model(model.input, {name: model.get_layer(layer).output for name, layer in spec.outputs.items()})

    def predict(inputs: Arrays) -> Arrays:
        given = select_inputs(inputs, exported.input)
        return exported.predict(given, batch_size=batch_size(given), verbose=0)

    return predict
