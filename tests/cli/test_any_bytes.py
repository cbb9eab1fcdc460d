"""Damaged files of every kind end in an answer or in one line: no traceback, no crash, nothing half-written."""

import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest
from fuzz_worker import SLOWEST, Worker, wrong
from mutants import damaged, damaged_archive, damaged_json, damaged_lines

FEW = ["predict", "model", "few.csv", "--out", "out/answers.csv", "--artifact", "float32"]
SCORE = ["evaluate", "model", "--artifact", "float32"]
BIG = FEW[:-1]
CHECKED = ["verify", "model", "--seeds", "1"]
# a kind: file to damage, how, what reads it, and its mutants in a short and a long run
KINDS = {
    "keras": ("model/model.keras", damaged_archive, "keras", 12, 400),
    "keras by predict": ("model/model.keras", damaged_archive, [*BIG, "keras"], 3, 100),
    "tflite": ("model/model_float32.tflite", damaged, "runner", 60, 1500),
    "tflite by predict": ("model/model_float32.tflite", damaged, [*BIG, "float32"], 6, 150),
    "onnx": ("model/model.onnx", damaged, [*BIG, "onnx"], 8, 300),
    "saved_model": ("model/saved_model/saved_model.pb", damaged, [*BIG, "saved_model"], 4, 150),
    "variables": ("model/saved_model/variables/variables.index", damaged, [*BIG, "saved_model"], 2, 60),
    "card by evaluate": ("model/card.json", damaged_json, SCORE, 12, 300),
    "card by predict": ("model/card.json", damaged_json, FEW, 8, 200),
    "card by verify": ("model/card.json", damaged_json, CHECKED, 1, 20),
    "baselines": ("model/baselines.npz", damaged_archive, SCORE, 8, 150),
    "golden": ("model/golden.npz", damaged_archive, CHECKED, 1, 20),
    "cache": ("cache", damaged, FEW, 8, 200),
    "picture": ("files", damaged, FEW, 16, 600),
    "sound": ("files", damaged, FEW, 10, 300),
    "csv": ("few.csv", damaged, FEW, 8, 200),
    "jsonl": ("few.jsonl", damaged_lines, FEW, 4, 100),
    "parquet": ("few.parquet", damaged, FEW, 4, 100),
    "coco": ("boxes.json", damaged_json, "coco", 40, 400),
    "voc": ("voc", damaged, "voc", 20, 200),
    "index": ("index.npz", damaged_archive, "index", 40, 300),
    "series": ("series.csv", damaged, "series", 20, 200),
    "npy": ("series.npy", damaged, "series", 20, 200),
    "language": ("language.json", damaged_json, "language", 20, 100),
}


# the cache heals itself, boxes that cannot be read are skipped, and one mutant may pass
ALWAYS_ANSWERED = ("cache", "voc", "golden", "card by verify")


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    place = tmp_path_factory.mktemp("any_bytes")
    output = place / "output"
    output.mkdir()
    found = Worker({"MMZOO_CACHE_DIR": str(place / "mutant" / "cache"), "FUZZ_OUTPUT": str(output)})
    found.place = place
    done = found({"make": str(place / "mutant")})
    assert done.get("code") == 0, done
    for words in (FEW, SCORE):
        (place / "mutant" / "out").mkdir(exist_ok=True)
        done = found({"words": words, "cwd": str(place / "mutant")})
        assert done.get("code") == 0, done
    (place / "mutant" / "out" / "answers.csv").unlink()
    shutil.copytree(place / "mutant", place / "made")
    yield found
    found.close()


def chosen(folder, kind, rng):
    """Return the file of a kind that is damaged."""
    path = folder / KINDS[kind][0]
    if path.is_file():
        return path
    endings = {"picture": (".png", ".jpg", ".gif", ".bmp", ".webp", ".tiff"), "sound": (".wav", ".flac", ".ogg")}
    ending = endings.get(kind, (".npy", ".json", ".xml"))
    paths = sorted(one for one in path.rglob("*") if one.suffix in ending)
    first = [one for one in paths if not one.stem.isdigit() or int(one.stem) < 6]  # of the rows that are predicted
    return first[rng.integers(len(first))]


def job_of(kind, folder, path):
    """Return the job that reads the damaged file."""
    reader = KINDS[kind][2]
    if isinstance(reader, str):
        return {"call": reader, "path": str(path if path.parent.name != "voc" else path.parent)}
    words = [path.name if word == "few.csv" and path.name.startswith("few") else word for word in reader]
    return {"words": words, "cwd": str(folder)}


def state(folder):
    """Return the names of all files but the cache's, and the contents of what a command writes."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if "cache" not in path.parts}
    return names, {name: (folder / "model" / name).read_bytes() for name in ("card.json", "README.md")}


def half_written(folder, before, code):
    """Return what a command left that it should not have, "" if nothing."""
    names, contents = state(folder)
    left = names - before[0] - {"out/answers.csv"}
    if left:
        return f"left {sorted(left)}"
    if code == 2 and contents != before[1]:
        return "a command that failed wrote the card or the README"
    if (contents["card.json"] != before[1]["card.json"]) != (contents["README.md"] != before[1]["README.md"]):
        json.loads(contents["card.json"])  # the README need not change with every number
    if code == 2 and (folder / "out" / "answers.csv").exists():
        return "a command that failed wrote its answers"
    return ""


def restore(made, folder, path):
    """Put back the damaged file, what commands write, and the cache; the times of files stay, which the cache knows."""
    if path is not None:
        shutil.copy2(made / path.relative_to(folder), path)
    for name in ("card.json", "README.md"):
        shutil.copy2(made / "model" / name, folder / "model" / name)
    (folder / "out" / "answers.csv").unlink(missing_ok=True)
    kept = {one.name for one in (made / "cache").iterdir()}
    if path is None or {one.name for one in (folder / "cache").iterdir()} != kept:
        shutil.rmtree(folder / "cache")
        shutil.copytree(made / "cache", folder / "cache")


def survive(worker, kind, count, seed=0):
    """Run `count` mutants of a kind; return the failures and the exit codes."""
    failures, codes = [], Counter()
    made, folder = worker.place / "made", worker.place / "mutant"
    for number in range(count):
        rng = np.random.default_rng([seed, *kind.encode(), number])
        path = chosen(folder, kind, rng)
        path.write_bytes(KINDS[kind][1](path.read_bytes(), rng))
        before = state(folder)
        done = worker(job_of(kind, folder, path))
        codes[done.get("code", "died")] += 1
        problem = wrong(done) or half_written(folder, before, done["code"])
        if problem:
            failures.append(f"{kind} {seed} {number} {path.name}: {problem}")
            print(failures[-1], flush=True)
            if keep := os.environ.get("MMZOO_FUZZ_KEEP"):
                os.makedirs(keep, exist_ok=True)
                shutil.copy(path, f"{keep}/{kind.replace(' ', '_')}_{number}_{path.name}")
        restore(made, folder, path if kind != "cache" else None)
    return failures, codes


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_end_in_an_answer_or_in_one_line(worker, kind):
    failures, codes = survive(worker, kind, KINDS[kind][3])
    assert not failures, failures
    assert codes[2] or kind in ALWAYS_ANSWERED, codes


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files_end_in_an_answer_or_in_one_line(worker, kind):
    failures, codes = survive(worker, kind, KINDS[kind][4], seed=1)
    print(f"{kind}: {codes.total()} mutants, {dict(codes)}, {len(failures)} failures", flush=True)
    assert not failures, failures


def test_long_run_has_at_least_5000_mutants():
    assert sum(count for *_, count in KINDS.values()) >= 5000
    assert SLOWEST == 60
