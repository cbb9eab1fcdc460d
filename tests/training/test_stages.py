"""Tests of training with a first stage: what is kept, its history, and an end that was asked for."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from numbers_recipe import recipe

from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase, Stage
from mmzoo.training.checkpoint import KEPT_EPOCH
from mmzoo.training.interrupt import Interrupted, Interruption
from mmzoo.training.stages import first_part, fit, lesson_epochs, lessons

pytestmark = pytest.mark.usefixtures("untraced")
PLAN = (Phase("train", 2, 1e-2),)


class Ask(keras.callbacks.Callback):
    """Ask for the end in the middle of an epoch, counted from 0 over both stages."""

    def __init__(self, interruption, asked):
        super().__init__()
        self.interruption, self.left = interruption, asked

    def on_train_batch_end(self, batch, logs=None):
        if self.left == 0 and batch == 2:
            self.interruption.ask()

    def on_epoch_end(self, epoch, logs=None):
        self.left -= 1


def experiment_of(rate=0.0, **parts):
    """Return an experiment whose second stage has the learning `rate`; 0: there is none."""
    plain = recipe(PLAN)

    def opened(model):
        whole = plain.build(None)
        whole.set_weights(model.get_weights())
        return whole

    given = {"whole": opened, "later": lambda config: (Phase("opened", 3, rate),) if rate else ()} | parts
    stage = Stage(dataset=plain.dataset, build=plain.build, opened=opened, **given)
    return Experiment(dataclasses.replace(plain, first_stage=lambda config: stage), SimpleNamespace(seed=3))


def test_first_stage_alone_gives_its_model(tmp_path):
    experiment = experiment_of()
    model, history = fit(experiment, tmp_path, "one")
    assert len(history["val_loss"]) == history[KEPT_EPOCH] == 2
    assert first_part(experiment).recipe.first_stage is None
    assert lesson_epochs(experiment) == 0
    again, _ = fit(experiment, tmp_path, "it is done")
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("rate", "kept"), [(1e-2, 5), (100.0, 2)])
def test_second_stage_is_kept_where_validation_gains(rate, kept, tmp_path, caplog):
    with caplog.at_level("INFO", "mmzoo"):
        _, history = fit(experiment_of(rate), tmp_path, "two")
    assert len(history["val_loss"]) == history[KEPT_EPOCH] == kept
    assert f"{'opened' if kept == 5 else 'frozen'} is kept" in caplog.text


@pytest.mark.parametrize(("asked", "epochs"), [(1, 1), (2, 2), (3, 2)])
def test_stages_interrupted_have_the_best_so_far(asked, epochs, tmp_path):
    interruption = Interruption()
    # a second stage that is not better, of which one epoch is complete at most
    _, history = fit(experiment_of(100.0), tmp_path, "two", "float32", [Ask(interruption, asked)], interruption)
    assert interruption.asked
    assert len(history["val_loss"]) == epochs


def test_lessons_interrupted_are_no_model(tmp_path, monkeypatch):
    taught = {"whole": None, "later": None, "plan": lambda config: (Phase("lessons", 4, 1e-2),)}
    experiment = experiment_of(**taught)
    assert lesson_epochs(experiment) == 4
    assert [phase.name for phase in lessons(experiment).plan()] == ["lessons"]
    assert first_part(experiment) is experiment
    _, history = fit(experiment, tmp_path / "whole", "taught")
    assert len(history["val_loss"]) == 2
    interruption = Interruption()
    interruption.trained = interruption.asked = True  # by a model before this one
    with pytest.raises(Interrupted):
        fit(experiment, tmp_path / "stopped", "taught", interruption=interruption)
    with pytest.raises(ValueError, match="first stage"):
        lessons(Experiment(recipe(PLAN), SimpleNamespace(seed=3)))
