"""Measure the fusion gain of a recipe along one of its settings, over several seeds."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.environment import environment
from mmzoo.artifacts.files import file_table
from mmzoo.artifacts.folder import CARD, write_json
from mmzoo.data.arrays import test_arrays
from mmzoo.experiment import Experiment
from mmzoo.metrics.classification import scores
from mmzoo.reports import plots
from mmzoo.reports.write import write_card
from mmzoo.studies.runs import answers, flags, mean_deviation, read_runs, trained

logger = logging.getLogger(__name__)


def gain_curve(
    experiment: Experiment, field: str, values: Sequence[float], seeds: Sequence[int], out: str, touches: str = ""
) -> dict:
    """Train fused and unimodal models for each value of `field` and each seed; score the test split.

    Where `field` changes the data of one modality, `touches`, the other unimodal models are trained once a seed. Each
    finished run is written to the JSON file `out`; a second call runs the missing ones.

    Returns:
        `{"recipe", "config", "field", "points": [...], "runs": [...]}`: a point for each value, with mean and
        standard deviation over the seeds of the accuracies, in percent, of each unimodal model, of `fused`, of the
        `average` of the unimodal probabilities, and of the gains of the latter two over the best unimodal model.
    """
    path, settings = Path(out), dataclasses.asdict(experiment.config) | {"data_dir": "", "seed": 0}
    about = {"recipe": experiment.recipe.name, "config": settings, "field": field}
    result: dict[str, Any] = {**about, "runs": read_runs(path, about)}
    commit = environment().commit  # of each run: a curve may be finished by a later version
    done = {(run["seed"], run["value"]) for run in result["runs"]}
    for seed in seeds:
        kept: dict[str, np.ndarray] = {}
        for value in values:
            if (seed, value) not in done:
                run = _run(experiment.changed(seed=seed, **{field: value}), kept)
                kept = {name: p for name, p in kept.items() if touches and name != touches}
                result["runs"].append({"seed": seed, "value": value, **run, "commit": commit})
                write_json(path, result)
                logger.info(f"{field} {value}, seed {seed}: {run}")
    result["points"] = [_point(result["runs"], value) for value in values]
    write_json(path, result)
    return result


def _run(experiment: Experiment, kept: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the test accuracies of one seed and value, in percent; `kept` caches unimodal probabilities."""
    inputs, labels = test_arrays(experiment)
    names = [str(label) for label in experiment.export().labels]
    modalities = [name for name in inputs if name != "present"]
    for name in modalities:
        if name not in kept:
            kept[name] = _answers(experiment.changed(modalities=(name,)), inputs)
    accuracy = {name: 100 * scores(kept[name], labels, names)["accuracy"] for name in modalities}
    best = max(accuracy.values())
    average = 100 * scores(np.mean([kept[name] for name in modalities], axis=0), labels, names)["accuracy"]
    together = 100 * scores(_answers(experiment, inputs), labels, names)["accuracy"]
    both = {"fused": together, "average": average, "gain": together - best, "average_gain": average - best}
    return {name: round(x, 3) for name, x in {**accuracy, **both}.items()}


def _answers(experiment: Experiment, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Train the model and return its probabilities for `inputs`."""
    return answers(trained(experiment, "+".join(experiment.config.modalities)), inputs)


def _point(runs: list[dict], value: float) -> dict:
    here = [run for run in runs if run["value"] == value]
    point: dict[str, Any] = {"value": value, "seeds": len(here)}
    for name in here[0] if here else ():
        if name not in ("seed", "value", "commit"):
            point[name] = mean_deviation([run[name] for run in here])
    return point


def record(curve: dict, folder: str) -> None:
    """Put `curve` and its plot into the card of `folder`."""
    card = Card.read(folder)
    plots.gain_curve(curve, Path(folder) / "gain_curve.png")
    write_card(folder, dataclasses.replace(card, gain_curve=curve, files=file_table(folder)))
    logger.info(f"recorded in {Path(folder) / CARD}")


def curve_command(curve: dict, seeds: str, touches: str) -> str:
    """Return the command that measures `curve`: the settings of its config that are not the recipe's defaults."""
    words = ["mmzoo study gain-curve", curve["recipe"], curve["field"], flags(curve["recipe"], curve["config"])]
    words += [f"--touches {touches}"] if touches else []
    values = " ".join(f"{point['value']:g}" for point in curve["points"])
    return " ".join(word for word in [*words, f"--seeds {seeds} -- {values}"] if word)
