"""One process that runs many commands in turn, as a damaged file may end it: started again where it died.

`Worker` is what tests use; the file run as a program is the process.
"""

import contextlib
import json
import os
import re
import selectors
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLOWEST, MOST = 60, 4096  # seconds and MB of one command
START = 300  # seconds of the start and of the folder


class Worker:
    """Run commands in a process; `died` counts how often it was started again."""

    def __init__(self, environment):
        self.environment, self.died, self.process = environment, 0, None

    def __call__(self, job, patience=SLOWEST):
        """Run a job and return what it did, or `{"died": reason}`."""
        if self.process is None:
            paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
            # the mutants would leave a folder of __pycache__ each
            known = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"} | self.environment
            words = [sys.executable, __file__]
            self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=known)
            patience = max(patience, START)
        self.process.stdin.write(json.dumps(job).encode() + b"\n")
        self.process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if selector.select(patience) else b""
        if line:
            return json.loads(line)
        code = self.process.poll()
        self.close()
        self.died += 1
        return {"died": f"no answer within {patience} s" if code is None else f"ended with {code}"}

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def wrong(done):
    """Return what is wrong with a finished job, "" if nothing."""
    if "died" in done:
        return done["died"]
    lines, code = done["err"].splitlines(), done["code"]
    own = [line for line in lines if line.startswith("mmzoo: ")]
    if "Traceback" in done["err"] + done["out"] or code not in (0, 1, 2, 3):
        return f"code {code}: {' | '.join(lines[-3:])}"
    if code == 2 and not (own and own[-1] == lines[-1]):
        return f"code 2 without its line: {' | '.join(lines[-3:])}"
    if done["seconds"] > SLOWEST:
        return f"{done['seconds']:.0f} s"
    if done["peak"] > MOST:
        return f"{done['peak']} MB"
    return ""


def _call(name, path):
    """Read the file at `path` by a function of the library; it may raise ValueError of one line."""
    from mmzoo.data.boxes.coco import read_coco
    from mmzoo.data.boxes.voc import read_voc
    from mmzoo.device.index import Index
    from mmzoo.device.runner import Runner
    from mmzoo.device.series import read_series
    from mmzoo.metrics.language_model import read_language_model
    from mmzoo.models.transfer import read_model

    def run(path):
        import numpy as np

        runner = Runner(path)
        names = [name for name in runner.inputs if name != "present"]
        for count in (len(names), 1):
            made = {name: np.zeros(runner.inputs[name]["shape"], runner.inputs[name]["dtype"]) for name in names}
            runner(**dict(list(made.items())[:count]))

    def search(path):
        import numpy as np

        index = Index.load(path)
        index.search(np.ones(index.width), 3)

    files = Path(path).parent / "files"
    readers = {
        "coco": lambda: read_coco(path, files, on_bad="skip"),
        "voc": lambda: read_voc(path, files, on_bad="skip"),
        "keras": lambda: read_model(path),
        "index": lambda: search(path),
        "runner": lambda: run(path),
        "series": lambda: read_series(path),
        "language": lambda: read_language_model(path),
    }
    try:
        readers[name]()
    except ValueError as error:
        if "\n" in str(error) or type(error).__name__ not in ("ValueError", "BadInputError"):
            raise
        print(f"mmzoo: {error}", file=sys.stderr)
        return 2
    return 0


def _run(job):
    """Run the words of a command, make the folder, or call a reader; return the exit code."""
    if "make" in job:
        from fuzz_folder import make

        make(job["make"])
        return 0
    if "call" in job:
        return _call(job["call"], job["path"])
    from mmzoo.cli.app import main

    with contextlib.chdir(job["cwd"]):
        try:
            main(job["words"])
        except SystemExit as ended:
            return ended.code
    return 70


def _peak():
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1]) // 1024


def serve():
    """Answer the jobs on standard input, one JSON object a line, with what they printed."""
    import traceback

    answers = os.fdopen(os.dup(1), "w")
    place = Path(os.environ["FUZZ_OUTPUT"])
    for line in sys.stdin:
        with open(place / "out", "w+b") as out, open(place / "err", "w+b") as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
            began = time.monotonic()
            try:
                code = _run(json.loads(line))
            except BaseException:
                traceback.print_exc()
                code = 70
            sys.stdout.flush()
            sys.stderr.flush()
        shown = {name: (place / name).read_text(errors="replace")[-3000:] for name in ("out", "err")}
        done = {"code": code, "seconds": time.monotonic() - began, "peak": _peak(), **shown}
        print(json.dumps(done), file=answers, flush=True)


if __name__ == "__main__":
    serve()
