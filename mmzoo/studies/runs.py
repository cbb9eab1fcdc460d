"""Runs of a study: saved in a JSON file, averaged over seeds, and written as a command."""

import dataclasses
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from mmzoo import recipes
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.training.loop import fit


def read_runs(path: str | Path, about: dict) -> list[dict]:
    """Read the `runs` of the JSON file at `path`; without a file there are none.

    Raises:
        BadInputError: the file holds runs of another study: a value of `about` differs.
    """
    path = Path(path)
    if not path.is_file():
        return []
    before = json.loads(path.read_text(encoding="utf-8"))
    for key, value in json.loads(json.dumps(about)).items():
        if before[key] != value:
            raise BadInputError(f"{path}: expected runs of the same {key}. Received: {before[key]}")
    return before["runs"]


def flags(recipe: str, config: dict) -> str:
    """Format the values of `config` that differ from the defaults of `recipe` as flags."""
    usual = json.loads(json.dumps(dataclasses.asdict(recipes.load(recipe).Config())))
    config = json.loads(json.dumps(config))  # a tuple is written as the list that it is in a file
    # fields that the study sets are empty in its config, and the seed is 0
    other = {name: value for name, value in config.items() if value not in ("", usual.get(name)) and name != "seed"}
    return " ".join(_typed(name.replace("_", "-"), value) for name, value in other.items())


def _typed(flag: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {' '.join(value) if isinstance(value, list) else value}"


def format_seeds(runs: Sequence[dict]) -> str:
    """Format the seeds of `runs` for `--seeds`: their number where they count from 0, else a list."""
    seeds = sorted({run["seed"] for run in runs})
    return str(len(seeds)) if seeds == [*range(len(seeds))] else ",".join(map(str, seeds))


def mean_deviation(series: Sequence[float]) -> list[float]:
    """Return mean and standard deviation of `series` to two decimals; the deviation of one number is 0."""
    return [round(statistics.mean(series), 2), round(statistics.stdev(series) if series[1:] else 0.0, 2)]


def trained(experiment: Experiment, title: str) -> keras.Model:
    """Train the model of an experiment and return it; checkpoints are temporary."""
    with tempfile.TemporaryDirectory() as checkpoint:
        return fit(experiment, checkpoint, title)[0]


def answers(model: keras.Model, inputs: Arrays) -> np.ndarray:
    """Return the outputs of `model` for its inputs among `inputs`."""
    return model.predict({name: inputs[name] for name in model.input}, batch_size=500, verbose=0)
