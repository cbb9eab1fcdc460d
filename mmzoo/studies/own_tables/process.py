"""A process that is timed."""

import os
import signal
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


def failure(used: dict, log: Path) -> str:
    """Describe a process that failed: its last line, and the signal or exit code that ended it."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    code = used["code"]
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"{lines[-1] if lines else 'it printed nothing'} ({how})"
