"""Verification by execution: every artifact of a folder against its Keras model, or one file against its CPU run."""

import importlib.metadata
import importlib.util
import math
import os
from pathlib import Path

import numpy as np

from mmzoo import tasks
from mmzoo.artifacts import folder
from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.artifacts.files import NOT_LISTED, is_listed
from mmzoo.artifacts.golden import GOLDEN, Golden, read_golden
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError
from mmzoo.verification import parity
from mmzoo.verification.accelerator import DRIVER_PACKAGES, Answer, Driver, find_driver
from mmzoo.verification.inputs import Examples, golden_examples, join, random_examples
from mmzoo.verification.tflite_file import Answers, File, gpu_row, judge, open_file, run_files

RIGHT, WRONG, NOT_RESIDENT, NOT_EXECUTED = 0, 1, 3, 4
REQUIRE = "MMZOO_REQUIRE_GPU_CHECK"
TOLERATED_EXAMPLES = 2  # a quantized file may lose this many examples, even of a small test set
_CODES = {"wrong": WRONG, "refused": NOT_RESIDENT, "died": NOT_RESIDENT}
_VERSIONS = ("ai-edge-litert", "tensorflow", "keras", "onnxruntime", "numpy")


def verify(path: str | Path, *, require_gpu: bool = False, seeds: int = 3, trust: bool = False) -> dict:
    """Verify the artifact folder or single `.tflite` at `path`.

    Exit codes: 0, every executed check passed; 1, wrong numbers; 3, the GPU accelerator refuses a file or crashes;
    4, the GPU check was required by `require_gpu` or MMZOO_REQUIRE_GPU_CHECK=1 and not executed. If several apply,
    1 comes before 3 and 3 before 4.

    Args:
        path: artifact folder or `.tflite` file.
        require_gpu: fail if the GPU check cannot be executed.
        seeds: number of sets of random examples.
        trust: execute a SavedModel that is not the card's, or has operators that are not known to be harmless.

    Returns:
        the report with its `exit_code`.

    Raises:
        BadInputError: the path is missing or no model, or a file of the folder is missing or broken, or a link.
    """
    path = Path(path)
    if seeds < 1:
        raise BadInputError(f"`seeds` must be 1 or more, got {seeds}")
    if not path.exists():
        raise BadInputError(f"{path}: expected an artifact folder or a .tflite. Received: no such file")
    driver, reason = find_driver()
    found = _folder(path, driver, seeds, trust) if path.is_dir() else _file(path, driver, seeds)
    rows, examples, notes = found
    gpu = {"status": "executed", "adapter": driver.adapter} if driver else _no_gpu(reason)
    code = _exit_code(rows, gpu, require_gpu or os.environ.get(REQUIRE) == "1")
    return {
        "path": str(path),
        "exit_code": code,
        "gpu": gpu,
        "versions": _versions(),
        "examples": {"count": len(examples.origin), "seeds": seeds, "present": sorted(set(examples.present))},
        "checks": rows,
        "notes": notes,
    }


def _no_gpu(reason: str) -> dict:
    hint = f"Debian's packages {DRIVER_PACKAGES} contain a software Vulkan driver for the GPU check"
    return {"status": "not executed", "reason": reason, "hint": hint}


def _exit_code(rows: list[dict], gpu: dict, demanded: bool) -> int:
    codes = {_CODES[row["status"]] for row in rows if row["status"] in _CODES}
    if demanded and gpu["status"] == "not executed":
        codes.add(NOT_EXECUTED)
    return min(codes, default=RIGHT)  # wrong numbers first: 1 before 3 before 4


def _versions() -> dict[str, str]:
    found = {}
    for name in _VERSIONS:
        if importlib.util.find_spec(name.replace("-", "_")):
            found[name] = importlib.metadata.version(name)
    return found


def _file(path: Path, driver: Driver | None, seeds: int) -> tuple[list[dict], Examples, list[str]]:
    """Check a single file against its CPU run."""
    file = open_file(path)
    strings = [spec.name for spec in file.specs if spec.dtype is None]
    if strings or not file.specs:
        detail = f"input {strings[0]!r} takes strings" if strings else "the model has no inputs"
        return [file.row("gpu", "its own CPU run", "refused", detail=detail)], Examples({}, (), ()), []
    examples = random_examples(file.specs, seeds)
    answers = run_files([file], examples.inputs, driver)[0]
    if answers.cpu.outputs is None:
        return _no_cpu(file, driver, examples, answers), examples, []
    finite = _finite(answers.gpu_reference)
    if not finite.any():
        detail = f"the outputs of all {len(finite)} random examples are not finite"
        return [file.row("cpu", "", "wrong", detail=detail)], examples, []
    notes = []
    if not finite.all():
        notes.append(f"skipped {int((~finite).sum())} random examples: the CPU's output is not finite")
        examples = examples.only(np.flatnonzero(finite).tolist())
        answers = run_files([file], examples.inputs, driver)[0]
    if len(file.model.signatureDefs or []) > 1:
        notes.append(f"executed the first of {len(file.model.signatureDefs)} signatures")
    names = parity.near_constant(answers.gpu_reference.outputs, parity.GPU[file.kind])
    notes += [_constant_note(name) for name in names]
    return [_reference_row(file, examples, answers), gpu_row(file, driver, examples, answers)], examples, notes


def _reference_row(file: File, examples: Examples, answers: Answers) -> dict:
    """Return the row of the CPU against the GPU's reference."""
    if answers.gpu_reference is answers.cpu:
        return file.row("cpu", "", "reference")
    found = judge(answers.gpu_reference.outputs, answers.cpu, examples, parity.ANY)
    status = "information" if found["status"] == "right" else "wrong"
    return file.row("cpu", "its weights in float32", **found | {"status": status})


def _no_cpu(file: File, driver: Driver | None, examples: Examples, answers: Answers) -> list[dict]:
    """Return the rows of a file without a CPU run."""
    row = file.row("cpu", "", "died" if answers.cpu.died else "refused", detail=answers.cpu.error)
    if answers.gpu is not None and answers.gpu.outputs is None:
        return [row, gpu_row(file, driver, examples, answers)]
    return [row]


def _finite(answer: Answer) -> np.ndarray:
    rows = [np.isfinite(values).reshape(len(values), -1).all(axis=1) for values in answer.outputs.values()]
    return np.all(rows, axis=0)


def _constant_note(name: str) -> str:
    return f"output {name!r} is nearly constant over all examples: an error in it would not be detected"


def _folder(path: Path, driver: Driver | None, seeds: int, trust: bool) -> tuple[list[dict], Examples, list[str]]:
    """Check every artifact of a folder against its `model.keras`."""
    folder.check_entries(path)
    card = Card.read(path) if (path / folder.CARD).is_file() else None
    files = _open_files(path, card)
    specs = files[0].specs
    golden = read_golden(path, [spec.name for spec in specs])
    for spec in specs:
        if golden.inputs[spec.name].shape[1:] != spec.shape[1:]:
            received = f"{spec.name} {golden.inputs[spec.name].shape}"
            raise BadInputError(f"{path / GOLDEN}: expected inputs as in {files[0].path.name}. Received: {received}")
    examples = join(golden_examples(golden.inputs, specs), random_examples(specs, seeds))
    reference = _predict(path / folder.KERAS, examples)
    rows = [*_same_files(path, card), *_keras_rows(reference, golden, examples)]
    fitting = [file for file in files if _same_inputs(file, files[0])]
    for file, answers in zip(fitting, run_files(fitting, examples.inputs, driver), strict=True):
        rows += [_cpu_row(file, examples, answers.cpu, reference)]
        expected = None if file.kind in parity.DRIFTING else reference
        rows += [gpu_row(file, driver, examples, answers, expected)] if answers.gpu_reference.outputs else []
        rows += _score_row(file, card)
    detail = f"its inputs differ from {files[0].path.name}"
    rows += [f.row("cpu", "model.keras", "wrong", detail=detail) for f in files if f not in fitting]
    rows += _others(path, examples, reference, card, trust)
    return rows, examples, [_constant_note(name) for name in parity.near_constant(reference, parity.GPU["float32"])]


def _open_files(path: Path, card: Card | None) -> list[File]:
    """Open the TFLite files of a folder, float32 first."""
    paths = sorted(path.glob("*.tflite"))
    if not paths:
        folder.artifact(path, "model_float32.tflite")
    about = embedded_values(card) if card else None
    return sorted((open_file(p, about) for p in paths), key=lambda file: file.kind != "float32")


def _same_inputs(file: File, other: File) -> bool:
    first, second = ({s.name: (s.shape, s.dtype) for s in f.specs} for f in (file, other))
    return first == second


def _predict(path: Path, examples: Examples, trust: bool = False) -> Arrays:
    """Run an artifact other than `.tflite`.

    Outputs are `(K, 1, ...)`, as from `.tflite`.
    """
    inputs = {name: array[:, 0] for name, array in examples.inputs.items()}
    return {name: values[:, None] for name, values in predictor(path, trust)(inputs).items()}


def _same_files(path: Path, card: Card | None) -> list[dict]:
    """Compare the files with the card's hashes.

    Execution may miss changes of unimportant weights.
    """
    known = {name: file.sha256 for name, file in card.files.items() if file.sha256} if card else {}
    if not known:
        return []
    changed = [name for name in known if not is_listed(folder.artifact(path, name), card)]
    row = {"artifact": f"{len(known)} files", "on": "", "against": f"SHA-256 in {folder.CARD}"}
    status = "wrong" if changed else "right"
    return [row | {"status": status, "detail": f"changed: {', '.join(changed)}" if changed else ""}]


def _keras_rows(reference: Arrays, golden: Golden, examples: Examples) -> list[dict]:
    """Compare the model with its golden tensors and check for constant outputs."""
    row = {"artifact": folder.KERAS, "on": "cpu"}
    stored = {name: values[:, None] for name, values in golden.outputs.items()}
    count = len(next(iter(stored.values()), ()))
    now = Answer({name: values[:count] for name, values in reference.items()})
    first = examples.only(list(range(count)))
    rows = [row | {"against": GOLDEN} | judge(stored, now, first, parity.CPU)] if stored else []
    constant = parity.near_constant(reference, parity.CPU)
    detail = f"constant outputs hide every error: {', '.join(constant)}"
    return rows + ([row | {"against": "", "status": "wrong", "detail": detail}] if constant else [])


def _cpu_row(file: File, examples: Examples, cpu: Answer, reference: Arrays) -> dict:
    """Return the CPU's row; a quantized file may drift, which `evaluate` scores."""
    if cpu.outputs is None:
        return file.row("cpu", folder.KERAS, "died" if cpu.died else "refused", detail=cpu.error)
    tolerance = {"float32": parity.CPU, "float16": parity.GPU["float16"]}.get(file.kind, parity.ANY)
    found = judge(reference, cpu, examples, tolerance)
    if file.kind in parity.DRIFTING:
        found["status"] = "information" if found["status"] == "right" else "wrong"
    return file.row("cpu", folder.KERAS, **found)


def _score_row(file: File, card: Card | None) -> list[dict]:
    """Compare a quantized file's score with Keras, within the card's tolerated drop.

    The outputs of a quantized file may drift, so its score is compared. `mmzoo evaluate` writes the scores.
    """
    if card is None or file.kind not in parity.DRIFTING:
        return []
    scored, tolerated = card.scores.artifacts, card.max_score_drop
    if tolerated is None or folder.KERAS not in scored:
        return []
    if file.path.name not in scored:
        detail = "no score in the card: run mmzoo evaluate"
        return [file.row("score", folder.KERAS, "not executed", detail=detail)]
    metric = tasks.load(card.task).judged
    score = metric.key
    values = [scored[name].get(score) for name in (file.path.name, folder.KERAS)]
    if not all(isinstance(value, int | float) for value in values):
        return [file.row("score", folder.KERAS, "not executed", detail=f"no {score} in the card: run mmzoo evaluate")]
    change = values[0] - values[1]
    drop = -change if metric.higher_is_better else change
    if metric.counts_examples:
        tolerated = max(tolerated, TOLERATED_EXAMPLES / scored[folder.KERAS].get("n", math.inf))
    found = {"max_error": max(0.0, drop), "tolerance": tolerated}
    if drop <= tolerated:
        return [file.row("score", folder.KERAS, "right", **found)]
    side = "below" if metric.higher_is_better else "above"
    detail = f"{100 * drop:.2f} points of {score} {side} {folder.KERAS}"
    return [file.row("score", folder.KERAS, "wrong", detail=detail, **found)]


def _others(path: Path, examples: Examples, reference: Arrays, card: Card | None, trust: bool) -> list[dict]:
    """Check the SavedModel and the ONNX file; a SavedModel that is not the card's is not executed without `trust`."""
    rows = []
    for name in ("saved_model", "model.onnx"):
        row = {"artifact": name, "on": "cpu", "against": folder.KERAS}
        if not (path / name).exists():
            continue
        if name.endswith(".onnx") and not importlib.util.find_spec("onnxruntime"):
            rows.append(row | {"status": "not executed", "detail": "pip install 'mmzoo[onnx]'"})
            continue
        if (path / name).is_dir() and card is not None and not trust and not is_listed(path / name, card):
            rows.append(row | {"status": "not executed", "detail": NOT_LISTED})
            continue
        rows.append(row | judge(reference, Answer(_predict(path / name, examples, trust)), examples, parity.CPU))
    return rows
