"""Measure time and memory of `mmzoo fit` on a large synthetic table."""

import contextlib
import csv
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.environment import environment

CLASSES = ("cold", "mild", "warm", "hot")
WORDS, LENGTH = 20_000, 12  # words of the vocabulary and of a text
NAMED = 0.7  # fraction of the rows whose text names their class
SIDE = 160  # pixels of an image
GRAIN = 25.0  # standard deviation of its noise, of 255
EVERY = 0.1  # seconds between two measurements of memory
# stage of a fit -> beginning of the line that it prints first
STAGES = {
    "decoding": "column  ",
    "duplicates": "looking for rows in two splits",
    "training": "training",
    "export": "exporting",
    "evaluation": "evaluating",
    "verification": "verifying",
    "latency": "timing",
    "linear models": "comparing with linear models",
    "report": "writing the report",
}


def text_table(folder: str | Path, rows: int, seed: int = 0) -> Path:
    """Write a CSV of `rows` short texts and their class into `folder`; return its path."""
    rng, path = np.random.default_rng(seed), Path(folder) / "texts.csv"
    words = np.array([f"w{number:x}" for number in rng.permutation(WORDS)])
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["note", "kind"])
        for start in range(0, rows, 10_000):
            size = min(10_000, rows - start)
            labels, named = rng.integers(0, len(CLASSES), size), rng.random(size) < NAMED
            drawn = words[np.minimum(rng.zipf(1.3, (size, LENGTH)) - 1, WORDS - 1)].tolist()
            names = [CLASSES[label] for label in labels]
            texts = (
                " ".join([*row, name] if given else row) for row, name, given in zip(drawn, names, named, strict=True)
            )
            write.writerows(zip(texts, names, strict=True))
    return path


def picture_table(folder: str | Path, rows: int, seed: int = 0) -> Path:
    """Write `rows` JPEG files of 160x160 pixels, with a gradient by class, and their CSV; return its path."""
    from PIL import Image

    rng, path = np.random.default_rng(seed), Path(folder) / "pictures.csv"
    (Path(folder) / "photos").mkdir()
    at = np.linspace(-1, 1, SIDE)
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["photo", "kind"])
        for row in range(rows):
            label = int(rng.integers(len(CLASSES)))
            angle = np.pi / 2 * label + rng.normal(0, 0.3)
            light = np.cos(angle) * at[:, None] + np.sin(angle) * at
            coarse = np.kron(rng.normal(0, 40, (8, 8, 3)), np.ones((SIDE // 8, SIDE // 8, 1)))
            pixels = 128 + 30 * light[..., None] + coarse + rng.normal(0, GRAIN, (SIDE, SIDE, 1))
            name = f"photos/{row:06d}.jpg"
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(Path(folder) / name, quality=85)
            write.writerow([name, CLASSES[label]])
    return path


def cost(table: Path, words: Sequence[str] = (), say: Callable[[str], object] | None = None) -> dict:
    """Measure seconds and bytes of `mmzoo fit TABLE --target kind` in a separate process, by stage.

    `resident` is the peak memory of the process and its children; `anonymous` leaves out pages of files, which the
    system reclaims when memory is short.

    Args:
        table: CSV file of `text_table` or `picture_table`.
        words: further words of the command line.
        say: receives each line that the process prints.

    Raises:
        RuntimeError: the process failed.
    """
    command = [sys.executable, "-m", "mmzoo.cli.app", "fit", str(table), "--target", "kind", *words]
    command += ["--out", str(table.with_name("fitted"))]
    settings = {"PYTHONUNBUFFERED": "1", "MMZOO_CACHE_DIR": str(table.with_name("cache"))}
    began = time.monotonic()
    stage, peaks, starts = ["reading"], {}, {"reading": began}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **settings})
    watch = threading.Thread(target=_watch, args=(process, stage, peaks))
    watch.start()
    for line in process.stdout:
        if say:
            say(line)
        for name, beginning in STAGES.items():
            if line.startswith(beginning) and name not in starts:
                stage[0], starts[name] = name, time.monotonic()
    code = process.wait()
    watch.join()
    if code not in (0, 3):  # 3: no GPU accelerator
        raise RuntimeError(f"{' '.join(command)}: exit code {code}")
    ends = [*list(starts.values())[1:], time.monotonic()]
    seconds = {name: round(end - start, 1) for (name, start), end in zip(starts.items(), ends, strict=True)}
    stages = [{"stage": name, "seconds": seconds[name], **peaks.get(name, {})} for name in starts]
    return {
        "seconds": round(ends[-1] - began, 1),
        "resident": max(one["resident"] for one in peaks.values()),
        "anonymous": max(one["anonymous"] for one in peaks.values()),
        "largest_process": 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss,
        "stages": stages,
    }


def _watch(process: subprocess.Popen, stage: list[str], peaks: dict[str, dict[str, int]]) -> None:
    """Record in `peaks` the peak memory of a process and its children in each stage, until it ends."""
    while process.poll() is None:
        held = [_memory(pid) for pid in _family(process.pid)]
        now = {"resident": sum(one for one, _ in held), "anonymous": sum(one for _, one in held)}
        before = peaks.setdefault(stage[0], now)
        peaks[stage[0]] = {name: max(before[name], size) for name, size in now.items()}
        time.sleep(EVERY)


def _family(pid: int) -> list[int]:
    """Return the ids of a process and of its descendants."""
    found = [pid]
    for one in found:
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # ended meanwhile
                found += [int(child) for child in path.read_text().split()]
    return found


def _memory(pid: int) -> tuple[int, int]:
    """Return the resident and the anonymous memory of a process, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    held = {
        name: int(size.split()[0]) * 1024 for name, _, size in (line.partition(":") for line in lines) if "kB" in size
    }
    return held.get("VmRSS", 0), held.get("RssAnon", 0)


TABLES = {"texts": text_table, "pictures": picture_table}


def fit_cost(table: str, rows: int, epochs: int, seed: int) -> dict:
    """Return the `cost` of a table of `TABLES`, and the machine; the process prints to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        place = TABLES[table](folder, rows, seed)
        found = cost(place, ["--epochs", str(epochs)], sys.stderr.write)
    return {"table": table, "rows": rows, "epochs": epochs, **found, "machine": environment().machine}
