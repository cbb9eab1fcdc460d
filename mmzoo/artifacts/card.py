"""The card of a trained model: `card.json`, and the README that is generated from nothing but it."""

import dataclasses
import importlib
import importlib.metadata
import math
from pathlib import Path
from typing import Any

import keras

import mmzoo
from mmzoo import recipes
from mmzoo.artifacts.folder import artifact as find
from mmzoo.errors import BadInputError
from mmzoo.recipe import Recipe

# fmt: off
ORDER = (
    "mmzoo", "recipe", "name", "task", "config", "training", "commit", "command", "seed", "data", "parameters",
    "inputs", "outputs", "labels", "rows", "duplicates", "scores", "fused", "baselines", "peers", "peer_rows",
    "constant", "average", "fusion_gain", "gain_curve", "cross_validation", "tuning", "files", "operators", "verify",
    "benchmark", "history", "machine", "versions", "wall_seconds",
)


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if hasattr(value, "tolist"):
        return rounded(value.tolist())
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value



def recipe_of(folder: str | Path, card: dict, data_dir: str = "") -> tuple[Any, Any]:
    """Return the recipe and the Config that `card` of `folder` records, with `data_dir` in it if given.

    A recipe that is no name of ours is a file in `folder`, and is run.

    Raises:
        BadInputError: there is no such recipe, or its Config has changed.
    """
    name = str(card["recipe"])
    recipe = recipes.load(str(find(folder, name))) if recipes.is_file(name) else _recipe_named(name)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in card.get("config", {}).items()}
    fields = {field.name for field in dataclasses.fields(recipe.Config)}
    if unknown := sorted(set(values) - fields):
        raise BadInputError(f"card.json: expected a config of {name} as it is now. Received: {', '.join(unknown)}")
    return recipe, recipe.Config(**values | ({"data_dir": data_dir} if data_dir else {}))



def _recipe_named(name: str) -> Any:
    full = f"mmzoo.recipes.{name}"
    try:
        if not name.isidentifier():
            raise ModuleNotFoundError(name=full)
        return Recipe.from_module(importlib.import_module(full))
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        raise BadInputError(f"card.json: expected a recipe of mmzoo.recipes. Received: {name}") from None



def static_card(recipe: str, module, config, model: keras.Model, spec) -> dict:
    return {
        "mmzoo": mmzoo.__version__,
        "recipe": recipe,
        "task": module.summary,
        "config": _without_places(dataclasses.asdict(config)),
        "seed": config.seed,
        "data": spec.data,
        "parameters": model.count_params(),
        "inputs": [
            {
                "name": name,
                "shape": [1, *x.shape[1:]],
                "dtype": str(x.dtype),
                "unit": spec.units[name],
                "range": list(spec.ranges[name]),
            }
            for name, x in model.input.items()
        ],
        "outputs": [
            {"name": name, "shape": [1, *x.shape[1:]], "dtype": str(x.dtype)} for name, x in model.output.items()
        ],
        "labels": list(spec.labels),
        "max_score_drop": spec.max_score_drop,
    }



def _without_places(config: dict) -> dict:
    """Return `config` without where things lie on this machine: it goes into every artifact."""
    places = {"data_dir": "", "init_from": Path(config.get("init_from", "")).name}
    return {name: places.get(name, value) for name, value in config.items()}
