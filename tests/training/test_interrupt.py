"""Tests of ending training early: the weights that are kept, the signal handler, and resuming afterwards."""

import signal
import threading

import keras
import numpy as np
import pytest
from numbers_recipe import CONFIG, recipe

from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.training.checkpoint import KEPT_EPOCH
from mmzoo.training.interrupt import Interrupted, Interruption, interruptible
from mmzoo.training.loop import fit

PHASES = (Phase("probe", 2, 1e-2, frozen=("encoder",)), Phase("all", 3, 5e-3))
PLANS = {
    "plain": PHASES,
    "averaged": (Phase("all", 5, 5e-3, ema=0.9),),
    "patient": (Phase("all", 5, 8.0, ema=0.5, patience=5),),
}

ALWAYS = (("plain", 1), ("averaged", 2), ("patient", 1), ("patient", 4))  # between phases, averages, best weights


class Watch(keras.callbacks.Callback):
    """Ask for the end in the middle of epoch `asked`, counted from 0, and keep the weights after each epoch."""

    def __init__(self, interruption, asked):
        super().__init__()
        self.interruption, self.asked, self.now, self.weights = interruption, asked, 0, []

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.asked and batch == 2:
            self.interruption.ask()

    def on_epoch_end(self, epoch, logs=None):
        before = self.model.get_weights()
        if epoch + 1 < 5:  # at the end of the plan they are averaged already
            self.model.optimizer.average(self.model.trainable_variables)
        self.weights.append(self.model.get_weights())
        self.model.set_weights(before)


@pytest.mark.parametrize(
    ("plan", "asked"),
    [
        pytest.param(plan, asked, marks=[] if (plan, asked) in ALWAYS else [pytest.mark.slow])
        for plan in PLANS
        for asked in (1, 2, 4)
    ],
)
def test_fit_interrupted_has_the_weights_of_a_complete_epoch(plan, asked, tmp_path, untraced):
    interruption = Interruption()
    watch = Watch(interruption, asked)
    experiment = Experiment(recipe(PLANS[plan]), CONFIG)
    model, history = fit(experiment, tmp_path / "one", "one", callbacks=[watch], interruption=interruption)
    assert interruption.where == {"model": "one", "epoch": asked, "of": 5}
    losses = history["val_loss"]
    assert len(losses) == asked
    kept = 1 + int(np.argmin(losses)) if plan == "patient" else asked
    assert history[KEPT_EPOCH] == kept
    for a, b in zip(model.get_weights(), watch.weights[kept - 1], strict=True):
        np.testing.assert_array_equal(a, b)
    whole, every = fit(experiment, tmp_path / "whole", "whole")
    resumed, again = fit(experiment, tmp_path / "one", "resumed")
    assert again == every
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_plan_with_early_stopping_keeps_an_earlier_epoch(tmp_path, untraced):
    _, history = fit(Experiment(recipe(PLANS["patient"]), CONFIG), tmp_path, "patient")
    assert history[KEPT_EPOCH] == 1 + int(np.argmin(history["val_loss"])) < len(history["val_loss"])


def test_fit_interrupted_in_the_first_epoch_raises(tmp_path, untraced):
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption.ask()
    interruption.trained = True  # by a model before this one
    with pytest.raises(Interrupted):
        fit(
            Experiment(recipe(PHASES), CONFIG),
            tmp_path,
            "first",
            callbacks=[Watch(interruption, 0)],
            interruption=interruption,
        )


def test_interruptible_second_signal_raises(capfd):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with interruptible() as interruption:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            assert not interruption.asked
            interruption.trained = True
            signal.raise_signal(signal.SIGINT)
            assert interruption.asked
            assert "press Ctrl-C again to stop at once" in capfd.readouterr().err
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_interruptible_in_another_thread_leaves_the_handler():
    handlers, before = [], signal.getsignal(signal.SIGINT)

    def look():
        with interruptible() as interruption:
            handlers.extend([signal.getsignal(signal.SIGINT), interruption.asked])

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert handlers == [before, False]
