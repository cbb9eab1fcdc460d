"""Tests of `mmzoo fit --tune`: trials, resuming an interrupted study, reports."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from json_card import card_of, read_card
from own_prices import recipe_of, stops_in, write_prices

from mmzoo import recipes
from mmzoo.automl import tuning as fit_tune
from mmzoo.automl.budget import format_seconds, study_seconds
from mmzoo.automl.options import Request
from mmzoo.automl.tuning import tune, write_trials
from mmzoo.models.transfer import read_model
from mmzoo.reports.html.trials import trial_drawings, trial_table
from mmzoo.reports.trials import tuning


@pytest.fixture(scope="module")
def table(tmp_path_factory, cache):
    path = tmp_path_factory.mktemp("own") / "goods.csv"
    write_prices(path)
    return path


def test_study_seconds_is_part_of_the_budget():
    assert study_seconds("10m") == 180
    assert study_seconds("") == float("inf")
    assert [format_seconds(s) for s in (0.6, 89, 91, 5399, 5400)] == ["1 s", "89 s", "2 min", "90 min", "1.5 h"]


@pytest.mark.usefixtures("untraced", "rows_once")
def test_tune_resumes_after_interruption(table, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "mmzoo")
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    for folder in (whole, stopped):
        folder.mkdir()
        recipe_of(table, folder)
    request = Request(tune=3)
    told = tune(whole / "recipe.py", request)
    begun = stops_in(monkeypatch, fit_tune, 2)
    with pytest.raises(KeyboardInterrupt):
        tune(stopped / "recipe.py", request)
    assert recipes.load(str(stopped / "recipe.py")).Config().learning_rate == 2e-3
    caplog.clear()
    again = tune(stopped / "recipe.py", request)
    assert begun == [f"trial {k}/3" for k in (1, 2, 2, 3)]
    assert caplog.messages[0].startswith("trial 2 of 3: validation loss ")
    assert [trial["values"] for trial in again["history"]] == [trial["values"] for trial in told["history"]]
    for one, other in zip(told["history"], again["history"], strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)
    check_study(told, whole / "recipe.py")
    assert tune(stopped / "recipe.py", request) == again
    assert len(begun) == 4


def check_study(told, path):
    assert (told["asked"], told["trials"], told["epochs"]) == (3, 3, 1)
    defaults = {"embed_dim": 64, "augment": True, "batch_size": 32, "learning_rate": 2e-3}
    assert told["defaults"]["values"] == told["history"][0]["values"] == defaults  # one modality: nothing to join
    losses = [trial["val_loss"] for trial in told["history"]]
    assert told["best"]["val_loss"] == min(losses) <= losses[0]
    assert told["best"]["trial"] == losses.index(min(losses)) + 1
    config = recipes.load(str(path)).Config()
    assert {name: getattr(config, name) for name in defaults} == told["best"]["values"]


def test_tune_prunes_invalid_trials(table, tmp_path, monkeypatch):
    path = recipe_of(table, tmp_path, ignore=("shop", "day"))
    module = SimpleNamespace(**{**vars(recipes.load(str(path))), "build": lambda config: config})
    monkeypatch.setattr(fit_tune.recipes, "load", lambda name: module)
    trained = []

    def thousands(config):
        return config.width * config.embed_dim * (2 if config.batch_size == 64 else 1)

    def fit(experiment, folder, title, callbacks=()):
        trained.append(experiment.config)
        worse = {3: float("nan"), 8: 100}.get(len(trained), 0)
        losses = [1 + worse - epoch / 10 for epoch in range(3)]
        for epoch, loss in enumerate(losses):
            callbacks[0].on_epoch_end(epoch, {"val_loss": loss})
        return None, {"val_loss": losses}

    monkeypatch.setattr(fit_tune.gc, "collect", lambda: None)  # there is no model to collect
    monkeypatch.setattr(fit_tune, "float_bytes", lambda config: 1000 * thousands(config))
    monkeypatch.setattr(fit_tune, "fit", fit)
    told = tune(path, Request(tune=40, size="96KB"))
    why = [trial["pruned"] for trial in told["history"]]
    reasons = ["", "", "no finite loss", *[""] * 4, "above the median"]
    assert [reason for reason in why if reason != "over the size"][:8] == reasons
    assert {config.embed_dim for config in trained} <= {32, 64, 96}  # 128 alone is over the size
    assert max(map(thousands, trained)) <= 96
    for trial, reason in zip(told["history"], why, strict=True):
        assert (reason == "over the size") == (thousands(SimpleNamespace(**trial["values"])) > 96)
        assert trial["epochs"] == {"": 3, "above the median": 1}.get(reason, 0)
    assert why.count("over the size") > 0
    assert told["pruned"] == sum(map(bool, why))
    assert told["best"]["trial"] == 1


def test_tune_stops_at_the_budget(table, tmp_path, monkeypatch):
    path, clock = recipe_of(table, tmp_path, epochs=30), [0.0]
    monkeypatch.setattr(fit_tune.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(fit_tune, "fit_epochs", lambda experiment, *given: experiment.config.epochs - 1)

    def fit(experiment, folder, title, callbacks=()):
        assert experiment.config.epochs == 10  # a third
        for epoch in range(3):
            clock[0] += 20
            callbacks[0].on_epoch_end(epoch, {"val_loss": 1.0})
        return None, {"val_loss": [1.0]}

    monkeypatch.setattr(fit_tune, "fit", fit)
    told = tune(path, Request(tune=9, budget="10m", epochs=30))  # 180 s: three trials of a minute
    assert (told["asked"], told["trials"], told["seconds"]) == (9, 3, 180)
    assert recipes.load(str(path)).Config().epochs == 29
    other = tmp_path / "short"
    other.mkdir()
    told = tune(recipe_of(table, other, epochs=30), Request(tune=9, budget="5m", epochs=30))  # 90 s
    assert [(trial["seconds"], trial["pruned"]) for trial in told["history"]] == [(60, ""), (40, "out of time")]


def some_trials():
    """Return a card's `tuning` with 14 trials, of which the third and the last were pruned."""
    history = [
        {"values": {"width": w}, "val_loss": 1 - i / 20, "epochs": 3, "seconds": 2.0, "pruned": ""}
        for i, w in enumerate([1.0, 0.5] * 7)
    ]
    history[2] |= {"val_loss": None, "pruned": "over the size"}
    history[13] |= {"val_loss": 0.1, "pruned": "above the median"}
    return fit_tune._section(history, 14) | {"epochs": 3}


def test_trials_are_reported(tmp_path):
    told = some_trials()
    assert (told["best"]["trial"], told["pruned"]) == (13, 2)
    write_trials(tmp_path, told)
    rows = [*csv.DictReader((tmp_path / "tuning.csv").open(encoding="utf-8"))]
    assert [*rows[0]] == ["trial", "width", "val_loss", "epochs", "seconds", "pruned"]
    assert (rows[0]["trial"], rows[0]["width"], rows[2]["val_loss"], rows[2]["pruned"]) == (
        "1",
        "1.0",
        "",
        "over the size",
    )
    card = card_of(tuning=told)
    shown = trial_table(card)
    assert [row[0] for row in shown["rows"]] == [*map(str, range(13, 3, -1)), "1, the defaults"]
    assert "The best, trial 13, has 0.4000, the defaults 1.0000." in tuning(card)
    (drawn,) = trial_drawings(card)
    assert drawn["svg"].startswith("<svg")
    assert "ended early" in drawn["svg"]
    assert trial_table(card_of()) == {}
    assert trial_drawings(card_of()) == []
    assert tuning(card_of()) == ""


def test_tuning_without_improvement_is_reported():
    history = [{"values": {"width": 1.0}, "val_loss": 0.5, "epochs": 3, "seconds": 2.0, "pruned": ""}]
    told = card_of(tuning=fit_tune._section(history, 3) | {"epochs": 3})
    assert "1 trials of 3, for which there was time, " in tuning(told)
    assert "None was better than the defaults, 0.5000." in tuning(told)


def test_command_killed_run_resumes(table, tmp_path, mmzoo_here, rows_once):
    words = [table, "--target", "kind", "--ignore", "note", "--ignore", "shop", "--ignore", "day", "--epochs", "1"]
    words += ["--out", "out"]
    command = [Path(sys.executable).with_name("mmzoo"), "fit", *words, "--folds", "3", "--tune", "2"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            if line.startswith("fold 1 of 3"):
                os.kill(run.pid, signal.SIGKILL)
    assert {path.name for path in tmp_path.iterdir()} == {".out.recipe"}
    refused = mmzoo_here("fit", *words, "--folds", "4", "--resume", cwd=tmp_path)
    assert "--resume: the interrupted run had --folds 3, got 4" in refused.stderr
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("dear", "cheap", 1), encoding="utf-8")
    refused = mmzoo_here("fit", *words, "--resume", cwd=tmp_path)
    assert "expected the table of the interrupted run. Received: other cells or files in kind" in refused.stderr
    table.write_text(text, encoding="utf-8")
    refused = mmzoo_here("fit", *words, "--resume", "--seed", "5", cwd=tmp_path)
    assert "--resume: the interrupted run had --seed 0, got 5" in refused.stderr
    with subprocess.Popen([*command, "--resume"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as run:
        said = []
        for line in run.stdout:
            said.append(line)
            if line.startswith("writing the report"):
                os.kill(run.pid, signal.SIGKILL)
    assert not any(line.startswith("trial ") for line in said)
    assert [line[:11] for line in said if line.startswith("fold ")] == ["fold 2 of 3", "fold 3 of 3"]
    assert not (tmp_path / "out").exists(), "whole or not at all"
    weights = read_model(tmp_path / ".out.training" / "new" / "out" / "model.keras").get_weights()
    done = mmzoo_here("fit", *words, "--resume", cwd=tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert "fold " not in done.stdout
    assert " 1/1 " not in done.stdout, "nothing is trained again"
    for one, other in zip(weights, read_model(tmp_path / "out" / "model.keras").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    card = read_card(tmp_path / "out")
    assert (card["cross_validation"]["folds"], card["tuning"]["trials"]) == (3, 2)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert {name: card["config"][name] for name in card["tuning"]["best"]["values"]} == card["tuning"]["best"]["values"]
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert '<section id="tuning"' in report
    assert "Cross-validation. Each of 3 folds" in report
    assert "## Cross-validation: accuracy over 3 folds" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert len((tmp_path / "out" / "tuning.csv").read_text(encoding="utf-8").splitlines()) == 3
