"""Cross-validate a published model over the folds of its recipe."""

import dataclasses
import logging
import statistics
import time
from pathlib import Path
from typing import Any

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.folder import CARD, write_json
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.data.arrays import test_arrays
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.metrics.classification import scores
from mmzoo.reports.write import write_card
from mmzoo.studies.runs import answers, read_runs, trained

logger = logging.getLogger(__name__)


def recipe_folds(folder: str | Path, out: str | Path, data_dir: str = "") -> dict:
    """Train the recipe of `folder` on its other folds and record all test scores in the card.

    All fields of the Config but `fold` are as in the card. The score of the fold in the folder is taken from the
    card. Each finished run is written to the JSON file `out`; a second call runs the missing folds.

    Args:
        folder: trained classifier of a recipe with `FOLDS` and a field `fold`.
        out: JSON file of finished runs.
        data_dir: folder of the data, as in the recipe's Config.

    Returns:
        The card's `cross_validation`; `own` is the fold of the model in the folder.

    Raises:
        BadInputError: the recipe has no folds, or `out` holds runs of something else.
    """
    opened = ModelFolder.open(folder)
    card, experiment = opened.card, opened.experiment(data_dir)
    config, folds = experiment.config, experiment.recipe.folds
    if folds is None:
        raise BadInputError(f"{folder}: expected a recipe with folds. Received: {card.recipe}")
    about = {"recipe": card.recipe, "config": dataclasses.asdict(config) | {"data_dir": "", "fold": 0}}
    result: dict[str, Any] = {**about, "runs": read_runs(out, about)}
    done = {run["fold"] for run in result["runs"]}
    for fold in [fold for fold in folds if fold not in done]:
        found = _recorded(card) if fold == config.fold else _run(experiment.changed(fold=fold))
        result["runs"].append({"fold": fold, **found})
        write_json(Path(out), result)
        logger.info(f"fold {fold}: {found}")
    section = _section(sorted(result["runs"], key=lambda run: run["fold"]), "+".join(config.modalities), config.fold)
    write_card(folder, dataclasses.replace(card, cross_validation=section))
    logger.info(f"{section['models']}: recorded in {Path(folder) / CARD} and README.md")
    return section


def _recorded(card: Card) -> dict:
    """Return the accuracy that the card records, with its rows, seconds and commit."""
    full = next(iter(card.scores.subsets.values()))
    kept = {"rows": card.scores.n, "seconds": card.environment.wall_seconds, "commit": card.environment.commit}
    return {"accuracy": full["accuracy"], **kept}


def _run(experiment: Experiment) -> dict:
    """Train the model; return its accuracy on the test split."""
    began, (inputs, labels) = time.monotonic(), test_arrays(experiment)
    outputs = answers(trained(experiment, f"fold {experiment.config.fold}"), inputs)
    accuracy = scores(outputs, labels, [str(label) for label in experiment.export().labels])["accuracy"]
    kept = {"rows": len(labels), "seconds": time.monotonic() - began, "commit": environment().commit}
    return {"accuracy": accuracy, **kept}


def _section(runs: list[dict], name: str, own: int) -> dict:
    series = [run["accuracy"] for run in runs]
    spread = {"mean": statistics.mean(series), "deviation": statistics.stdev(series), "folds": series}
    recorded = {key: [run[key] for run in runs] for key in ("rows", "commit")}
    section = {"folds": len(runs), "own": own, "group": "", "score": "accuracy", **recorded, "models": {name: spread}}
    return {**section, "linear": {}, "seconds": sum(run["seconds"] for run in runs)}
