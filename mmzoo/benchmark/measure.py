"""Latency, size, memory and multiply-adds of `.tflite` files, compared with reference models and the peak rate.

Every model and number of threads runs in a separate process with only NumPy and LiteRT (XNNPACK). The processes
of one number of threads take turns over 20 rounds, each with warm-up, so that other load on the machine affects
all equally. One more process multiplies square float32 matrices of size 256 to 768 with NumPy's BLAS, with as
many threads and runs. The peak is the best rate of any such product.

Per model: bytes and multiply-adds (`front_end_multiply_adds` is a part of `multiply_adds`). Per number of
threads: median, 95th percentile and best of `runs` in ms; `gflops` (two operations per multiply-add, at the best
time) and its fraction of the peak; `peak_rss_bytes`, of which Python and NumPy used `rss_before_bytes` before
LiteRT and the model were loaded; and, for each reference model, the ratios of the best and of the median times.
"""

import logging
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.environment import machine
from mmzoo.artifacts.folder import write_json
from mmzoo.benchmark.peers import cached_reference, check_reference, log_mel_model, stft_log_mel_model
from mmzoo.benchmark.timing import ROUNDS, measure
from mmzoo.errors import BadInputError
from mmzoo.tflite.multiply_adds import multiply_adds

logger = logging.getLogger(__name__)
FIRST = "model_float32.tflite"  # of a folder
LOG_MEL = {"sample_rate": 8000, "frame_length": 200, "hop": 80, "num_mels": 40}


def benchmark(
    paths: Sequence[str | Path],
    against: Sequence[str] = ("mobilenet_v3_small",),
    out: str | Path | None = None,
    runs: int = 1000,
    threads: Sequence[int] = (1, 2),
) -> dict:
    """Benchmark models on this machine's CPU and print a table.

    Args:
        paths: folders (all their `.tflite`, `model_float32.tflite` first) or `.tflite` files.
        against: reference models: `mobilenet_{v1,v2,v3_small,v3_large}`, with a width in percent as in
            `mobilenet_v2_035`, built at 96 pixels with random weights; or `.tflite` files.
        out: JSON file to write.
        runs: timed runs of each model, rounded up to a multiple of 20.
        threads: numbers of threads.

    Returns:
        the JSON-serializable figures described in the module docstring.

    Raises:
        BadInputError: a path or reference model is unknown, a file is no model, or a number is below 1.
    """
    files = [file for path in paths for file in _files(Path(path))]
    _check(against, out, runs, threads)
    if not files:
        raise BadInputError("`paths` must be folders or .tflite files, got none")
    result = _measured(files, against, runs, threads)
    _report(result)
    if out is not None:
        write_json(out, result)
        logger.info(f"wrote {out}")
    return result


def _measured(files: list[Path], against: Sequence[str], runs: int, threads: Sequence[int]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        references = {
            name: Path(name) if name.endswith(".tflite") else cached_reference(name, folder) for name in against
        }
        models = [_describe(file, f"{file.absolute().parent.name}/{file.name}") for file in files]
        models += [_describe(file, name) for name, file in references.items()]
        timings = {str(count): measure([*files, *references.values()], count, runs) for count in threads}
    for index, model in enumerate(models):
        operations = 2 * model["multiply_adds"]
        model["peer"] = index >= len(files)
        model["path"] = "" if model["peer"] else str(files[index].absolute())
        model["threads"] = {
            count: _figures(timing.times[index], timing.memory[index], timing.peak, operations)
            for count, timing in timings.items()
        }
    _add_ratios(models)
    return {
        "machine": machine(),
        "runs": -(-runs // ROUNDS) * ROUNDS,
        "peak_gflops": {count: round(timing.peak, 1) for count, timing in timings.items()},
        "models": models,
    }


def log_mel_ratio(samples: int = 8000, runs: int = 1000, threads: int = 1) -> dict:
    """Time the `LogMel` layer against `tf.signal.stft` and a mel matrix.

    Both use the same frame length, hop and number of mel bands. They run with LiteRT on the CPU, in processes that
    take turns.

    Returns:
        `{"best", "median"}`, the time of `LogMel` as a fraction of the other, and the figures of both in ms.
    """
    _check([], None, runs, [threads])
    with tempfile.TemporaryDirectory() as folder:
        files = [log_mel_model(samples, LOG_MEL, folder), stft_log_mel_model(samples, LOG_MEL, folder)]
        timing = measure(files, threads, runs)
    log_mel, stft_mel = (_milliseconds(times) for times in timing.times)
    return {**_ratio(log_mel, stft_mel), "log_mel": log_mel, "stft_mel": stft_mel, "runs": len(timing.times[0])}


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(path.glob("*.tflite"), key=lambda file: (file.name != FIRST, file.name))
    if not found:
        raise BadInputError(f"{path}: no .tflite file found: expected a folder with .tflite files, or such a file")
    return found


def _check(against: Sequence[str], out: str | Path | None, runs: int, threads: Sequence[int]) -> None:
    for name in against:
        check_reference(name)
    for name, numbers in (("runs", [runs]), ("threads", threads)):
        if not numbers or any(not isinstance(n, int) or n < 1 for n in numbers):
            raise BadInputError(f"`{name}` must be whole numbers from 1, got {list(numbers)}")
    if out is not None and (Path(out).is_dir() or not os.access(Path(out).absolute().parent, os.W_OK)):
        raise BadInputError(f"`out`: cannot write the file {out}")


def _describe(file: Path, name: str) -> dict:
    total, front_end = multiply_adds(file)
    size = file.stat().st_size
    return {"name": name, "bytes": size, "multiply_adds": total, "front_end_multiply_adds": front_end}


def _figures(seconds: list[float], memory: tuple[int, int], peak: float, operations: int) -> dict:
    times = _milliseconds(seconds)
    rate = operations / times["best_ms"] / 1e6
    figures = {"gflops": round(rate, 2), "peak_share": round(rate / peak, 4)}
    return {**times, **figures, "rss_before_bytes": memory[0], "peak_rss_bytes": memory[1]}


def _add_ratios(models: list[dict]) -> None:
    references = [model for model in models if model["peer"]]
    for model in models:
        for count, figures in model["threads"].items():
            others = {} if model["peer"] else {other["name"]: other["threads"][count] for other in references}
            figures["ratio"] = {name: _ratio(figures, other) for name, other in others.items()}


def _milliseconds(seconds: list[float]) -> dict[str, float]:
    median, p95 = np.percentile(seconds, [50, 95])
    named = {"median_ms": median, "p95_ms": p95, "best_ms": min(seconds)}
    return {name: round(float(value) * 1e3, 4) for name, value in named.items()}


def _ratio(figures: dict, reference: dict) -> dict[str, float]:
    return {name: round(figures[f"{name}_ms"] / reference[f"{name}_ms"], 4) for name in ("best", "median")}


def _report(result: dict) -> None:
    references = [model["name"] for model in result["models"] if model["peer"]]
    head = [
        "model",
        "threads",
        "median ms",
        "p95",
        "best",
        "GFLOP/s",
        "of peak",
        "RSS MB",
        "kB",
        "M mul-adds",
    ]
    rows = [[*head, "front end", *(f"x {name}" for name in references)]]
    for model in result["models"]:
        millions = [f"{model[key] / 1e6:.2f}" for key in ("multiply_adds", "front_end_multiply_adds")]
        for count, f in model["threads"].items():
            times = [f"{f[key]:.3f}" for key in ("median_ms", "p95_ms", "best_ms")]
            rates = [f"{f['gflops']:.1f}", f"{f['peak_share']:.0%}", f"{f['peak_rss_bytes'] / 1e6:.0f}"]
            ratios = [f"{f['ratio'][name]['best']:.2f}" if name in f["ratio"] else "" for name in references]
            rows.append([model["name"], count, *times, *rates, f"{model['bytes'] / 1e3:.0f}", *millions, *ratios])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        logger.info("  ".join([row[0].ljust(widths[0]), *cells]).rstrip())
    peaks = [f"{rate} GFLOP/s ({count} thread{'s'[: count != '1']})" for count, rate in result["peak_gflops"].items()]
    logger.info(f"matrix products: {', '.join(peaks)}; x: best time relative to the reference model")
