"""Training of a recipe that has a first stage: on cached features of frozen networks, or lessons of a teacher."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras

from mmzoo.experiment import Experiment
from mmzoo.recipe import Stage
from mmzoo.training import loop
from mmzoo.training.checkpoint import best_epoch

logger = logging.getLogger(__name__)


def fit(
    experiment: Experiment,
    folder: str | Path,
    title: str,
    precision: str = "float32",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train the model of an experiment as `training.loop.fit` does, after its first stage if it has one.

    Where the stage has a `whole` model, the history ends with the first stage unless the second is better on the
    validation examples. Otherwise the history describes the second training.
    """
    first = _first(experiment)
    if first is None:
        return loop.fit(experiment, folder, title, precision, callbacks)
    place, options = Path(folder), (precision, callbacks)
    ours = callbacks if first.objective is None else ()  # others watch the objective of the recipe
    model, history = loop.fit(_on(first, experiment), place / "first", title, precision, ours)
    second = _changed(experiment, build=lambda config: first.opened(model), plan=first.later)
    if first.whole is None:
        return loop.fit(second, place / "second", title, *options)
    if not second.plan():
        return first.whole(model), history
    return _better((first.whole(model), history), loop.fit(second, place / "second", title, *options), second)


def first_part(experiment: Experiment) -> Experiment:
    """Return the experiment that the plan of the recipe trains: that on features, if the first stage has one."""
    first = _first(experiment)
    return _on(first, experiment) if first and first.plan is None else experiment


def lessons(experiment: Experiment) -> Experiment:
    """Return the first stage as an experiment.

    Raises:
        ValueError: there is none.
    """
    first = _first(experiment)
    if first is None:
        raise ValueError("expected a recipe with a first stage")
    return _on(first, experiment)


def _first(experiment: Experiment) -> Stage | None:
    recipe = experiment.recipe
    return recipe.first_stage(experiment.config) if recipe.first_stage else None


def _on(first: Stage, experiment: Experiment) -> Experiment:
    return _changed(experiment, dataset=first.dataset, build=first.build, plan=first.plan, objective=first.objective)


def _changed(experiment: Experiment, **parts) -> Experiment:
    given = {name: part for name, part in parts.items() if part is not None}
    recipe = dataclasses.replace(experiment.recipe, first_stage=None, **given)
    return dataclasses.replace(experiment, recipe=recipe)


def _better(frozen: tuple[keras.Model, dict], opened: tuple[keras.Model, dict], experiment: Experiment) -> tuple:
    """Return the frozen model with its history, or the opened one with both."""
    monitor = experiment.plan()[-1].monitor
    before, after = (_best(history, monitor) for _, history in (frozen, opened))
    gains = after < before if monitor.endswith(("loss", "mae")) else after > before
    logger.info(f"opened {monitor} {after:.4g}, frozen {before:.4g}: {'opened' if gains else 'frozen'} is kept")
    if not gains:
        return frozen
    return opened[0], {name: [*series, *opened[1][name]] for name, series in frozen[1].items()}


def _best(history: Mapping[str, Sequence[float]], monitor: str) -> float:
    return history[monitor][best_epoch(history, monitor)]
