"""Verification of one `.tflite` file by execution on the CPU and on the GPU accelerator without fallback."""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.tflite.flatbuffer import embedded_card, read, write
from mmzoo.verification import parity
from mmzoo.verification.accelerator import Answer, Driver, Job, execute
from mmzoo.verification.bisect import first_difference, first_refusal
from mmzoo.verification.gpu_rules import explain, refusals
from mmzoo.verification.inputs import Examples, Spec, input_specs
from mmzoo.verification.parity import Tolerance
from mmzoo.verification.refused import described, locate

BISECTED = 3  # examples of the bisection


@dataclass(frozen=True)
class File:
    """Hold a `.tflite` file, its input specs and its kind."""

    path: Path
    model: schema.ModelT
    specs: list[Spec]
    kind: str

    def job(self, inputs: Arrays, accelerator: str, repeat: bool = True) -> Job:
        """Return the job that runs this file on `inputs`."""
        inputs = {spec.name: inputs[spec.name] for spec in self.specs}
        return Job(str(self.path), inputs, accelerator, self.kind != "float16", repeat)

    def row(self, on: str, against: str, status: str, **more: Any) -> dict:
        """Return a row of the report."""
        return {"artifact": self.path.name, "on": on, "against": against, "status": status, **more}


def open_file(path: Path, card: dict | None = None) -> File:
    """Open the file at `path`.

    Input ranges come from `card`, or from the embedded card.

    Raises:
        BadInputError: the file is missing, truncated or no TFLite model.
    """
    model = read(path)
    return File(path, model, input_specs(model, card or embedded_card(model)), parity.kind(model))


def unfit(file: File) -> dict:
    """Return the reason why inputs rule out a GPU, or `{}`."""
    for spec in file.specs:
        if not spec.on_gpu:
            kind = np.dtype(spec.dtype).name if spec.dtype else "of strings"
            return {"detail": f"input {spec.name!r} is {kind}", **explain("types")}
        if spec.dynamic:
            return {"detail": f"the shape of input {spec.name!r} is dynamic", **explain("static")}
    return {}


@dataclass(frozen=True)
class Answers:
    """Hold a file's answers on CPU and GPU, and the GPU's reference.

    `gpu_reference` is the CPU's answer. For dynamic int8 it is the CPU's answer with the same weights in float32.
    """

    cpu: Answer
    gpu: Answer | None
    gpu_reference: Answer


def run_files(files: list[File], inputs: Arrays, driver: Driver | None) -> list[Answers]:
    """Run each file on the CPU and, if possible, on the GPU.

    The GPU needs a driver, and inputs that it supports.
    """
    jobs: list[Job] = []
    places = []
    with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
        for file in files:
            place = {"cpu": len(jobs)}
            jobs.append(file.job(inputs, "cpu"))
            if file.kind == "dynamic":
                float_file = Path(folder) / f"{len(jobs)}.tflite"
                write(parity.float_weights(file.model), float_file)
                place["gpu_reference"] = len(jobs)
                jobs.append(replace(file.job(inputs, "cpu"), model=str(float_file)))
            if driver and not unfit(file):
                place["gpu"] = len(jobs)
                jobs.append(file.job(inputs, "gpu"))
            places.append(place)
        done = execute(jobs, driver)
    found = [{name: done[k] for name, k in place.items()} for place in places]
    return [Answers(one["cpu"], one.get("gpu"), one.get("gpu_reference", one["cpu"])) for one in found]


def judge(reference: Arrays, answer: Answer, examples: Examples, tolerance: Tolerance) -> dict:
    """Compare `answer` with `reference`, both `(K, ...)`, as part of a row."""
    distances = parity.compare(reference, answer.outputs, tolerance)
    repeat = parity.repeat_error(answer) if answer.again else 0.0
    shown = None if tolerance is parity.ANY else tolerance.relative
    row = summary(distances, examples) | {"tolerance": shown, "repeat_error": repeat}
    problems = [f"{name}: {d['problem']}" for name, d in distances.items() if "problem" in d]
    passed = parity.right(distances, tolerance)
    if repeat is None or repeat > parity.REPEAT.relative:
        passed = False
        problems.append("an output depends on the previous run")
    return row | {"status": "right" if passed else "wrong", "detail": "; ".join(problems)}


def summary(distances: dict[str, dict], examples: Examples) -> dict:
    """Summarize errors: the largest, its example, output and channel, by output and by `present` pattern."""
    errors = {name: d["relative"] for name, d in distances.items()}
    invalid = next((n for n, e in errors.items() if e is None), None)
    worst = invalid or max(errors, key=errors.get)
    row = {"max_error": errors[worst], "worst": examples.origin[distances[worst]["worst"]]}
    row["worst_output"] = worst
    place = ("difference", "scale", "channel")
    row["outputs"] = {n: {"max_error": d["relative"], **{k: d.get(k) for k in place}} for n, d in distances.items()}
    by_output = [d["errors"] for d in distances.values() if "errors" in d]
    if invalid is None and any(examples.present):
        by_row = np.max(by_output, axis=0)
        patterns = sorted(set(examples.present), reverse=True)
        row["by_present"] = {p: float(by_row[np.equal(examples.present, p)].max()) for p in patterns}
    return row


def gpu_row(
    file: File, driver: Driver | None, examples: Examples, answers: Answers, reference: Arrays | None = None
) -> dict:
    """Return the GPU's row against `reference` or the CPU run."""
    default = "its weights in float32" if file.kind == "dynamic" else "its own CPU run"
    row = partial(file.row, "gpu", default if reference is None else "model.keras")
    if unfit(file):
        return row("refused", **unfit(file))
    if driver is None:
        return row("not executed", detail="no Vulkan driver")
    tolerance, gpu = parity.GPU[file.kind], answers.gpu
    if gpu.outputs is None:
        return row("died" if gpu.died else "refused", **_refusal(file, driver, examples, gpu))
    found = judge(answers.gpu_reference.outputs if reference is None else reference, gpu, examples, tolerance)
    if found["status"] == "wrong":
        found |= _explained(file, driver, examples, answers, tolerance)
    return row(**found)


def _refusal(file: File, driver: Driver, examples: Examples, gpu: Answer) -> dict:
    """Name the operators that the accelerator refuses, or the first on which it crashes."""
    job = file.job(examples.pick(list(range(min(len(examples.origin), BISECTED)))), "gpu")
    if gpu.died:
        listed, found = refusals(gpu.log), first_refusal(file.model, job, driver, died=True)
        return {"detail": gpu.error, "refused": listed, "first_difference": found, **_rule_of(found, *listed)}
    located = locate(file.model, job, driver, gpu)
    if not located:
        said = "no model cut after one output is refused; only the whole graph is"
        return {"detail": f"{gpu.error}; {said}", "refused": []}
    return {"detail": described(located), "refused": located, **_rule_of(*located)}


def _rule_of(*entries: dict) -> dict:
    """Return the first rule of `entries` and its advice, or `{}`."""
    first = next((entry for entry in entries if "rule" in entry), {})
    return {key: first[key] for key in ("rule", "advice") if key in first}


def _explained(file: File, driver: Driver, examples: Examples, answers: Answers, tolerance: Tolerance) -> dict:
    """Find the first GPU difference.

    If there is none, the file itself differs from the model.
    """
    distances = parity.compare(answers.gpu_reference.outputs, answers.gpu.outputs, tolerance)
    if parity.right(distances, tolerance):
        return {"detail": "the GPU agrees with the CPU on this file: the file itself differs from the model"}
    worst = [d["worst"] for d in distances.values()]
    rows = list(dict.fromkeys([*worst, *range(len(examples.origin))]))[:BISECTED]
    job = file.job(examples.pick(rows), "gpu")
    found = first_difference(file.model, job, driver, partial(_differs, tolerance))
    return {"first_difference": found, **_rule_of(found)}


def _differs(tolerance: Tolerance, cpu: Answer, gpu: Answer) -> bool:
    if gpu.died or cpu.outputs is None or gpu.outputs is None:
        return gpu.died
    if any(gpu.outputs[name].shape != values.shape for name, values in cpu.outputs.items()):
        return True
    sides = parity.where_finite(cpu.outputs, gpu.outputs)
    return not parity.right(parity.compare(*sides, tolerance), tolerance)
