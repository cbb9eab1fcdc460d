"""Execution of models in a child process on the CPU or the GPU accelerator, and the Vulkan driver search."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

import mmzoo
from mmzoo.data.arrays import Arrays
from mmzoo.verification.accelerator_worker import AGAIN, FRESH, MARK

SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"  # installed by Debian's chromium-common
DRIVER_PACKAGES = "libvulkan1 chromium-common"
ICD_VARIABLES = ("VK_ICD_FILENAMES", "VK_DRIVER_FILES")
LATE = "no answer within"
TIMEOUT = 120  # seconds for one job; a small model takes 0.2 to 1.5


@dataclass(frozen=True)
class Driver:
    """Describe a Vulkan driver on which the GPU accelerator computes correctly."""

    adapter: str
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def software(self) -> bool:
        """Return whether the driver runs on the CPU."""
        return "adapterType=CPU" in self.adapter


@dataclass(frozen=True)
class Job:
    """Hold one model and its examples, `{input name: (K, *shape)}`."""

    model: str
    inputs: Arrays
    accelerator: str = "cpu"
    enforce_f32: bool = True
    repeat: bool = False  # also rerun the first example, and the last example on a fresh model


@dataclass(frozen=True)
class Answer:
    """Hold a job's result: `outputs` `{name: (K, *shape)}`, or an `error`.

    `outputs` is None after an error. `again` holds the outputs of the first example rerun at the end, `fresh` the
    outputs of the last example on a fresh model. `died` is true if the process crashed or hung instead of reporting
    an error. `log` is the full output of the runtime.
    """

    outputs: Arrays | None
    error: str = ""
    died: bool = False
    log: str = ""
    again: Arrays | None = None
    fresh: Arrays | None = None


def execute(jobs: list[Job], driver: Driver | None = None, timeout: float = TIMEOUT) -> list[Answer]:
    """Run `jobs` in one child process, restarted after a crash.

    `timeout` is in seconds per job.
    """
    with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
        specs = [_write(Path(folder), number, job) for number, job in enumerate(jobs)]
        answers: list[Answer] = []
        while len(answers) < len(jobs):
            answers += _run(Path(folder), specs[len(answers) :], driver, timeout)
    return answers


def _write(folder: Path, number: int, job: Job) -> dict:
    inputs = folder / f"in-{number}.npz"
    np.savez(inputs, **job.inputs)
    spec = {"model": str(Path(job.model).absolute()), "inputs": str(inputs)}
    spec["outputs"] = str(folder / f"out-{number}.npz")
    return spec | {"accelerator": job.accelerator, "enforce_f32": job.enforce_f32, "repeat": job.repeat}


def _run(folder: Path, specs: list[dict], driver: Driver | None, timeout: float) -> list[Answer]:
    """Run jobs until the child ends.

    Returns the answers, including the crashed job.
    """
    (folder / "jobs.json").write_text(json.dumps(specs), encoding="utf-8")
    log = folder / "log"
    # -P keeps the working directory off the path: a file there may shadow a standard module
    command = [sys.executable, "-P", "-m", "mmzoo.verification.accelerator_worker", str(folder / "jobs.json")]
    with log.open("wb") as out:
        try:
            child = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=_environment(folder, driver),
                timeout=timeout * len(specs),
                check=False,
            )
            end = _exit_reason(child.returncode)
        except subprocess.TimeoutExpired:
            end = f"{LATE} {timeout * len(specs):g} s"
    parts = re.split(rf"^{MARK} \d+\n", log.read_text("utf-8", "replace"), flags=re.MULTILINE)
    if len(parts) == 1 and not end.startswith(LATE):
        raise RuntimeError(f"the child process that executes models did not start: {parts[0].strip()[-500:]}")
    finished = max(len(parts) - 2, 0)
    answers = [_read(spec, part) for spec, part in zip(specs, parts[1 : finished + 1], strict=False)]
    if finished < len(specs):
        fatal = re.search(r"Check failed: [^\n]*", parts[-1])
        answers.append(Answer(None, f"{end}: {fatal.group(0)}" if fatal else end, died=True, log=parts[-1]))
    return answers


def _environment(folder: Path, driver: Driver | None) -> dict[str, str]:
    root = str(Path(mmzoo.__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    added = {"XDG_RUNTIME_DIR": os.environ.get("XDG_RUNTIME_DIR") or str(folder), "PYTHONPATH": path}
    return os.environ | added | dict(driver.environment if driver else ())


def _exit_reason(code: int) -> str:
    if code >= 0:
        return f"the process ended with code {code}"
    try:
        return f"the process was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"the process was ended by signal {-code}"


def _read(spec: dict, log: str) -> Answer:
    try:
        with np.load(spec["outputs"]) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        return Answer(None, _reason(log), log=log)
    groups = {
        prefix: {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        for prefix in (AGAIN, FRESH)
    }
    outputs = {k: v for k, v in arrays.items() if not k.startswith((AGAIN, FRESH))}
    return Answer(outputs, log=log, again=groups[AGAIN] or None, fresh=groups[FRESH] or None)


def _reason(log: str) -> str:
    """Extract the exception's message as one line without source locations."""
    last = log.split("Traceback (most recent call last):")[-1].strip("\n").splitlines()
    lines = [line for line in last if line and not re.match(r" |INFO|WARNING|[IWE]\d{4} ", line)]
    text = " ".join(re.sub(r"^RuntimeError: |ERROR: \[.*?\]|^└", "", line).strip() for line in lines).strip()
    kernel = re.search(r"Failed to create [\w:]+: ([^\n]+)", log)
    return f"{text[:300]} ({kernel.group(1)})" if kernel else text[:300] or "no reason given"


def find_driver() -> tuple[Driver | None, str]:
    """Find a Vulkan driver, or return None and the reason.

    `VK_ICD_FILENAMES` decides if it is set. Otherwise a hardware GPU on the system's Vulkan is used, then SwiftShader.
    A driver is accepted if it computes a multiplication correctly, so that later errors are due to the model.
    """
    chosen = next((os.environ[name] for name in ICD_VARIABLES if os.environ.get(name)), None)
    return _find(chosen, Path(SWIFTSHADER).is_file())


@cache
def _find(chosen: str | None, swiftshader: bool) -> tuple[Driver | None, str]:
    found, reason = _probe(())
    if chosen or (found and not found.software):
        return found, reason
    if swiftshader:  # before other software drivers: Mesa's refuses models that SwiftShader runs
        better, reason = _probe((("VK_ICD_FILENAMES", SWIFTSHADER),))
        found = better or found
    return found, reason


def _probe(environment: tuple[tuple[str, str], ...]) -> tuple[Driver | None, str]:
    with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
        path = Path(folder) / "multiply.tflite"
        path.write_bytes(_multiply())
        x = np.array([[[1.0, -2.0, 0.5, 8.0]]], np.float32)
        job = Job(str(path), {"x": x}, "gpu")
        answer = execute([job], Driver("", environment), timeout=60)[0]
    if answer.outputs is None:
        missing = re.search(r"No adapters found|Found no drivers|libvulkan[^\n]*|[Nn]o GPU[^\n]*", answer.log)
        return None, missing.group(0) if missing else answer.error
    if not np.allclose(answer.outputs["y"], x * 3):
        return None, "the driver computes a wrong product"
    adapter = re.search(r"Selected adapter: ([^\n]*)", answer.log)
    return Driver(adapter.group(1) if adapter else "unknown adapter", environment), ""


def _multiply() -> bytes:
    """Return the model `y = 3 x` on four numbers.

    Only a broken driver fails on such a model.
    """
    from ai_edge_litert import schema_py_generated as schema

    from mmzoo.tflite.flatbuffer import pack

    names = ["x", "three", "y"]
    code = schema.BuiltinOperator.MUL
    tensors = [schema.TensorT(shape=[1, 4], buffer=int(name == "three"), name=name) for name in names]
    options = schema.MulOptionsT()
    kind = schema.BuiltinOptions.MulOptions
    operator = schema.OperatorT(inputs=[0, 1], outputs=[2], builtinOptions=options, builtinOptionsType=kind)
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[2], operators=[operator])
    three = schema.BufferT(data=np.full(4, 3, np.float32).view(np.uint8))
    codes = [schema.OperatorCodeT(deprecatedBuiltinCode=code, builtinCode=code)]
    return pack(schema.ModelT(version=3, operatorCodes=codes, subgraphs=[graph], buffers=[schema.BufferT(), three]))
