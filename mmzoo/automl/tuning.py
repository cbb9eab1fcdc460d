"""Hyperparameter search: trials of a recipe's settings; the best settings become the recipe's defaults."""

import csv
import dataclasses
import gc
import importlib.util
import json
import logging
import math
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from mmzoo import recipes
from mmzoo.artifacts.folder import write_json
from mmzoo.automl.budget import bytes_of, fit_epochs, float_bytes, format_seconds, study_seconds
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import recipe_text
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.reports.trials import show_loss
from mmzoo.training.stages import fit

logger = logging.getLogger(__name__)
STUDY, DONE, TRIALS = "tuning.sqlite3", "tuning.json", "tuning.csv"
SHARE, FEWEST = 3, 3  # a trial has a third of the epochs, at least 3
# choices of a trial; the recipe's default is added
CHOICES = {
    "width": (0.5, 0.75, 1.0, 1.5),
    "embed_dim": (32, 64, 96, 128),
    "fusion": ("gated", "concat", "weighted", "attention", "transformer"),
    "augment": (True, False),
    "batch_size": (16, 32, 64),
}
RANGES = {  # lowest, highest, and the step; without a step, values are log-uniform
    "modality_dropout": (0.0, 0.6, 0.1),
    "learning_rate": (3e-4, 1e-2, None),
}
JOINING = ("fusion", "modality_dropout")  # only with several modalities
SIZED = ("width", "embed_dim", "fusion")  # settings that change the size of the file
UNPRUNED = 5  # complete trials before pruning starts
RANDOM = 10  # random trials before TPE starts, at most a third of all


def check_tune(request: Request) -> None:
    """Check the number of trials and the installation of optuna.

    Raises:
        BadInputError: the number is negative, or optuna is not installed.
    """
    if request.tune < 0:
        raise BadInputError(f"`tune` must be a number of trials or 0, got {request.tune}")
    if request.tune and importlib.util.find_spec("optuna") is None:
        raise BadInputError("`tune` needs optuna, which is not installed: pip install 'mmzoo[tune]'")


def tune(recipe: Path, request: Request) -> dict:
    """Tune the recipe in a file for `request.tune` trials.

    The best settings are written into the file.
    The search uses the tree-structured Parzen estimator (TPE, Bergstra et al. 2011); the first trial uses the defaults.
    A trial is pruned if its validation loss exceeds the median of other trials after the same number of epochs. A trial
    has a third of the recipe's epochs, at least 3 and at most all, with a complete schedule. The objective is the
    lowest validation loss; test rows are not used. Trials take 0.3 of a budget, and the recipe's epochs are then
    recomputed for the best settings. A trial whose float TFLite file would exceed the size limit is not trained.

    The study is saved in the recipe's folder, and a second call resumes after the finished trials.

    Returns:
        the card's `tuning`.
    """
    saved = recipe.parent / DONE
    if saved.is_file():
        return json.loads(saved.read_text(encoding="utf-8"))
    whole = recipes.experiment(str(recipe))
    config = whole.config
    epochs = min(config.epochs, max(FEWEST, math.ceil(config.epochs / SHARE)))
    trials = _run_trials(recipe.parent, whole.changed(epochs=epochs, opened=0), request)
    section = _section(trials, request.tune)
    best = section["best"]["values"]
    if request.budget:
        tuned = whole.changed(**best, epochs=request.epochs)
        best = best | {"epochs": fit_epochs(tuned, request.budget, request.folds, request.tune)}
    tuned = dataclasses.replace(whole.recipe.table, config=whole.changed(**best).config)
    with replacing(recipe) as temporary:
        temporary.write_text(recipe_text(tuned), encoding="utf-8")
    write_json(saved, section | {"epochs": epochs})
    return section | {"epochs": epochs}


def write_trials(folder: Path, tuning: dict) -> None:
    """Write the trials of a card's `tuning` as CSV."""
    trials = tuning["history"]
    with (folder / TRIALS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", *trials[0]["values"], *[name for name in trials[0] if name != "values"]])
        for number, trial in enumerate(trials, 1):
            writer.writerow([number, *trial["values"].values(), *[v for name, v in trial.items() if name != "values"]])


def _run_trials(work: Path, experiment: Experiment, request: Request) -> list[dict]:
    """Run the remaining trials of a study; return all finished ones."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    size, config = bytes_of(request.size) if request.size else math.inf, experiment.config
    space = _space(experiment, size)
    study = _study(work / STUDY, {name: getattr(config, name) for name in space})
    while len(done := _finished(study)) < request.tune:
        began, left = time.monotonic(), study_seconds(request.budget) - sum(trial["seconds"] for trial in done)
        if done and left <= 0:
            break
        # the seed depends on the finished trials, so that a resumed study continues like an uninterrupted one
        startup = max(1, min(RANDOM, request.tune // 3))
        study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(done), n_startup_trials=startup)
        trial = study.ask()
        own = experiment.changed(**_values(trial, space))
        trial.set_user_attr("values", {name: getattr(own.config, name) for name in space})
        report = Report(trial, began + left if done else math.inf)
        try:
            loss = _loss(own, size, work, f"trial {len(done) + 1}/{request.tune}", report)
        except optuna.TrialPruned as reason:
            loss = None
            trial.set_user_attr("pruned", str(reason))
        trial.set_user_attr("seconds", time.monotonic() - began)
        pruned = optuna.trial.TrialState.PRUNED
        study.tell(trial, **({"state": pruned} if loss is None else {"values": loss}))
        logger.info(_format_trial(_finished(study), request))
    return done


def _space(experiment: Experiment, size: float) -> dict[str, Sequence]:
    """Return the choices or range of each relevant setting.

    A choice that exceeds the `size` with the defaults of the other settings is removed.
    """
    config = experiment.config
    excluded = () if len(config.modalities) > 1 else JOINING
    if config.modalities == ("tabular",):
        excluded += ("width",)
    space = {name: options for name, options in (CHOICES | RANGES).items() if name not in excluded}
    for name in [name for name in space if name in CHOICES]:
        options = [option for option in space[name] if _fits(experiment, name, option, size)]
        space[name] = tuple(dict.fromkeys([getattr(config, name), *options]))
    return space


def _fits(experiment: Experiment, name: str, option: object, size: float) -> bool:
    if math.isinf(size) or name not in SIZED:
        return True
    return float_bytes(experiment.changed(**{name: option}).build()) <= size


def _study(path: Path, defaults: dict) -> Any:
    """Open or create a study, with `defaults` as its first trial."""
    import optuna
    from sqlalchemy.engine import URL

    study = optuna.create_study(
        storage=URL.create("sqlite", database=str(path)).render_as_string(),
        study_name="tuning",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
    )
    states = optuna.trial.TrialState
    for trial in study.get_trials(states=(states.RUNNING,)):  # interrupted; run again as a new trial
        study.tell(trial.number, state=states.FAIL)
    if not _finished(study) and not study.get_trials(states=(states.WAITING,)):
        study.enqueue_trial(defaults)
    return study


def _values(trial: Any, space: dict[str, Sequence]) -> dict:
    values = {}
    for name, options in space.items():
        if name in RANGES:
            low, high, step = options
            value = trial.suggest_float(name, low, high, step=step, log=step is None)
            values[name] = float(f"{value:.3g}")
        else:
            values[name] = trial.suggest_categorical(name, options)
    return values


class Report(keras.callbacks.Callback):
    """Report the validation loss of every epoch and prune a trial.

    A trial is pruned if its loss is not finite or above the median, or if the time is over.

    Raises:
        optuna.TrialPruned: the trial is pruned; the message is the reason.
    """

    def __init__(self, trial: Any, deadline: float) -> None:
        super().__init__()
        self.trial = trial
        self.deadline = deadline

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Report `val_loss` and prune if necessary."""
        import optuna

        loss = float(logs["val_loss"])
        if not math.isfinite(loss):
            raise optuna.TrialPruned("no finite loss")
        self.trial.report(loss, epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned("above the median")
        if time.monotonic() > self.deadline:
            raise optuna.TrialPruned("out of time")


def _loss(experiment: Experiment, size: float, work: Path, title: str, report: Report) -> float:
    """Train the model and return its lowest validation loss.

    A model whose float TFLite file exceeds `size` bytes is pruned without training.
    """
    import optuna

    if math.isfinite(size) and float_bytes(experiment.build()) > size:
        raise optuna.TrialPruned("over the size")
    try:
        with tempfile.TemporaryDirectory(dir=work) as checkpoint:
            _, history = fit(experiment, checkpoint, title, callbacks=[report])
    finally:
        gc.collect()  # a model has reference cycles
    return min(history["val_loss"])


def _finished(study: Any) -> list[dict]:
    """Return the completed and pruned trials in order."""
    from optuna.trial import TrialState

    return [
        {
            "values": trial.user_attrs["values"],
            "val_loss": _lowest(trial.intermediate_values.values()),
            "epochs": len(trial.intermediate_values),
            "seconds": round(trial.user_attrs["seconds"], 1),
            "pruned": trial.user_attrs.get("pruned", ""),
        }
        for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    ]


def _lowest(losses: Iterable[float]) -> float | None:
    """Return the lowest of `losses` to 6 digits, None without losses."""
    return min((float(f"{loss:.6g}") for loss in losses), default=None)


def _best(done: Sequence[dict]) -> int:
    """Return the index of the best completed trial.

    The index is 0 if all trials were pruned.
    """
    return min(range(len(done)), key=lambda i: math.inf if done[i]["pruned"] else done[i]["val_loss"])


def _format_trial(done: Sequence[dict], request: Request) -> str:
    last, best = done[-1], _best(done)
    last_loss, best_loss, default_loss = (show_loss(trial["val_loss"]) for trial in (last, done[best], done[0]))
    pruned = f" (pruned: {last['pruned']})" if last["pruned"] else ""
    line = f"trial {len(done)} of {request.tune}: validation loss {last_loss}{pruned}"
    if best:
        line += f", best {best_loss} (trial {best + 1}), defaults {default_loss}"
    spent = sum(trial["seconds"] for trial in done)
    left = min(spent / len(done) * (request.tune - len(done)), max(0, study_seconds(request.budget) - spent))
    return line + (f"; about {format_seconds(left)} left" if left else "")


def _section(done: list[dict], asked: int) -> dict:
    """Return the card's `tuning`; trials are numbered from 1."""
    best = _best(done)
    return {
        "asked": asked,
        "trials": len(done),
        "pruned": sum(bool(trial["pruned"]) for trial in done),
        "seconds": sum(trial["seconds"] for trial in done),
        "best": {"trial": best + 1, "val_loss": done[best]["val_loss"], "values": done[best]["values"]},
        "defaults": {"val_loss": done[0]["val_loss"], "values": done[0]["values"]},
        "history": done,
    }
