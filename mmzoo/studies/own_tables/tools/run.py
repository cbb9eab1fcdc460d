"""Run the script of a tool in its own Python, on the rows that all models have."""

import json
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.data.arrays import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.held import Held
from mmzoo.studies.own_tables.process import failure, timed
from mmzoo.studies.own_tables.scores import encode
from mmzoo.studies.own_tables.table import FILES, TABLE

NAME = "AutoGluon"
SECONDS = 300  # of training


def takes(held: Held) -> bool:
    """Return whether AutoGluon's models of tables take a table: a column is no file, and the target not several."""
    return held.task != "labels" and bool(_columns(held))


def run_autogluon(held: Held, python: str, work: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Train AutoGluon on all columns but files; return answers for validation and test, seconds, and its version.

    Args:
        held: the table.
        python: a Python with autogluon.tabular.
        work: folder of its models and of a log, which may be there.

    Raises:
        BadInputError: the process failed; the message has the last line that it printed.
    """
    work.mkdir(parents=True, exist_ok=True)
    job, log = work / "job.json", work / "log"
    log.write_text("", encoding="utf-8")
    columns = _columns(held)
    about = {"target": held.record["target"], "task": held.task, "metric": held.metric, "seconds": SECONDS}
    about |= {"columns": columns, "texts": [name for name in columns if held.record["columns"][name] != "number"]}
    places = {"table": held.folder / TABLE, "work": work / "models", "out": work / "answers.json"}
    write_json(job, about | {name: str(place) for name, place in places.items()})
    try:
        used = timed([python, Path(__file__).with_name("train_autogluon.py"), job], log)
    except OSError as error:
        raise BadInputError(f"`autogluon`: {python}: {error.strerror}") from None
    if used["code"]:
        raise BadInputError(f"{held.record['name']}, {NAME}: {failure(used, log)}")
    found = json.loads(places["out"].read_text(encoding="utf-8"))
    answers = {split: encode(found["answers"][split], held.task, held.names) for split in SPLITS[1:]}
    return answers, used | {"settings": found["settings"]}


def _columns(held: Held) -> list[str]:
    return [name for name, kind in held.record["columns"].items() if kind not in FILES]
