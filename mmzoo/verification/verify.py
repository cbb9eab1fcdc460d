"""The verb `verify`: a model against every artifact made of it by execution, or a file against itself."""

import importlib.metadata
import importlib.util
import math
import os
from pathlib import Path

import numpy as np

from mmzoo import tasks
from mmzoo.artifacts import folder
from mmzoo.artifacts.card import Card, embedded_values
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
FEW = 2  # examples by which a quantized file may fall behind, however few there are
_CODES = {"wrong": WRONG, "refused": NOT_RESIDENT, "died": NOT_RESIDENT}
_VERSIONS = ("ai-edge-litert", "tensorflow", "keras", "onnxruntime", "numpy")


def verify(path: str | Path, *, require_gpu: bool = False, seeds: int = 3) -> dict:
    """Return a report on the artifact folder or lone `.tflite` at `path`, with its `exit_code`.

    0 all that ran is right; 1 wrong numbers; 3 a file that the GPU accelerator refuses or dies of; 4 the GPU
    was not tried, though `require_gpu` or MMZOO_REQUIRE_GPU_CHECK=1 demanded it. Where several hold, wrong
    numbers come first, then 3, then 4. `seeds` counts the sets of random examples.

    Raises:
        BadInputError: nothing is there, it is no model, a file of the folder is missing or broken.
    """
    path = Path(path)
    if seeds < 1:
        raise BadInputError(f"`seeds` must be 1 or more, got {seeds}")
    if not path.exists():
        raise BadInputError(f"{path}: expected an artifact folder or a .tflite. Received: no such file")
    driver, reason = find_driver()
    check = _folder if path.is_dir() else _file
    rows, examples, notes = check(path, driver, seeds)
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
    hint = f"a software Vulkan driver for the GPU check is in Debian's packages {DRIVER_PACKAGES}"
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
    """Check a lone file against its own CPU run."""
    file = open_file(path)
    strings = [spec.name for spec in file.specs if spec.dtype is None]
    if strings or not file.specs:
        detail = f"input {strings[0]!r} takes strings" if strings else "a model without inputs"
        return [file.row("gpu", "its own CPU run", "refused", detail=detail)], Examples({}, (), ()), []
    examples = random_examples(file.specs, seeds)
    answers = run_files([file], examples.inputs, driver)[0]
    if answers.cpu.outputs is None:
        return _no_cpu(file, driver, examples, answers), examples, []
    finite = _finite(answers.own)
    if not finite.any():
        detail = f"no finite answer to any of {len(finite)} random examples"
        return [file.row("cpu", "", "wrong", detail=detail)], examples, []
    notes = []
    if not finite.all():
        notes.append(f"left out {int((~finite).sum())} random examples: the CPU's answer is not finite")
        examples = examples.only(np.flatnonzero(finite).tolist())
        answers = run_files([file], examples.inputs, driver)[0]
    if len(file.model.signatureDefs or []) > 1:
        notes.append(f"executed the first of {len(file.model.signatureDefs)} signatures")
    notes += [_blind_note(name) for name in parity.blind(answers.own.outputs, parity.GPU[file.kind])]
    return [_own_row(file, examples, answers), gpu_row(file, driver, examples, answers)], examples, notes


def _own_row(file: File, examples: Examples, answers: Answers) -> dict:
    """Return the row of the answers that the GPU is held to, or how far the CPU is from them."""
    if answers.own is answers.cpu:
        return file.row("cpu", "", "reference")
    found = judge(answers.own.outputs, answers.cpu, examples, math.inf) | {"tolerance": None}
    status = "information" if found["status"] == "right" else "wrong"
    return file.row("cpu", "its weights in float32", **found | {"status": status})


def _no_cpu(file: File, driver: Driver | None, examples: Examples, answers: Answers) -> list[dict]:
    """Return rows of a file that LiteRT does not run even on the CPU."""
    row = file.row("cpu", "", "died" if answers.cpu.died else "refused", detail=answers.cpu.error)
    if answers.gpu is not None and answers.gpu.outputs is None:
        return [row, gpu_row(file, driver, examples, answers)]
    return [row]


def _finite(answer: Answer) -> np.ndarray:
    rows = [np.isfinite(values).reshape(len(values), -1).all(axis=1) for values in answer.outputs.values()]
    return np.all(rows, axis=0)


def _blind_note(name: str) -> str:
    return f"output {name!r} hardly moves over all examples: an error in it would not be seen"


def _folder(path: Path, driver: Driver | None, seeds: int) -> tuple[list[dict], Examples, list[str]]:
    """Check every artifact of a folder against its `model.keras`."""
    card = Card.read(path) if (path / folder.CARD).is_file() else None
    files = _open_files(path, card)
    specs = files[0].specs
    golden = read_golden(path, [spec.name for spec in specs])
    examples = join(golden_examples(golden.inputs, specs), random_examples(specs, seeds))
    reference = _predict(path / folder.KERAS, examples)
    rows = [*_same_files(path, card), *_keras_rows(reference, golden, examples)]
    fitting = [file for file in files if _same_inputs(file, files[0])]
    for file, answers in zip(fitting, run_files(fitting, examples.inputs, driver), strict=True):
        rows += [_cpu_row(file, examples, answers.cpu, reference)]
        mine = None if file.kind in parity.DRIFTING else reference
        rows += [gpu_row(file, driver, examples, answers, mine)] if answers.own.outputs else []
        rows += _score_row(file, card)
    detail = f"inputs other than those of {files[0].path.name}"
    rows += [f.row("cpu", "model.keras", "wrong", detail=detail) for f in files if f not in fitting]
    rows += _others(path, examples, reference)
    return rows, examples, [_blind_note(name) for name in parity.blind(reference, parity.GPU["float32"])]


def _open_files(path: Path, card: Card | None) -> list[File]:
    """Return the TFLite files of a folder, those of float32 first."""
    paths = sorted(path.glob("*.tflite"))
    if not paths:
        folder.artifact(path, "model_float32.tflite")
    about = embedded_values(card) if card else None
    return sorted((open_file(p, about) for p in paths), key=lambda file: file.kind != "float32")


def _same_inputs(file: File, other: File) -> bool:
    mine, theirs = ({s.name: (s.shape, s.dtype) for s in f.specs} for f in (file, other))
    return mine == theirs


def _predict(path: Path, examples: Examples) -> Arrays:
    """Return the answers of an artifact that is no `.tflite`, shaped `(K, 1, ...)` as those of one are."""
    inputs = {name: array[:, 0] for name, array in examples.inputs.items()}
    return {name: values[:, None] for name, values in predictor(path)(inputs).items()}


def _same_files(path: Path, card: Card | None) -> list[dict]:
    """Compare the files with the hashes in the card: execution cannot see a weight that hardly matters."""
    known = {name: file.sha256 for name, file in card.files.items() if file.sha256} if card else {}
    if not known:
        return []
    changed = [name for name, value in known.items() if folder.sha256(folder.artifact(path, name)) != value]
    row = {"artifact": f"{len(known)} files", "on": "", "against": f"SHA-256 in {folder.CARD}"}
    status = "wrong" if changed else "right"
    return [row | {"status": status, "detail": f"changed: {', '.join(changed)}" if changed else ""}]


def _keras_rows(reference: Arrays, golden: Golden, examples: Examples) -> list[dict]:
    """Return how far the model is from its golden tensors, and whether its outputs move at all."""
    row = {"artifact": folder.KERAS, "on": "cpu"}
    stored = {name: values[:, None] for name, values in golden.outputs.items()}
    count = len(next(iter(stored.values()), ()))
    now = Answer({name: values[:count] for name, values in reference.items()})
    first = examples.only(list(range(count)))
    rows = [row | {"against": GOLDEN} | judge(stored, now, first, parity.CPU)] if stored else []
    still = parity.blind(reference, parity.CPU)
    detail = f"constant outputs hide every error: {', '.join(still)}"
    return rows + ([row | {"against": "", "status": "wrong", "detail": detail}] if still else [])


def _cpu_row(file: File, examples: Examples, cpu: Answer, reference: Arrays) -> dict:
    """Return the row of a file on the CPU; a quantized one may drift, which `evaluate` scores."""
    if cpu.outputs is None:
        return file.row("cpu", folder.KERAS, "died" if cpu.died else "refused", detail=cpu.error)
    tolerance = {"float32": parity.CPU, "float16": parity.GPU["float16"]}.get(file.kind, math.inf)
    found = judge(reference, cpu, examples, tolerance)
    if file.kind in parity.DRIFTING:
        found["tolerance"] = None
        found["status"] = "information" if found["status"] == "right" else "wrong"
    return file.row("cpu", folder.KERAS, **found)


def _score_row(file: File, card: Card | None) -> list[dict]:
    """Return whether a quantized file scores as well as Keras, but for the drop that the card tolerates.

    Its numbers may drift, so that its score is what counts. Without one, `evaluate` has to be run.
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
    drop = scored[folder.KERAS][score] - scored[file.path.name][score]
    if metric.counts_examples:
        tolerated = max(tolerated, FEW / scored[folder.KERAS].get("n", math.inf))
    found = {"max_error": max(0.0, drop), "tolerance": tolerated}
    if drop <= tolerated:
        return [file.row("score", folder.KERAS, "right", **found)]
    detail = f"{100 * drop:.2f} points of {score} below {folder.KERAS}"
    return [file.row("score", folder.KERAS, "wrong", detail=detail, **found)]


def _others(path: Path, examples: Examples, reference: Arrays) -> list[dict]:
    rows = []
    for name in ("saved_model", "model.onnx"):
        row = {"artifact": name, "on": "cpu", "against": folder.KERAS}
        if not (path / name).exists():
            continue
        if name.endswith(".onnx") and not importlib.util.find_spec("onnxruntime"):
            rows.append(row | {"status": "not executed", "detail": "pip install 'mmzoo[onnx]'"})
            continue
        rows.append(row | judge(reference, Answer(_predict(path / name, examples)), examples, parity.CPU))
    return rows
