"""The study: every table, the peers once and `mmzoo fit` for every seed; finished runs are not repeated."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import write_json
from mmzoo.data.arrays import SPLITS
from mmzoo.errors import BadInputError
from mmzoo.studies.own_tables.held import Held, answers_path, read_held
from mmzoo.studies.own_tables.own_fit import run_fit
from mmzoo.studies.own_tables.peers.features import modalities_of
from mmzoo.studies.own_tables.peers.models import peer_names, problem_of, run_peers
from mmzoo.studies.own_tables.scores import interval, score
from mmzoo.studies.own_tables.sets import chosen
from mmzoo.studies.own_tables.settings import Settings
from mmzoo.studies.own_tables.summary import is_peer, summary
from mmzoo.studies.own_tables.table import write_table
from mmzoo.studies.own_tables.tools.run import NAME, run_autogluon, takes
from mmzoo.studies.runs import read_runs

logger = logging.getLogger(__name__)
RUNS, README = "runs.json", "README.md"


def compare_on_tables(out: str | Path, settings: Settings, seeds: Sequence[int] = (0, 1, 2)) -> Path:
    """Run the study; return the path of its Markdown tables in the folder `out`.

    `runs.json` in the same folder holds every run.

    A table whose source is not there is skipped, with a line that says why. A run of `mmzoo fit` that fails is recorded
    with its error, and tried again by the next study.

    Raises:
        BadInputError: a table is unknown; or the folder has runs of other rows, or of other flags under one label.
    """
    if settings.peers_only and settings.ours_only:
        raise BadInputError("`peers_only` and `ours_only` exclude each other")
    if is_peer(settings.label):
        raise BadInputError(f"`label` must not begin as the name of a peer, got {settings.label}")
    tables, out = chosen(settings.tables), Path(out)
    out.mkdir(parents=True, exist_ok=True)
    about = {"limit": settings.limit}
    runs = read_runs(out / RUNS, about)
    for number, table in enumerate(tables, 1):
        place = Path(settings.work) if settings.work else out / "tables"
        try:
            path, record = write_table(table, place, settings.data_dir, settings.limit)
        except BadInputError as error:
            logger.info(f"[{number}/{len(tables)}] {table.name:<16} skipped: {error}")
            continue
        held = read_held(path.parent, record)
        _check(runs, held, settings, out / RUNS)
        for run in _runs_of(held, settings, seeds, runs, out):
            # read again: another process may have added runs to the file
            runs = [one for one in read_runs(out / RUNS, about) if _key(one) != _key(run)] + [run]
            write_json(out / RUNS, {**about, "environment": asdict(environment()), "runs": runs})
            logger.info(f"[{number}/{len(tables)}] {table.name:<16} {_line(run)}")
    readme = out / README
    readme.write_text(summary(runs, out), encoding="utf-8")
    return readme


def _key(run: dict) -> tuple:
    return run["table"], run["model"], run["seed"]


def _check(runs: Sequence[dict], held: Held, settings: Settings, path: Path) -> None:
    """Refuse runs of other rows of the table, and runs of the label with other flags."""
    for run in runs:
        if run["table"] == held.record["name"] and run["sha256"] != held.record["sha256"]:
            raise BadInputError(f"{path}: it has runs of other rows of {run['table']}; use another folder")
        if run["model"] == settings.label and run["flags"] != [*settings.flags] and not settings.peers_only:
            said = " ".join(run["flags"]) or "no flags"
            raise BadInputError(f"{path}: the runs {run['model']} have {said}; use another `label`")


def _runs_of(held: Held, settings: Settings, seeds: Sequence[int], runs: Sequence[dict], out: Path) -> Iterator[dict]:
    """Train what is not finished on a table, and yield its runs."""
    name, label, flags = held.record["name"], settings.label, [*settings.flags]
    done = {(run["model"], run["seed"]) for run in runs if run["table"] == name and "error" not in run}
    answers = out / "answers" / name
    answers.mkdir(parents=True, exist_ok=True)
    names = [] if settings.ours_only else peer_names(held.task, modalities_of(held.record["columns"]))
    if wanted := [model for model in names if (model, 0) not in done]:
        about = (held.task, held.metric, held.names)
        problem = problem_of(held.frames, held.record["columns"], held.folder, held.labels, about)
        for model, found, used in run_peers(problem, wanted):
            used |= {"settings": found.settings, "flags": []}
            yield _run(held, (model, 0), found.answers, answers, used)
    if settings.autogluon and not settings.ours_only and (NAME, 0) not in done and takes(held):
        try:
            given, used = run_autogluon(held, settings.autogluon, out / "models" / name / NAME)
        except BadInputError as error:
            yield _about(held, (NAME, 0)) | {"flags": [], "error": str(error)}
        else:
            yield _run(held, (NAME, 0), given, answers, used | {"flags": []})
    for seed in () if settings.peers_only else seeds:
        if (label, seed) in done:
            continue
        try:
            given, used = run_fit(held, seed, flags, out / "models" / name / f"{label}_{seed}")
        except BadInputError as error:
            yield _about(held, (label, seed)) | {"flags": flags, "error": str(error)}
            continue
        used |= {"flags": flags, "commit": environment().commit}
        yield _run(held, (label, seed), given, answers, used)


def _about(held: Held, named: tuple[str, int]) -> dict:
    record = held.record
    about = {"table": record["name"], "model": named[0], "seed": named[1], "sha256": record["sha256"]}
    return about | {"kind": record["kind"], "rows": record["rows"], "task": held.task, "metric": held.metric}


def _run(held: Held, named: tuple[str, int], given: dict[str, np.ndarray], folder: Path, used: dict) -> dict:
    """Score answers, and save them with the truth; return the run."""
    truth = {split: held.labels[split] for split in SPLITS[1:]}
    np.savez_compressed(answers_path(folder, *named), **given, **{f"true_{split}": own for split, own in truth.items()})
    scores = {split: score(given[split], truth[split], held.task) for split in truth}
    ends = interval([given["test"]], truth["test"], held.task, held.metric)
    return _about(held, named) | scores | {"interval": ends} | used


def _line(run: dict) -> str:
    """Return model, score and seconds of a run."""
    name = run["model"] if is_peer(run["model"]) else f"{run['model']}, seed {run['seed']}"
    if "error" in run:
        return f"{name:<18} failed: {run['error']}"
    values = f"validation {run['validation'][run['metric']]:.4f}, test {run['test'][run['metric']]:.4f}"
    return f"{name:<18} {run['metric']}: {values}, {run['cpu_seconds']:.0f} s of CPU"
