"""Inference sessions of exported models on CPU or GPU."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.device.layout import check_layout
from mmzoo.device.quiet import quiet

DEFAULT = "model_float32.tflite"
MOST_THREADS = 1024
LARGEST = 2 << 30  # bytes of all tensors of a model
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Session:
    """Hold an opened model.

    `run` takes every input by name and returns every output by name, both with the batch axis. Threads that call it
    take turns: the native model holds one set of tensors.
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


def open_session(file: Path, content: bytes, threads: int, accelerator: str) -> Session:
    """Open `file` with the bytes `content` on `accelerator`: "cpu" or "gpu".

    "cpu" uses `threads` threads. "gpu" runs every operator on the GPU, in float32.

    Raises:
        ValueError: the accelerator is unknown, `threads` is not in 1 to 1024, the file is damaged, see `check_layout`,
            or has no signature, its tensors have more than 2 GB, there is no GPU, or the GPU does not support every
            operator of the model.
    """
    if accelerator not in ("cpu", "gpu"):
        raise ValueError(f"accelerator: expected cpu or gpu. Received: {accelerator!r:.80}")
    if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"threads: expected a whole number from 1 to {MOST_THREADS}. Received: {threads!r:.80}")
    check_layout(content, str(file))
    # also for the GPU: the CPU refuses a broken file, which can crash the GPU's loader
    cpu = _cpu(file, content, threads)
    session = cpu if accelerator == "cpu" else _gpu(file)
    turn = threading.Lock()

    def run(feed: Arrays) -> Arrays:
        with turn:
            return session.run(feed)

    return Session(session.inputs, run)


def _cpu(file: Path, content: bytes, threads: int) -> Session:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_content=content, num_threads=threads)
        with quiet():  # the first interpreter of a process reports its delegate
            interpreter.allocate_tensors()
        names = list(interpreter.get_signature_list())
        signature = interpreter.get_signature_runner(names[0])
        details = signature.get_input_details()
    except (ValueError, RuntimeError, IndexError) as error:
        raise ValueError(f"{file}: expected a whole TFLite model with a signature. Received: {_first(error)}") from None
    inputs = {k: (tuple(int(n) for n in d["shape"]), np.dtype(d["dtype"])) for k, d in details.items()}
    _check_size(file, interpreter)
    return Session(inputs, lambda feed: signature(**feed))


def _check_size(file: Path, interpreter: Any) -> None:
    """Refuse a model whose tensors, of which the interpreter now knows the shapes, do not fit in memory."""
    size = 0
    for tensor in interpreter.get_tensor_details():
        size += math.prod(map(int, tensor["shape"])) * np.dtype(tensor["dtype"]).itemsize
    if size > LARGEST:
        raise ValueError(f"{file}: expected tensors of at most {LARGEST >> 30} GB. Received: {size / 2**30:.0f} GB")


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


def read_content(file: Path) -> bytes:
    """Return the bytes of `file`.

    Raises:
        ValueError: it cannot be read, or does not fit in memory.
    """
    try:
        return file.read_bytes()
    except (OSError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ValueError(f"{file}: expected a .tflite file that can be read. Received: {reason}") from None


def _first(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
