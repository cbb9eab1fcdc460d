"""Inference sessions of exported models on CPU or GPU, and the cards embedded in them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.device.quiet import quiet

METADATA = "mmzoo_card"  # name of the .tflite metadata buffer that holds the card
DEFAULT = "model_float32.tflite"
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Session:
    """Hold an opened model.

    `run` takes every input by name and returns every output by name, both with the batch axis.
    """

    inputs: dict[str, tuple[tuple[int, ...], np.dtype]]  # name -> shape, dtype
    run: Callable[[Arrays], Arrays]


def model_file(path: str | Path) -> Path:
    """Return the `.tflite` file at `path`, or a folder's `model_float32.tflite`.

    Raises:
        ValueError: the file does not exist.
    """
    path = Path(path)
    file = path / DEFAULT if path.is_dir() else path
    if not file.is_file():
        raise ValueError(f"{path}: expected a .tflite file or a folder with {DEFAULT}. Received: no such file")
    return file


def open_session(file: Path, threads: int, accelerator: str) -> Session:
    """Open `file` on `accelerator`: "cpu" or "gpu".

    "cpu" uses `threads` threads. "gpu" runs every operator on the GPU, in float32.

    Raises:
        ValueError: the accelerator is unknown, `threads` is not positive, the file is truncated or has no signature,
            there is no GPU, or the GPU does not support every operator of the model.
    """
    if accelerator not in ("cpu", "gpu"):
        raise ValueError(f"accelerator: expected cpu or gpu. Received: {accelerator}")
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads: expected a positive whole number. Received: {threads}")
    cpu = _cpu(file, threads)  # also for the GPU: the CPU refuses a broken file, which can crash the GPU's loader
    return cpu if accelerator == "cpu" else _gpu(file)


def _cpu(file: Path, threads: int) -> Session:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(file), num_threads=threads)
        with quiet():  # the first interpreter of a process reports its delegate
            interpreter.allocate_tensors()
        names = list(interpreter.get_signature_list())
        signature = interpreter.get_signature_runner(names[0])
    except (ValueError, RuntimeError, IndexError) as error:
        raise ValueError(f"{file}: expected a whole TFLite model with a signature. Received: {_first(error)}") from None
    details = signature.get_input_details()
    inputs = {k: (tuple(int(n) for n in d["shape"]), np.dtype(d["dtype"])) for k, d in details.items()}
    return Session(inputs, lambda feed: signature(**feed))


def _gpu(file: Path) -> Session:
    from ai_edge_litert.compiled_model import CompiledModel, GpuOptions, HardwareAccelerator, Options

    options = Options(hardware_accelerators=HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=True))
    try:
        model = CompiledModel.from_file(str(file), options=options)
    except RuntimeError as error:
        raise ValueError(
            f"{file}: expected a GPU with a driver that takes the whole model. Received: {_first(error)}"
        ) from None
    name = next(iter(model.get_signature_list()))
    inputs, outputs = model.get_input_tensor_details(name), model.get_output_tensor_details(name)
    into = {k: model.create_input_buffer_by_name(name, k) for k in inputs}
    out = {k: model.create_output_buffer_by_name(name, k) for k in outputs}

    def run(feed: Arrays) -> Arrays:
        for key, array in feed.items():
            into[key].write(np.ascontiguousarray(array))
        model.run_by_name(name, into, out)
        return {key: _read(buffer, outputs[key]) for key, buffer in out.items()}

    return Session({k: (tuple(d["shape"]), np.dtype(d["dtype"])) for k, d in inputs.items()}, run)


def _read(buffer: Any, details: dict) -> np.ndarray:
    size = int(np.prod(details["shape"]))
    return np.array(buffer.read(size, np.dtype(details["dtype"]).type)).reshape(details["shape"])


def read_card(file: Path) -> dict:
    """Return the card in the metadata of `file`, or `{}`.

    Raises:
        ValueError: the metadata is not a JSON object.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(file.read_bytes(), 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() != METADATA.encode():
            continue
        data = model.Buffers(entry.Buffer()).DataAsNumpy()
        try:
            card = json.loads(np.asarray(data, np.uint8).tobytes())
        except (ValueError, TypeError):
            card = None
        if not isinstance(card, dict):
            raise ValueError(f"{file}: expected a JSON object as metadata {METADATA}. Received: other data")
        return card
    return {}


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
