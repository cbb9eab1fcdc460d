"""A process is timed with all that it started, and its output is kept."""

import sys
import time

from mmzoo.studies.own_tables.process import failure, timed

CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]); print('done')"
BUSY = "import time\nwhile time.process_time() < 0.5: pass"


def test_seconds_of_children_count(tmp_path):
    began = time.monotonic()
    used = timed([sys.executable, "-c", CHILD.format(busy=BUSY)], tmp_path / "log")
    assert used["code"] == 0
    assert used["cpu_seconds"] >= 0.5
    assert used["wall_seconds"] <= time.monotonic() - began + 0.1
    assert (tmp_path / "log").read_text() == "done\n"


def test_output_is_appended(tmp_path):
    log = tmp_path / "log"
    for word, code in (("one", 0), ("two", 3)):
        command = [sys.executable, "-c", f"import sys; print('{word}', file=sys.stderr); sys.exit({code})"]
        assert timed(command, log)["code"] == code
    assert log.read_text() == "one\ntwo\n"


def test_failure_has_the_last_line_and_the_reason(tmp_path):
    log = tmp_path / "log"
    used = timed([sys.executable, "-c", "print('one'); print(); raise SystemExit(4)"], log)
    assert failure(used, log) == "one (exit code 4)"
    log.write_text("\n")
    used = timed([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], log)
    assert failure(used, log) == "it printed nothing (signal SIGKILL)"
