"""Measure time, memory and recall of the indices of embeddings."""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import make_folder, write_json
from mmzoo.device.index import KINDS, Index
from mmzoo.tasks.format import percent, table

NEIGHBORHOOD = 50  # embeddings of a cluster
SPREAD = 0.6  # length of their offset from a center of length 1
PAGE = 4096  # bytes
K = 10  # nearest neighbors of a query
COSTS = "costs.json"


def drawn_embeddings(size: int, width: int, seed: int) -> np.ndarray:
    """Draw `(size, width)` float32 embeddings in clusters, as image embeddings have them."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((-(-size // NEIGHBORHOOD), width), np.float32) / width**0.5
    found = np.repeat(centers, NEIGHBORHOOD, axis=0)[:size]
    found += rng.standard_normal(found.shape, np.float32) * (SPREAD / width**0.5)
    return found


def cost(kind: str, size: int, width: int = 64, queries: int = 200, k: int = K, seed: int = 0) -> dict:
    """Measure bytes, seconds and recall at `k` of an `Index` of `kind`.

    Queries are new embeddings of the same clusters, searched one at a time.
    """
    found = drawn_embeddings(size + queries * NEIGHBORHOOD, width, seed)
    asked = np.random.default_rng(seed + 1).choice(len(found), queries, replace=False)
    things, questions = np.delete(found, asked, axis=0)[:size], found[asked]
    del found
    before = _resident()
    index, build = _timed(lambda: Index(things, kind=kind))
    resident = _resident() - before
    truth = Index(things) if kind != "exact" else index
    right, times = 0, []
    for question in questions:
        answer, seconds = _timed(lambda vector=question: index.search(vector, k))
        times.append(1000 * seconds)
        right += len({name for name, _ in answer} & {name for name, _ in truth.search(question, k)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        save = _timed(lambda: index.save(path))[1]
        load = _timed(lambda: Index.load(path))[1]
        stored = path.stat().st_size
    return {
        "kind": kind,
        "size": size,
        "width": width,
        "resident_bytes": resident,
        "file_bytes": stored,
        "build_seconds": round(build, 2),
        "save_seconds": round(save, 2),
        "load_seconds": round(load, 2),
        "query_ms_median": round(float(np.median(times)), 3),
        "query_ms_95": round(float(np.percentile(times, 95)), 3),
        f"recall@{k}_of_exact": right / (k * queries),
    }


def index_cost(size: int, width: int, queries: int, seed: int) -> dict:
    """Measure the `costs` of each kind of index; return them with the command and the machine."""
    rows = [cost(kind, size, width, queries, seed=seed) for kind in KINDS]
    command = f"mmzoo study index-cost --size {size} --width {width} --queries {queries} --seed {seed}"
    return {"costs": rows, "command": command, "queries": queries, "seed": seed, **dataclasses.asdict(environment())}


def report(result: dict) -> str:
    """Format the `costs` of each kind of index as Markdown."""
    rows = []
    for row in result["costs"]:
        sizes = [f"{row[key] / 1e6:,.0f}" for key in ("resident_bytes", "file_bytes")]
        times = [f"{row[key]:.1f}" for key in ("build_seconds", "save_seconds", "load_seconds")]
        times += [f"{row[key]:.2f}" for key in ("query_ms_median", "query_ms_95")]
        rows.append([row["kind"], *sizes, *times, percent(row[f"recall@{K}_of_exact"])])
    head = ["kind", "memory, MB", "file, MB", "build, s", "save, s", "load, s"]
    head += ["query, median, ms", "query, 95 %, ms", "recall"]
    asked, first = result["queries"], result["costs"][0]
    return (
        f"# What an index of {first['size']:,} embeddings costs\n\n"
        f"`mmzoo.device.index`, {first['width']} numbers an embedding, drawn in clusters of {NEIGHBORHOOD}, as "
        f"image embeddings have them; {asked} queries, one after another, on {result['machine']}. Memory is the "
        f"increase of the process by the index. Recall is the fraction of the {K} nearest that are found.\n\n"
        f"Generated from `{COSTS}`, which `{result['command']}` wrote.\n\n"
        f"{table(head, rows)}\n"
    )


def write(result: dict, folder: str | Path) -> None:
    """Write `result` and its report into `folder`.

    Raises:
        BadInputError: `folder` cannot be written.
    """
    out = make_folder(Path(folder), Path(folder))
    write_json(out / COSTS, result)
    (out / "README.md").write_text(report(result), encoding="utf-8")


def _timed(work: Callable) -> tuple:
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def _resident() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
