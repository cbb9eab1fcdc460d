"""A process that is timed."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def timed(command: Sequence[object], log: Path) -> dict:
    """Run a command, its output appended to `log`; return exit code and seconds of CPU and clock.

    The CPU seconds are of the process and of all processes that it waited for.
    """
    began = time.monotonic()
    with log.open("a", encoding="utf-8") as file:
        process = subprocess.Popen([str(word) for word in command], stdout=file, stderr=subprocess.STDOUT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "code": process.returncode,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "wall_seconds": round(time.monotonic() - began, 1),
    }


def last_line(log: Path) -> str:
    """Return the last line that a process printed."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"
