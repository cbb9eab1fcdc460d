"""Child process that executes models, so that a delegate's abort cannot end the parent.

It imports only numpy and ai_edge_litert. `python -m mmzoo.verification.accelerator_worker JOBS.json` runs jobs in
order. A job is `{"model", "accelerator", "enforce_f32", "inputs", "outputs"}`. `inputs` is an `.npz` with one array
`(K, *shape)` per name. `outputs` is written after all K examples, through a temporary file.
"""

import json
import os
import sys
import traceback
from typing import Any

import numpy as np

MARK = "mmzoo job"  # a line with this mark on stderr begins the messages of a job
AGAIN, FRESH = "again/", "fresh/"
_NUMPY = {"float32": np.float32, "int32": np.int32, "uint8": np.uint8, "int8": np.int8, "bool": np.bool_}


class Gpu:
    """Run a model on the GPU accelerator without fallback; unsupported operators raise."""

    def __init__(self, path: str, enforce_f32: bool) -> None:
        from ai_edge_litert.compiled_model import CompiledModel, GpuOptions, HardwareAccelerator, Options

        options = Options(HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=enforce_f32))
        self._model = CompiledModel.from_file(path, options=options)
        self._key, signature = next(iter(self._model.get_signature_list().items()))
        self._in = {n: self._model.create_input_buffer_by_name(self._key, n) for n in signature["inputs"]}
        self._out = {n: self._model.create_output_buffer_by_name(self._key, n) for n in signature["outputs"]}
        self._details = self._model.get_output_tensor_details(self._key)

    def __call__(self, example: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name, buffer in self._in.items():
            buffer.write(example[name])
        self._model.run_by_name(self._key, self._in, self._out)
        return {name: self._read(name, buffer) for name, buffer in self._out.items()}

    def _read(self, name: str, buffer: Any) -> np.ndarray:
        shape, dtype = self._details[name]["shape"], _NUMPY[self._details[name]["dtype"]]
        return buffer.read(int(np.prod(shape, dtype=int)), dtype).reshape(shape)


class Cpu:
    """Run a model on LiteRT's interpreter with one thread and XNNPACK."""

    def __init__(self, path: str, enforce_f32: bool) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._model = Interpreter(path, num_threads=1)
        self._model.allocate_tensors()
        signatures = self._model.get_signature_list()
        if signatures:
            runner = self._model.get_signature_runner(next(iter(signatures)))
            self._in = {n: d["index"] for n, d in runner.get_input_details().items()}
            self._out = {n: d["index"] for n, d in runner.get_output_details().items()}
        else:
            self._in = {d["name"]: d["index"] for d in self._model.get_input_details()}
            self._out = {d["name"]: d["index"] for d in self._model.get_output_details()}

    def __call__(self, example: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        for name, index in self._in.items():
            self._model.set_tensor(index, example[name])
        self._model.invoke()
        return {name: self._model.get_tensor(index) for name, index in self._out.items()}


def execute(job: dict) -> None:
    """Run a job's examples on one compiled model; write the outputs.

    With `repeat`, the first example is rerun, and the last example also runs on a fresh model.
    """
    with np.load(job["inputs"]) as file:
        inputs = {name: file[name] for name in file.files}
    examples = [dict(zip(inputs, rows, strict=True)) for rows in zip(*inputs.values(), strict=True)]
    compile_model = {"cpu": Cpu, "gpu": Gpu}[job["accelerator"]]
    model = compile_model(job["model"], job["enforce_f32"])
    answers = [model(example) for example in examples]
    result = {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}
    if job["repeat"]:
        again = model(examples[0])
        fresh = compile_model(job["model"], job["enforce_f32"])(examples[-1])
        result |= {AGAIN + name: value for name, value in again.items()}
        result |= {FRESH + name: value for name, value in fresh.items()}
    temporary = job["outputs"] + ".tmp.npz"
    np.savez(temporary, **result)
    os.replace(temporary, job["outputs"])


def main(path: str) -> None:
    """Run the jobs in the JSON file `path`, continuing after errors."""
    with open(path, encoding="utf-8") as file:
        jobs = json.load(file)
    for number, job in enumerate(jobs):
        os.write(2, f"\n{MARK} {number}\n".encode())  # unbuffered, like the runtime's own messages
        try:
            execute(job)
        except Exception:  # the parent reports any error, and the next job runs
            os.write(2, traceback.format_exc().encode())
    os.write(2, f"\n{MARK} {len(jobs)}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1])
