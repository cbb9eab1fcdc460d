"""`mmzoo fit` as a process that Ctrl-C reaches: the first ends training with the best weights, the second at once."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from json_card import read_card

EPOCHS = 40
pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def started(tmp_path):
    """Return a running `mmzoo fit` of a small table, in its third epoch; Ctrl-C is a signal to it."""
    rng = np.random.default_rng(1)
    rows = [
        f"{store},{'yes' if active else 'no'},{'high' if store > 2.5 or active else 'low'}\n"
        for store, active in zip(rng.normal(2, 1, 240), rng.random(240) < 0.4, strict=True)
    ]
    (tmp_path / "goods.csv").write_text("store,active,grade\n" + "".join(rows), encoding="utf-8")
    command = Path(sys.executable).with_name("mmzoo")
    process = subprocess.Popen(
        [command, "fit", "goods.csv", "--target", "grade", "--out", "out", "--epochs", str(EPOCHS)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=(tmp_path / "stderr").open("w"),
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a shell may have it ignored
        env={name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"},
    )
    try:
        for line in process.stdout:
            if re.match(rf" *2/{EPOCHS} ", line):
                break
        yield process
    finally:
        process.kill()
        process.communicate()


def test_first_signal_exports_the_best_weights_so_far(started, tmp_path):
    started.send_signal(signal.SIGINT)
    printed = started.communicate(timeout=600)[0]
    said = (tmp_path / "stderr").read_text()
    assert started.returncode in (0, 3), said
    assert "finishing with the best weights so far; press Ctrl-C again to stop at once" in said
    assert "XNNPACK" not in said
    card = read_card(tmp_path / "out")
    where, losses = card["interrupted"], card["history"]["val_loss"]
    assert where["model"] == "out (tabular)"
    assert where["of"] == EPOCHS
    assert 2 <= where["epoch"] == len(losses) < EPOCHS
    assert card["history"]["kept_epoch"] == 1 + int(np.argmin(losses))
    assert card["scores"]["artifacts"]["model_float32.tflite"]["accuracy"] > 0.5
    line = f"Training was interrupted at epoch {where['epoch']} of {EPOCHS} of out (tabular)."
    assert line in printed
    for name in ("README.md", "report.html"):
        assert line in (tmp_path / "out" / name).read_text(encoding="utf-8"), name
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")]


def test_second_signal_stops_at_once_and_can_be_resumed(started, tmp_path):
    started.send_signal(signal.SIGINT)
    while "press Ctrl-C again" not in (tmp_path / "stderr").read_text():
        assert started.poll() is None
    started.send_signal(signal.SIGINT)
    started.communicate(timeout=600)
    assert started.returncode == 130
    last = (tmp_path / "stderr").read_text().splitlines()[-1]
    assert last.startswith("mmzoo: interrupted; --resume continues ")
    assert not (tmp_path / "out").exists()
    assert (tmp_path / ".out.training" / "fused" / "state.json").is_file()
