"""Child process that times one model or matrix products on request.

It imports only the standard library, NumPy and ai-edge-litert, so that its memory use resembles a device. Run it as
`python worker.py model PATH THREADS` or `python worker.py matmul`. Each line on stdin is a number of runs; the
process answers with a line of JSON.
"""

import gc
import itertools
import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np

SIZES = (256, 384, 512, 768)  # side lengths of the square matrices; the best rate counts
UNTIMED = 3  # warm-up runs before each series: other processes have evicted the caches meanwhile


def main() -> None:
    """Answer requests on stdout until stdin ends."""
    # the runtime may print to stdout, so the answers go to a copy of it, and file descriptor 1 becomes stderr
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    before = peak_memory()
    step = matmul_step() if sys.argv[1] == "matmul" else model_step(sys.argv[2], int(sys.argv[3]))
    gc.disable()
    print(json.dumps({"memory_before": before}), file=answers)
    for line in sys.stdin:
        print(json.dumps({"times": timed(step, int(line)), "memory": peak_memory()}), file=answers)


def model_step(path: str, threads: int) -> Callable[[], int]:
    """Return a step that runs the model at `path` on seeded inputs.

    The step uses LiteRT's CPU kernels and XNNPACK, and returns 1.
    """
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
    # wider integers are ids: small values are valid in every table
    return rng.integers(0, 128 if np.dtype(dtype).itemsize == 1 else 4, shape).astype(dtype)


def matmul_step() -> Callable[[], int]:
    """Return a step that multiplies square float32 matrices of alternating sizes.

    The step returns its number of operations, 2 * n ** 3.
    """
    rng = np.random.default_rng(0)
    pairs = [rng.uniform(-1, 1, (2, n, n)).astype(np.float32) for n in SIZES]
    turn = itertools.cycle([(a, b, np.empty_like(a)) for a, b in pairs])

    def step() -> int:
        a, b, out = next(turn)
        np.matmul(a, b, out=out)
        return 2 * len(a) ** 3

    return step


def timed(step: Callable[[], int], runs: int) -> list[float]:
    """Time `runs` steps, in seconds divided by the steps' return values."""
    for _ in range(UNTIMED):
        step()
    times = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        work = step()
        times.append((time.perf_counter_ns() - start) / 1e9 / work)
    return times


def peak_memory() -> int:
    """Return the peak resident size of this process so far, in bytes."""
    try:  # ru_maxrss would include the memory of the parent process at the fork
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
