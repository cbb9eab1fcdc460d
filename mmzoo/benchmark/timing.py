"""Timing of models and matrix products in turns, each in a separate process."""

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
BLAS = ("OPENBLAS", "MKL", "OMP", "VECLIB_MAXIMUM", "BLIS")  # prefixes of _NUM_THREADS


@dataclass(frozen=True)
class Timing:
    """Hold the timings of one number of threads.

    Attributes:
        times: seconds of every run, for each model.
        memory: resident bytes for each model: before LiteRT and the model are loaded, and the peak.
        peak: GFLOP/s of the machine.
    """

    times: list[list[float]]
    memory: list[tuple[int, int]]
    peak: float


def measure(files: Sequence[str | Path], threads: int, runs: int) -> Timing:
    """Time `files` in separate processes, in turns with matrix products.

    Raises:
        BadInputError: LiteRT cannot run a file.
    """
    with ExitStack() as stack:
        children = [_Child(stack, ["model", str(file), str(threads)], threads) for file in files]
        products = _Child(stack, ["matmul"], threads)
        before = [child.answer()["memory_before"] for child in children]
        products.answer()
        per_round = -(-runs // ROUNDS)
        times, memory, per_operation = [[] for _ in files], [0] * len(files), []
        for _ in tqdm(range(ROUNDS), desc=f"{threads} thread{'s'[: threads > 1]}", leave=False, disable=None):
            for index, child in enumerate(children):
                answer = child.run(per_round)
                times[index] += answer["times"]
                memory[index] = answer["memory"]
            per_operation += products.run(per_round)["times"]
    return Timing(times, list(zip(before, memory, strict=True)), 1e-9 / min(per_operation))


class _Child:
    """Run `worker.py` in a process that ends with the stack."""

    def __init__(self, stack: ExitStack, arguments: list[str], threads: int) -> None:
        self._subject = arguments[1] if len(arguments) > 1 else "matrix products"
        self._errors = stack.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115 (the stack closes it)
        self._process = subprocess.Popen(
            # -P: otherwise modules in the folder of worker.py could shadow the standard library
            [sys.executable, "-P", str(Path(__file__).with_name("worker.py")), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in BLAS}},
        )
        stack.callback(self._end)

    def run(self, runs: int) -> dict:
        """Time `runs` runs and return the answer."""
        self._process.stdin.write(f"{runs}\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict:
        """Read one answer of the process.

        Raises:
            BadInputError: the process ended.
        """
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            lines = [line for line in self._errors.read().splitlines() if line.strip()] or ["no message"]
            raise BadInputError(
                f"{self._subject}: expected a model that LiteRT runs. "
                f"Received: exit {self._process.returncode}, {lines[-1].strip()}"
            )
        return json.loads(line)

    def _end(self) -> None:
        self._process.stdout.close()
        with suppress(BrokenPipeError):
            self._process.stdin.close()  # ends the process
        self._process.wait()
