"""One run of `mmzoo fit` on a table: in a separate process, which is timed, with the answers of the folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.data.arrays import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.held import HELD, Held
from mmzoo.studies.own_tables.process import failure, timed
from mmzoo.studies.own_tables.scores import encode
from mmzoo.studies.own_tables.table import SPLIT, TABLE
from mmzoo.tasks import load
from mmzoo.training.checkpoint import best_epoch

MMZOO = (sys.executable, "-m", "mmzoo.cli.app")


def run_fit(held: Held, seed: int, flags: Sequence[str], out: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Train on a table; return answers for validation and test, and seconds, bytes, and what was chosen.

    Args:
        held: the table.
        seed: random seed of the fit.
        flags: further words of the command line, as `--epochs 3`.
        out: folder of the trained model; a log and the predictions are written next to it.

    Raises:
        BadInputError: the process failed; the message has the last line that it printed.
    """
    record = held.record
    log = out.with_name(f"{out.name}.log")
    out.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    words = ["fit", held.folder / TABLE, "--target", record["target"], "--task", record["task"], "--split", SPLIT]
    used = timed([*MMZOO, *words, "--seed", seed, "--out", out, *flags], log)
    if used["code"] not in (0, 3) and not (out / "card.json").is_file():  # 3: no GPU accelerator
        raise BadInputError(f"{record['name']}, seed {seed}: {failure(used, log)}")
    answers = out.with_name(f"{out.name}.csv")
    predicted = timed([*MMZOO, "predict", out, held.folder / HELD, "--out", answers, "--artifact", "float32"], log)
    if predicted["code"]:
        raise BadInputError(f"{record['name']}, seed {seed}: {failure(predicted, log)}")
    return _read_answers(held, answers), used | _from_card(Card.read(out), out)


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
        name: history[f"val_{key}"][best_epoch(history)]
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
