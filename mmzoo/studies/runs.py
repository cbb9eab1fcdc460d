"""What comparisons of trainings share: finished runs are kept in a JSON file, and means come with deviations."""

import dataclasses
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo import recipes
from mmzoo.data.arrays import Arrays
from mmzoo.errors import BadInputError
from mmzoo.training.loop import fit


def read_runs(path: str | Path, about: dict) -> list[dict]:
    """Return the `runs` in the JSON file at `path`, none where there is no file.

    Raises:
        BadInputError: the runs in it are about something else: a value of `about` is another there.
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
    """Return the flags, as one types them, of what in `config` of a comparison is not as `recipe` has it by itself."""
    usual = json.loads(json.dumps(dataclasses.asdict(recipes.load(recipe).Config())))
    config = json.loads(json.dumps(config))  # a tuple is written as the list that it is in a file
    # what a comparison sets itself is empty in its config, and the seed 0
    other = {name: value for name, value in config.items() if value not in ("", usual.get(name)) and name != "seed"}
    return " ".join(_typed(name.replace("_", "-"), value) for name, value in other.items())


def _typed(flag: str, value: object) -> str:
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {' '.join(value) if isinstance(value, list) else value}"


def told_seeds(runs: Sequence[dict]) -> str:
    """Return what `--seeds` is typed as for the seeds of `runs`: how many, where they are the first ones, or which."""
    seeds = sorted({run["seed"] for run in runs})
    return str(len(seeds)) if seeds == [*range(len(seeds))] else ",".join(map(str, seeds))


def mean_deviation(series: Sequence[float]) -> list[float]:
    """Return the mean and the standard deviation of `series` to two decimals; of a single number it is 0."""
    return [round(statistics.mean(series), 2), round(statistics.stdev(series) if series[1:] else 0.0, 2)]


def trained(recipe: Any, config: Any, title: str) -> keras.Model:
    """Return the model that the plan of `recipe` leads to; nothing is kept on disk."""
    with tempfile.TemporaryDirectory() as checkpoint:
        return fit(recipe, config, checkpoint, title)[0]


def answers(model: keras.Model, inputs: Arrays) -> np.ndarray:
    """Return the predictions of `model` for the `inputs` that it takes."""
    return model.predict({name: inputs[name] for name in model.input}, batch_size=500, verbose=0)
