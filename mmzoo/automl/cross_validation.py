"""`fit --folds`: cross-validation, each fold the test of models trained from scratch on the others."""

import dataclasses
import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.automl import targets
from mmzoo.automl.budget import told_seconds
from mmzoo.automl.options import Request
from mmzoo.data.arrays import Arrays, test_arrays
from mmzoo.data.tables.source import load_splits
from mmzoo.errors import BadInputError
from mmzoo.reports.trials import fold_rows
from mmzoo.tasks.task import Metric
from mmzoo.training.loop import fit

FOLDS = "folds.json"
BATCH = 100  # test rows at a time


def check_folds(request: Request) -> None:
    """Raise BadInputError unless the folds that are asked for can be, of whatever table."""
    if request.folds < 0 or request.folds == 1:
        raise BadInputError(f"--folds: expected 2 or more. Received: {request.folds}")
    said = [f"--{name} {value}" for name in ("split", "time") if (value := getattr(request, name))]
    if request.folds and said:
        raise BadInputError(f"--folds: expected rows in any order, or a --group. Received: {said[0]}")


def check_rows(module, config, count: int, place: Path) -> None:
    """Raise BadInputError where the rows of a table cannot be divided into `count` folds, each class in each."""
    splits, classes = load_splits(module.SOURCE, place, module.sizes(config), f"1/{count}"), module.SOURCE.classes
    if not targets.load(module.SOURCE.kind).balanced:
        return  # only classes are spread evenly over folds
    rows = np.bincount(np.concatenate([examples.labels for examples in splits.values()]), minlength=len(classes))
    rarest = int(rows.argmin())
    if rows[rarest] < count:
        raise BadInputError(
            f"--folds: expected {rows[rarest]} at most, the rows of the class {classes[rarest]}. Received: {count}"
        )


def cross_validate(module, config, count: int, place: Path, work: Path, linear: Callable) -> dict:
    """Train and test the models of a recipe on each of `count` folds; return what a card tells of it.

    A model of all modalities and one of each alone are trained, as `fit` does on the usual split: those of one alone
    take as long together, at most. What columns of numbers are scaled by is that of the usual split's training rows.
    Finished folds are kept in the folder `work`, as are the checkpoints of the one that is stopped: a second call
    goes on there.

    Args:
        module: a recipe that `fit` wrote.
        config: its Config, without a fold.
        count: of the folds.
        place: the table.
        work: the folder.
        linear: a function of `{split: Examples}`, the recipe and its Config to `{name: scores}` of linear models.

    Raises:
        BadInputError: the rows cannot be divided so.
    """
    state = work / FOLDS
    done = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else []
    for fold in range(len(done) + 1, count + 1):
        began, own = time.monotonic(), dataclasses.replace(config, fold=f"{fold}/{count}")
        splits = load_splits(module.SOURCE, place, module.sizes(own), own.fold)
        found = _fold(module, own, work / f"fold_{fold}")
        found["linear"] = {name: one[found["score"]] for name, one in linear(splits, module, own).items()}
        done.append({**found, "seconds": time.monotonic() - began})
        write_json(state, done)
        shutil.rmtree(work / f"fold_{fold}")
        left = statistics.mean(one["seconds"] for one in done) * (count - fold)
        after = f"; about {told_seconds(left)} left" if fold < count else ""
        metric = targets.load(module.SOURCE.kind).task.primary
        print(f"fold {fold} of {count}, test {metric.label}: {_told(found, metric)}{after}", flush=True)
    return _section(done, module.SOURCE.group)


def _fold(module, config, folder: Path) -> dict:
    """Return the name of the `score`, the `rows` of the test and the score on it of each of `models`."""
    inputs, labels = test_arrays(module, config)
    names = tuple(name for name in inputs if name != "present")
    target, models = targets.load(module.SOURCE.kind), {}
    score = target.task.primary.key
    for chosen in [names, *((name,) for name in names if len(names) > 1)]:
        own, title = dataclasses.replace(config, modalities=chosen), "+".join(chosen)
        model, _ = fit(module, own, folder / title, f"fold {config.fold} ({title})")
        found = target.scores(_answers(model, inputs), labels, module.SOURCE)
        models[title] = float(found[score])
    return {"score": score, "rows": len(labels), "models": models}


def _answers(model: keras.Model, inputs: Arrays) -> np.ndarray:
    """Return what `model` answers to those of `inputs` that it takes, `(N, C)`, without tracing it for that once."""
    taken = {name: inputs[name] for name in model.input}
    starts = range(0, len(next(iter(taken.values()))), BATCH)
    batches = ({name: x[start : start + BATCH] for name, x in taken.items()} for start in starts)
    return np.concatenate([keras.ops.convert_to_numpy(model(batch, training=False)) for batch in batches])


def _told(found: dict, metric: Metric) -> str:
    """Return the scores of the models of a fold, and of the linear baseline on all modalities."""
    name = next(reversed(found["linear"]))
    scored = {**found["models"], f"linear baseline, {name}": found["linear"][name]}
    return ", ".join(f"{model} {metric.show(value)}" for model, value in scored.items())


def _section(done: list[dict], group: str) -> dict:
    """Return the card's `cross_validation` of the folds that are `done`."""
    section = {"folds": len(done), "group": group, "score": done[0]["score"], "rows": [one["rows"] for one in done]}
    for kind in ("models", "linear"):
        section[kind] = {name: _spread([one[kind][name] for one in done]) for name in done[0][kind]}
    return section | {"seconds": sum(one["seconds"] for one in done)}


def _spread(series: list[float]) -> dict:
    return {"mean": statistics.mean(series), "deviation": statistics.stdev(series), "folds": series}


def fold_table(section: Mapping, metric: Metric) -> str:
    """Return the table of a card's `cross_validation` as it is printed."""
    rows = [f"{name:<40}{mean:>8} ± {deviation}" for name, mean, deviation, *_ in fold_rows(section, metric)]
    return "\n".join([f"test {metric.label}, mean ± standard deviation over {section['folds']} folds", *rows])
