"""Training of a recipe that has a first stage: on cached features of frozen networks, or lessons of a teacher."""

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from mmzoo.experiment import Experiment
from mmzoo.recipe import Stage
from mmzoo.training import loop
from mmzoo.training.checkpoint import KEPT_EPOCH, LOSS, best_epoch
from mmzoo.training.interrupt import Interrupted, Interruption

logger = logging.getLogger(__name__)


def fit(
    experiment: Experiment,
    folder: str | Path,
    title: str,
    precision: str = "float32",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    interruption: Interruption | None = None,
) -> tuple[keras.Model, dict[str, Any]]:
    """Train the model of an experiment as `training.loop.fit` does, after its first stage if it has one.

    Where the stage has a `whole` model, the history ends with the first stage unless the second is better on the
    validation examples. Otherwise the history describes the second training.

    Raises:
        Interrupted: training was asked to end before there was a model of the recipe.
    """
    first, interruption = _first(experiment), interruption or Interruption()
    if first is None:
        return loop.fit(experiment, folder, title, precision, callbacks, interruption)
    place, on_first = Path(folder), _on(first, experiment)
    second = _changed(experiment, build=lambda config: first.opened(model), plan=first.later)
    options = (title, precision, callbacks, interruption)
    if first.whole is None:
        model, _ = loop.fit(on_first, place / "first", title, precision, [_end_when_asked(interruption)])
        if interruption.asked:
            raise Interrupted
        return loop.fit(second, place / "second", *options)
    model, history = loop.fit(on_first, place / "first", *options)
    if interruption.asked or not second.plan():
        return first.whole(model), history
    try:
        opened = loop.fit(second, place / "second", *options)
    except Interrupted:
        return first.whole(model), history
    return _better((first.whole(model), history), opened, second)


def first_part(experiment: Experiment) -> Experiment:
    """Return the experiment that the plan of the recipe trains: that on features, if the first stage has one."""
    first = _first(experiment)
    return _on(first, experiment) if first and first.plan is None else experiment


def lesson_epochs(experiment: Experiment) -> int:
    """Return the epochs of the first stage that precede the plan of the recipe, 0 if it has none of its own."""
    first = _first(experiment)
    return sum(phase.epochs for phase in first.plan(experiment.config)) if first and first.plan else 0


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


def _end_when_asked(interruption: Interruption) -> keras.callbacks.Callback:
    """Return a callback that ends lessons; their weights are no model to finish with, so none of them is noted."""

    def end(batch: int, logs: dict | None = None) -> None:
        if interruption.asked:
            raise Interrupted

    return keras.callbacks.LambdaCallback(on_train_batch_end=end)


def _better(frozen: tuple[keras.Model, dict], opened: tuple[keras.Model, dict], experiment: Experiment) -> tuple:
    """Return the frozen model with its history, or the opened one with both."""
    monitor = experiment.plan()[-1].monitor
    before, after = (_best(history, monitor) for _, history in (frozen, opened))
    gains = after < before if monitor.endswith(("loss", "mae")) else after > before
    logger.info(f"opened {monitor} {after:.4g}, frozen {before:.4g}: {'opened' if gains else 'frozen'} is kept")
    if not gains:
        return frozen
    (_, earlier), (model, later) = frozen, opened
    joined = {name: [*series, *later[name]] for name, series in earlier.items() if name != KEPT_EPOCH}
    return model, joined | {KEPT_EPOCH: len(earlier[LOSS]) + later[KEPT_EPOCH]}


def _best(history: Mapping[str, Any], monitor: str) -> float:
    return history[monitor][best_epoch(history, monitor)]
