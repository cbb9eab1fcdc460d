"""One run of `mmzoo fit` on a table: in a separate process, which is timed, with the answers of the folder."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.data.arrays import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.held import HELD, Held
from mmzoo.studies.own_tables.scores import encode
from mmzoo.studies.own_tables.table import SPLIT, TABLE
from mmzoo.tasks import load
from mmzoo.training.checkpoint import best_epoch


def run_fit(held: Held, seed: int, flags: Sequence[str], out: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Train on a table; return answers for validation and test, and seconds, bytes, and what was chosen.

    Args:
        held: the table.
        seed: random seed of the fit.
        flags: further words of the command line, as `--epochs 3`.
        out: folder of the trained model; beside it stand a log and the predictions.

    Raises:
        BadInputError: the process failed; the message has the last line that it printed.
    """
    record = held.record
    log = out.with_name(f"{out.name}.log")
    out.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    words = ["fit", held.folder / TABLE, "--target", record["target"], "--task", record["task"], "--split", SPLIT]
    used = timed([*words, "--seed", seed, "--out", out, *flags], log)
    if used["code"] not in (0, 3) and not (out / "card.json").is_file():  # 3: no GPU accelerator
        raise BadInputError(f"{record['name']}, seed {seed}: {_last(log)}")
    answers = out.with_name(f"{out.name}.csv")
    if timed(["predict", out, held.folder / HELD, "--out", answers, "--artifact", "float32"], log)["code"]:
        raise BadInputError(f"{record['name']}, seed {seed}: {_last(log)}")
    return _read_answers(held, answers), used | _from_card(Card.read(out), out)


def timed(words: Sequence[object], log: Path) -> dict:
    """Run `mmzoo WORDS...`, its output appended to `log`; return exit code and seconds of CPU and clock.

    The CPU seconds are of the process and of all processes that it waited for.
    """
    began = time.monotonic()
    with log.open("a", encoding="utf-8") as file:
        command = [sys.executable, "-m", "mmzoo.cli.app", *map(str, words)]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
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


def _last(log: Path) -> str:
    """Return the last line that a process printed."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def _read_answers(held: Held, path: Path) -> dict[str, np.ndarray]:
    import pandas as pd

    cells = pd.read_csv(path, dtype=str, keep_default_na=False)[f"predicted {held.record['target']}"].tolist()
    answers = encode(cells, held.task, held.names)
    count = len(held.labels[SPLITS[1]])
    return {SPLITS[1]: answers[:count], SPLITS[2]: answers[count:]}


def _from_card(card: Card, out: Path) -> dict:
    """Return bytes, modalities, and the scores of the models that `fit` compared, by the primary metric of the task."""
    key = load(card.task).primary.key
    baselines = card.baselines
    inside = {name: scores[key] for name, scores in baselines.unimodal.items()}
    validation = {
        name: history[f"val_{key}"][best_epoch(history, f"val_{key}")]
        for name, history in {"chosen": card.history, **card.history.get("baselines", {})}.items()
        if f"val_{key}" in history
    }
    return {
        "bytes": (out / ARTIFACTS["float32"]).stat().st_size,
        "modalities": list(card.modalities),
        "parameters": card.parameters,
        "inside": {
            "metric": key,
            "unimodal": inside,
            "average": baselines.average.get(key),
            "replaced": baselines.fused,
            "linear": {name: scores.get(key) for name, scores in baselines.linear.items()},
            "validation": validation,
        },
    }
