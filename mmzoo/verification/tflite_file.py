"""One `.tflite` by execution: on the CPU, and on the GPU accelerator with no CPU behind it."""

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mmzoo.data.arrays import Arrays
from mmzoo.tflite.flatbuffer import embedded_card, operators, read, write
from mmzoo.verification import parity
from mmzoo.verification.accelerator import Answer, Driver, Job, execute
from mmzoo.verification.bisect import first_difference
from mmzoo.verification.gpu_rules import explain, refusals
from mmzoo.verification.inputs import Examples, Spec, input_specs

BISECTED = 3  # examples that the search for the first difference runs on


@dataclass(frozen=True)
class File:
    """A `.tflite`, what it takes and the kind of its weights."""

    path: Path
    model: schema.ModelT
    specs: list[Spec]
    kind: str

    def job(self, inputs: Arrays, accelerator: str, repeat: bool = True) -> Job:
        inputs = {spec.name: inputs[spec.name] for spec in self.specs}
        return Job(str(self.path), inputs, accelerator, self.kind != "float16", repeat)

    def row(self, on: str, against: str, status: str, **more) -> dict:
        return {"artifact": self.path.name, "on": on, "against": against, "status": status, **more}


def open_file(path: Path, card: dict | None = None) -> File:
    """Return the file at `path`; ranges from `card`, or else from the card that it carries.

    Raises:
        BadInputError: it is no whole `.tflite`.
    """
    model = read(path)
    return File(path, model, input_specs(model, card or embedded_card(model)), parity.kind(model))


def unfit(file: File) -> dict:
    """Return why no GPU can take this file whatever its operators are, empty where one may."""
    for spec in file.specs:
        if not spec.on_gpu:
            kind = np.dtype(spec.dtype).name if spec.dtype else "of strings"
            return {"detail": f"input {spec.name!r} is {kind}", **explain("types")}
        if spec.dynamic:
            return {"detail": f"the shape of input {spec.name!r} is dynamic", **explain("static")}
    return {}


@dataclass(frozen=True)
class Answers:
    """A file's answers: on the CPU; on the GPU where that was tried; and `own`, to which the GPU is held.

    `own` is the CPU's answer, or for dynamic int8 that of the same weights in float32.
    """

    cpu: Answer
    gpu: Answer | None
    own: Answer


def run_files(files: list[File], inputs: Arrays, driver: Driver | None) -> list[Answers]:
    """Return the answers of each file; the GPU is tried where there is a driver and the file may fit."""
    jobs: list[Job] = []
    places = []
    with tempfile.TemporaryDirectory(prefix="mmzoo-") as folder:
        for file in files:
            place = {"cpu": len(jobs)}
            jobs.append(file.job(inputs, "cpu"))
            if file.kind == "dynamic":
                twin = Path(folder) / f"{len(jobs)}.tflite"
                write(parity.float_weights(file.model), twin)
                place["own"] = len(jobs)
                jobs.append(replace(file.job(inputs, "cpu"), model=str(twin)))
            if driver and not unfit(file):
                place["gpu"] = len(jobs)
                jobs.append(file.job(inputs, "gpu"))
            places.append(place)
        done = execute(jobs, driver)
    found = [{name: done[k] for name, k in place.items()} for place in places]
    return [Answers(some["cpu"], some.get("gpu"), some.get("own", some["cpu"])) for some in found]


def judge(reference: Arrays, answer: Answer, examples: Examples, tolerance: float) -> dict:
    """Return the part of a row that says how far `answer` is from `reference`, both `(K, ...)`."""
    distances = parity.compare(reference, answer.outputs)
    repeat = parity.repeat_error(answer) if answer.again else 0.0
    row = summary(distances, examples) | {"tolerance": tolerance, "repeat_error": repeat}
    problems = [f"{name}: {d['problem']}" for name, d in distances.items() if "problem" in d]
    fine = parity.right(distances, tolerance)
    if repeat is None or repeat > parity.REPEAT:
        fine = False
        problems.append("an answer depends on the run before it")
    return row | {"status": "right" if fine else "wrong", "detail": "; ".join(problems)}


def summary(distances: dict[str, dict], examples: Examples) -> dict:
    """Return the largest error, its example, and errors by output and by pattern of `present`."""
    errors = {name: d["relative"] for name, d in distances.items()}
    lost = next((n for n, e in errors.items() if e is None), None)
    worst = lost or max(errors, key=errors.get)
    row = {"max_error": errors[worst], "worst": examples.origin[distances[worst]["worst"]]}
    row["outputs"] = {n: {"max_error": d["relative"], "scale": d.get("scale")} for n, d in distances.items()}
    shares = [d["shares"] for d in distances.values() if "shares" in d]
    if lost is None and any(examples.present):
        by_row = np.max(shares, axis=0)
        patterns = sorted(set(examples.present), reverse=True)
        row["by_present"] = {p: float(by_row[np.equal(examples.present, p)].max()) for p in patterns}
    return row


def gpu_row(
    file: File, driver: Driver | None, examples: Examples, answers: Answers, reference: Arrays | None = None
) -> dict:
    """Return the row of the GPU: against `reference`, or the file's own CPU run where there is none."""
    own = "its weights in float32" if file.kind == "dynamic" else "its own CPU run"
    row = partial(file.row, "gpu", own if reference is None else "model.keras")
    if unfit(file):
        return row("refused", **unfit(file))
    if driver is None:
        return row("not executed", detail="no Vulkan driver")
    tolerance, gpu = parity.GPU[file.kind], answers.gpu
    if gpu.outputs is None:
        return row("died" if gpu.died else "refused", **_refusal(file, driver, examples, gpu, tolerance))
    found = judge(answers.own.outputs if reference is None else reference, gpu, examples, tolerance)
    if found["status"] == "wrong":
        found |= _explained(file, driver, examples, answers, tolerance)
    return row(**found)


def _refusal(file: File, driver: Driver, examples: Examples, gpu: Answer, tolerance: float) -> dict:
    named = refusals(gpu.log)
    flex = [name for name in operators(file.model) if name.startswith("Flex")]
    named += [{"operator": name, "message": "not in LiteRT", **explain("G13")} for name in flex if not named]
    if named and not gpu.died:
        detail = "; ".join(dict.fromkeys(f"{n['operator']}: {n['message']}" for n in named))
        return {
            "detail": detail,
            "refused": named,
            **explain(next((n["rule"] for n in named if "rule" in n), None)),
        }
    few = examples.pick(list(range(min(len(examples.origin), BISECTED))))
    found = first_difference(file.model, file.job(few, "gpu"), driver, partial(_differs, tolerance))
    rule = next((n for n in (found, *named) if "rule" in n), {})
    rule = {key: rule[key] for key in ("rule", "advice") if key in rule}
    return {"detail": gpu.error, "refused": named, "first_difference": found, **rule}


def _explained(file: File, driver: Driver, examples: Examples, answers: Answers, tolerance: float) -> dict:
    """Say where the GPU leaves the CPU, or that it does not: then the file itself is not the model."""
    distances = parity.compare(answers.own.outputs, answers.gpu.outputs)
    if parity.right(distances, tolerance):
        return {"detail": "the GPU agrees with the CPU's run of this file: the file itself differs"}
    worst = [d["worst"] for d in distances.values()]
    rows = list(dict.fromkeys([*worst, *range(len(examples.origin))]))[:BISECTED]
    job = file.job(examples.pick(rows), "gpu")
    found = first_difference(file.model, job, driver, partial(_differs, tolerance))
    return {"first_difference": found, **{k: found[k] for k in ("rule", "advice") if k in found}}


def _differs(tolerance: float, cpu: Answer, gpu: Answer) -> bool:
    if gpu.died or cpu.outputs is None or gpu.outputs is None:
        return gpu.died
    if any(gpu.outputs[name].shape != values.shape for name, values in cpu.outputs.items()):
        return True
    return not parity.right(parity.compare(*parity.where_finite(cpu.outputs, gpu.outputs)), tolerance)
