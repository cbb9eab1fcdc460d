"""The process that measures one thing, a model or the machine, whenever it is asked to.

Needs the standard library, NumPy and ai-edge-litert alone, so that its memory is that of a device. Run as
`python latency.py model PATH THREADS` or `python latency.py matmul`; each line on stdin is a number of runs,
each answered by a line of JSON.
"""

import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

SIZES = (256, 384, 512, 768)  # of the square matrices, of which the best rate counts
UNTIMED = 3  # runs before each series: others have had the caches meanwhile


def main() -> None:
    """Answer on stdout until stdin ends."""
    # the runtime may print on file 1, so the answers go to a copy of it, and file 1 becomes stderr
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    before = peak_memory()
    step = matmul_step() if sys.argv[1] == "matmul" else model_step(sys.argv[2], int(sys.argv[3]))
    gc.disable()
    print(json.dumps({"memory_before": before}), file=answers)
    for line in sys.stdin:
        print(json.dumps({"times": timed(step, int(line)), "memory": peak_memory()}), file=answers)


def model_step(path: str, threads: int) -> Callable[[], int]:
    """Return one run of the model at `path` on seeded inputs, by LiteRT's CPU kernels and XNNPACK."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path, num_threads=threads)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], _values(details, rng))

    def step() -> int:
        interpreter.invoke()
        return 1

    return step


def _values(details: dict, rng: np.random.Generator) -> np.ndarray:
    shape, dtype = details["shape"], details["dtype"]
    if "present" in details["name"]:
        return np.ones(shape, dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.uniform(-1, 1, shape).astype(dtype)
    # wider integers are ids, of which every table has a few
    return rng.integers(0, 128 if np.dtype(dtype).itemsize == 1 else 4, shape).astype(dtype)


def matmul_step() -> Callable[[], int]:
    """Return one product of square float32 matrices, of the sizes in turn; a step returns its 2 * n ** 3."""
    rng = np.random.default_rng(0)
    pairs = [rng.uniform(-1, 1, (2, n, n)).astype(np.float32) for n in SIZES]
    turn = itertools.cycle([(a, b, np.empty_like(a)) for a, b in pairs])

    def step() -> int:
        a, b, out = next(turn)
        np.matmul(a, b, out=out)
        return 2 * len(a) ** 3

    return step


def timed(step: Callable[[], int], runs: int) -> list[float]:
    """Return the seconds of each of `runs` steps, each divided by what the step returned."""
    for _ in range(UNTIMED):
        step()
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        work = step()
        times.append((time.perf_counter_ns() - start) / 1e9 / work)
    return times


def peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    try:  # the usual ru_maxrss would count what the parent process held when it started us
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
