"""Cross-validation of `fit`: each fold tests models trained from scratch on the other folds."""

import json
import logging
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.folder import write_json
from mmzoo.automl import targets
from mmzoo.automl.budget import format_seconds
from mmzoo.automl.options import Request
from mmzoo.data.arrays import Arrays, split_arrays, test_arrays
from mmzoo.data.presence import modalities_of, select_inputs
from mmzoo.data.tables.source import load_splits
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.reports.trials import fold_rows
from mmzoo.tasks.task import Metric
from mmzoo.training.stages import fit

logger = logging.getLogger(__name__)
FOLDS = "folds.json"
BATCH = 100  # test rows per batch


def check_folds(request: Request) -> None:
    """Check the number of folds and the split of a request.

    Raises:
        BadInputError: the number of folds is invalid, or the split is by a column or by time.
    """
    if request.folds < 0 or request.folds == 1:
        raise BadInputError(f"`folds` must be 2 or more, got {request.folds}")
    given = [name for name in ("split", "time") if getattr(request, name)]
    if request.folds and given:
        raise BadInputError(f"`folds` and `{given[0]}` exclude each other: folds are of shuffled rows, or of a `group`")


def check_rows(experiment: Experiment, count: int, place: Path) -> None:
    """Check that each class has at least `count` rows.

    Raises:
        BadInputError: the table has too few rows, or a class is too small.
    """
    recipe = experiment.recipe
    splits, classes = table_splits(experiment.changed(fold=f"1/{count}"), place), recipe.source.classes
    if not targets.load(recipe.source.kind).balanced:
        return  # only classes are balanced over folds
    rows = np.bincount(np.concatenate([examples.labels for examples in splits.values()]), minlength=len(classes))
    rarest = int(rows.argmin())
    if rows[rarest] < count:
        most = f"at most {rows[rarest]}, the rows of the class {classes[rarest]}"
        raise BadInputError(f"`folds` must be {most}, got {count}")


def table_splits(experiment: Experiment, place: Path) -> dict[str, Any]:
    """Load the table at `place` as `{split: Examples}`, see `load_splits`."""
    recipe, config = experiment.recipe, experiment.config
    return load_splits(recipe.source, place, recipe.sizes(config), config.fold)


def cross_validate(experiment: Experiment, count: int, place: Path, work: Path, linear: Callable) -> dict:
    """Train and test the models of a recipe on `count` folds.

    A fused model and one unimodal model per modality are trained, as `fit` does on the usual split. Columns of numbers
    are scaled by the training rows of the usual split. Finished folds are saved in the folder `work`, with the
    checkpoints of an interrupted fold; a second call resumes there.

    Args:
        experiment: a recipe written by `fit`, at a config without a fold.
        count: number of folds.
        place: the table.
        work: the folder.
        linear: a function of `{split: Examples}` and the experiment to `{name: scores}` of linear baselines.

    Returns:
        the card's `cross_validation`.

    Raises:
        BadInputError: the rows cannot be divided into the folds.
    """
    state, source = work / FOLDS, experiment.recipe.source
    done = json.loads(state.read_text(encoding="utf-8")) if state.is_file() else []
    for fold in range(len(done) + 1, count + 1):
        began, own = time.monotonic(), experiment.changed(fold=f"{fold}/{count}")
        splits = table_splits(own, place)
        found = _fold(own, work / f"fold_{fold}")
        found["linear"] = {name: one[found["score"]] for name, one in linear(splits, own).items()}
        done.append({**found, "seconds": time.monotonic() - began})
        write_json(state, done)
        shutil.rmtree(work / f"fold_{fold}")
        left = statistics.mean(one["seconds"] for one in done) * (count - fold)
        after = f"; about {format_seconds(left)} left" if fold < count else ""
        metric = targets.load(source.kind).task.primary
        logger.info(f"fold {fold} of {count}, test {metric.label}: {_format_scores(found, metric)}{after}")
    return _section(done, source.group)


def _fold(experiment: Experiment, folder: Path) -> dict:
    """Train one fold; return `score`, test `rows` and scores of `models`."""
    inputs, labels = test_arrays(experiment)
    names, source = modalities_of(inputs), experiment.recipe.source
    target, models = targets.load(source.kind), {}
    score = target.task.primary.key
    for chosen in [names, *((name,) for name in names if len(names) > 1)]:
        title = "+".join(chosen)
        own = experiment.changed(modalities=chosen)
        model, _ = fit(own, folder / title, f"fold {own.config.fold} ({title})")
        if target.threshold:
            held, truth = split_arrays(experiment, "validation")
            source = replace(source, threshold=target.threshold(_predict(model, held), truth))
        found = target.scores(_predict(model, inputs), labels, source)
        models[title] = float(found[score])
    return {"score": score, "rows": len(labels), "models": models}


def _predict(model: keras.Model, inputs: Arrays) -> np.ndarray:
    """Predict `(N, C)` eagerly.

    A single use does not justify tracing a graph.
    """
    taken = select_inputs(inputs, model.input)
    starts = range(0, len(next(iter(taken.values()))), BATCH)
    batches = ({name: x[start : start + BATCH] for name, x in taken.items()} for start in starts)
    return np.concatenate([keras.ops.convert_to_numpy(model(batch, training=False)) for batch in batches])


def _format_scores(found: dict, metric: Metric) -> str:
    """Format the scores of a fold's models and linear baseline."""
    name = next(reversed(found["linear"]))
    scored = {**found["models"], f"linear baseline, {name}": found["linear"][name]}
    return ", ".join(f"{model} {metric.show(value)}" for model, value in scored.items())


def _section(done: list[dict], group: str) -> dict:
    """Return the card's `cross_validation` of the finished folds `done`."""
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
