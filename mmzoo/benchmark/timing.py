"""Models and matrix products timed side by side, each in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from mmzoo.errors import BadInputError

ROUNDS = 20
BLAS = ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM", "BLIS")  # whose variables end in _NUM_THREADS


@dataclass(frozen=True)
class Timing:
    """What one number of threads gave: seconds of every run and bytes per model, GFLOP/s of the machine."""

    times: list[list[float]]
    memory: list[tuple[int, int]]  # before LiteRT and the model were there, and at the most
    peak: float


def measure(files: Sequence[str | Path], threads: int, runs: int) -> Timing:
    """Time each of `files` in a process of its own, in turns with the others and with matrix products.

    Raises:
        BadInputError: a file that LiteRT does not run.
    """
    with ExitStack() as stack:
        children = [_Child(stack, ["model", str(file), str(threads)], threads) for file in files]
        products = _Child(stack, ["matmul"], threads)
        before = [child.answer()["memory_before"] for child in children]
        products.answer()
        share = -(-runs // ROUNDS)
        times, memory, per_operation = [[] for _ in files], [0] * len(files), []
        for _ in tqdm(range(ROUNDS), desc=f"{threads} thread{'s'[: threads > 1]}", leave=False, disable=None):
            for index, child in enumerate(children):
                answer = child.run(share)
                times[index] += answer["times"]
                memory[index] = answer["memory"]
            per_operation += products.run(share)["times"]
    return Timing(times, list(zip(before, memory, strict=True)), 1e-9 / min(per_operation))


class _Child:
    """A process of `latency.py`; it ends with the stack."""

    def __init__(self, stack: ExitStack, arguments: list[str], threads: int):
        self._subject = arguments[1] if len(arguments) > 1 else "matrix products"
        self._errors = stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 (the stack closes it)
        self._process = subprocess.Popen(
            # -P: or modules beside latency.py could stand in for those of the standard library
            [sys.executable, "-P", str(Path(__file__).with_name("latency.py")), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in BLAS}},
        )
        stack.callback(self._end)

    def run(self, runs: int) -> dict:
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            said = [said for said in self._errors.read().splitlines() if said.strip()] or ["no word"]
            raise BadInputError(
                f"{self._subject}: expected a model that LiteRT runs. "
                f"Received: exit {self._process.returncode}, {said[-1].strip()}"
            )
        return json.loads(line)

    def _end(self) -> None:
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # the end of its input ends it
        self._process.wait()
