"""`fit --tune`: settings of a recipe tried one after another, the best of which become its defaults."""

import csv
import dataclasses
import gc
import importlib.util
import json
import math
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from mmzoo import recipes
from mmzoo.artifacts.folder import write_json
from mmzoo.automl.budget import bytes_of, fit_epochs, float_bytes, study_seconds, told_seconds
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import with_defaults
from mmzoo.errors import BadInputError
from mmzoo.reports.trials import show_loss
from mmzoo.training.loop import fit

STUDY, DONE, TRIALS = "tuning.sqlite3", "tuning.json", "tuning.csv"
SHARE, FEWEST = 3, 3  # a trial has a third of the epochs, 3 at least
# what a trial chooses from; the default is there, too
CHOICES = {
    "width": (0.5, 0.75, 1.0, 1.5),
    "embed_dim": (32, 64, 96, 128),
    "fusion": ("gated", "concat", "weighted", "attention", "transformer"),
    "augment": (True, False),
    "batch_size": (16, 32, 64),
}
RANGES = {  # lowest and highest; a step, or none where a number is drawn by its logarithm
    "modality_dropout": (0.0, 0.6, 0.1),
    "learning_rate": (3e-4, 1e-2, None),
}
JOINING = ("fusion", "modality_dropout")  # where there are several modalities
SIZED = ("width", "embed_dim", "fusion")  # that a file's size depends on
UNPRUNED = 5  # trials that train to their end before others can be pruned
RANDOM = 10  # trials, a third of all at most, before others are chosen by what was seen


def check_tune(request: Request) -> None:
    """Raise BadInputError unless the trials that are asked for can be."""
    if request.tune < 0:
        raise BadInputError(f"--tune: expected a number of trials, or 0. Received: {request.tune}")
    if request.tune and importlib.util.find_spec("optuna") is None:
        raise BadInputError("--tune: expected optuna (pip install 'mmzoo[tune]'). Received: it is not installed")


def tune(recipe: Path, request: Request) -> dict:
    """Try `request.tune` settings of the recipe in a file, write the best into it, and return the card's `tuning`.

    The first trial is of the defaults; others are chosen by TPE (Bergstra et al. 2011), and end early where their
    validation loss is above the median of what others had after as many epochs. A trial has a third of the recipe's
    epochs, 3 at least and all at most, with the whole schedule in them. Its worth is the lowest validation loss: the
    test rows are not looked at. With a budget the trials have 0.3 of it, and the epochs of the recipe are counted
    anew for the best settings. A trial whose float TFLite file would be over the size is not trained.

    The study lies beside the recipe: a second call goes on after the trials that are finished.
    """
    kept = recipe.parent / DONE
    if kept.is_file():
        return json.loads(kept.read_text(encoding="utf-8"))
    module = recipes.load(str(recipe))
    config = module.Config()
    epochs = min(config.epochs, max(FEWEST, math.ceil(config.epochs / SHARE)))
    told = _section(_tried(recipe.parent, module, dataclasses.replace(config, epochs=epochs), request), request.tune)
    best = told["best"]["values"]
    if request.budget:
        tuned = dataclasses.replace(config, **best, epochs=request.epochs)
        best = best | {"epochs": fit_epochs(module, tuned, request.budget, request.folds, request.tune)}
    temporary = recipe.with_suffix(".tmp")
    temporary.write_text(with_defaults(recipe.read_text(encoding="utf-8"), best), encoding="utf-8")
    os.replace(temporary, recipe)
    write_json(kept, told | {"epochs": epochs})
    return told | {"epochs": epochs}


def write_trials(folder: Path, tuning: dict) -> None:
    """Write the trials of a card's `tuning` as a CSV file into `folder`."""
    trials = tuning["history"]
    with (folder / TRIALS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", *trials[0]["values"], *[name for name in trials[0] if name != "values"]])
        for number, trial in enumerate(trials, 1):
            writer.writerow([number, *trial["values"].values(), *[v for name, v in trial.items() if name != "values"]])


def _tried(work: Path, module, config, request: Request) -> list[dict]:
    """Return the finished trials of the study in `work`, after those that are missing."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    size = bytes_of(request.size) if request.size else math.inf
    space = _space(module, config, size)
    study = _study(work / STUDY, {name: getattr(config, name) for name in space})
    while len(done := _finished(study)) < request.tune:
        began, left = time.monotonic(), study_seconds(request.budget) - sum(trial["seconds"] for trial in done)
        if done and left <= 0:
            break
        # of the trials that are finished: a study that is stopped goes on as one that is not
        startup = max(1, min(RANDOM, request.tune // 3))
        study.sampler = optuna.samplers.TPESampler(seed=config.seed + len(done), n_startup_trials=startup)
        trial = study.ask()
        tried = dataclasses.replace(config, **_values(trial, space))
        trial.set_user_attr("values", {name: getattr(tried, name) for name in space})
        report = Report(trial, began + left if done else math.inf)
        try:
            loss = _loss(module, tried, size, work, f"trial {len(done) + 1}/{request.tune}", report)
        except optuna.TrialPruned as why:
            loss = None
            trial.set_user_attr("pruned", str(why))
        trial.set_user_attr("seconds", time.monotonic() - began)
        pruned = optuna.trial.TrialState.PRUNED
        study.tell(trial, **({"state": pruned} if loss is None else {"values": loss}))
        print(_told(_finished(study), request), flush=True)
    return done


def _space(module, config, size: float) -> dict[str, Sequence]:
    """Return the choices or the range of each setting that matters to the modalities of `config`.

    What is over the `size` even with the defaults of the others is no choice.
    """
    left_out = () if len(config.modalities) > 1 else JOINING
    if config.modalities == ("tabular",):
        left_out += ("width",)
    space = {name: options for name, options in (CHOICES | RANGES).items() if name not in left_out}
    for name in [name for name in space if name in CHOICES]:
        options = [option for option in space[name] if _fits(module, config, name, option, size)]
        space[name] = tuple(dict.fromkeys([getattr(config, name), *options]))
    return space


def _fits(module, config, name: str, option: object, size: float) -> bool:
    if math.isinf(size) or name not in SIZED:
        return True
    return float_bytes(module.build(dataclasses.replace(config, **{name: option}))) <= size


def _study(path: Path, defaults: dict) -> Any:
    """Return the study in the file at `path`, whose first trial is that of the `defaults`."""
    import optuna
    from sqlalchemy.engine import URL

    study = optuna.create_study(
        storage=URL.create("sqlite", database=str(path)).render_as_string(),
        study_name="tuning",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED),
    )
    states = optuna.trial.TrialState
    for trial in study.get_trials(states=(states.RUNNING,)):  # it was stopped, and is begun again
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
    """Tells a trial of the validation loss after every epoch, and ends it where that is hopeless or the time is over.

    Raises:
        optuna.TrialPruned: it says why.
    """

    def __init__(self, trial: Any, deadline: float):
        super().__init__()
        self.trial = trial
        self.deadline = deadline

    def on_epoch_end(self, epoch, logs=None):
        import optuna

        loss = float(logs["val_loss"])
        if not math.isfinite(loss):
            raise optuna.TrialPruned("no finite loss")
        self.trial.report(loss, epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned("above the median")
        if time.monotonic() > self.deadline:
            raise optuna.TrialPruned("out of time")


def _loss(module, config, size: float, work: Path, title: str, report: Report) -> float:
    """Return the lowest validation loss of a recipe, of whose model the float TFLite file has `size` bytes at most."""
    import optuna

    if math.isfinite(size) and float_bytes(module.build(config)) > size:
        raise optuna.TrialPruned("over the size")
    try:
        with tempfile.TemporaryDirectory(dir=work) as checkpoint:
            _, history = fit(module, config, checkpoint, title, callbacks=[report])
    finally:
        gc.collect()  # a model holds on to itself
    return min(history["val_loss"])


def _finished(study: Any) -> list[dict]:
    """Return what is known of the trials that came to an end, in their order."""
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
    """Return the lowest of `losses` to 6 digits, nothing where there are none."""
    return min((float(f"{loss:.6g}") for loss in losses), default=None)


def _best(done: Sequence[dict]) -> int:
    """Return the number of the trial of lowest loss that was not pruned, 0 where all were."""
    return min(range(len(done)), key=lambda i: math.inf if done[i]["pruned"] else done[i]["val_loss"])


def _told(done: Sequence[dict], request: Request) -> str:
    last, best = done[-1], _best(done)
    told, tried, first = (show_loss(trial["val_loss"]) for trial in (last, done[best], done[0]))
    pruned = f" (pruned: {last['pruned']})" if last["pruned"] else ""
    line = f"trial {len(done)} of {request.tune}: validation loss {told}{pruned}"
    if best:
        line += f", the best {tried} of trial {best + 1}, of the defaults {first}"
    spent = sum(trial["seconds"] for trial in done)
    left = min(spent / len(done) * (request.tune - len(done)), max(0, study_seconds(request.budget) - spent))
    return line + (f"; about {told_seconds(left)} left" if left else "")


def _section(done: list[dict], asked: int) -> dict:
    """Return the card's `tuning`; trials are numbered from 1 on."""
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
