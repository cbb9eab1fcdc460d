"""Phases, checkpoints, and what a training step waits for."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from mmzoo import BadInputError
from mmzoo.plan import Phase
from mmzoo.run.checkpoint import Checkpoint
from mmzoo.run.data_wait import data_wait
from mmzoo.run.fit import compile_phase, fit

CONFIG = SimpleNamespace(seed=3)


def recipe(phases, stop_after=None):
    """Return a recipe on numbers: an encoder and a head, batches that depend on the epoch."""
    import tensorflow as tf

    total = sum(phase.epochs for phase in phases)

    def build(config):
        x = keras.Input((4,), name="x")
        inner = keras.Input((4,))
        encoder = keras.Model(inner, keras.layers.Dense(3, activation="relu")(inner), name="encoder")
        return keras.Model({"x": x}, keras.layers.Dense(2, activation="softmax", name="head")(encoder(x)))

    def dataset(split, config, first_epoch=0):
        def batch(step):
            x = tf.random.stateless_normal((8, 4), tf.stack([7, tf.cast(step, tf.int32)]))
            return {"x": x}, tf.cast(x[:, 0] > 0, tf.int32)

        first, last = (first_epoch * 5, total * 5) if split == "train" else (1000, 1002)
        return tf.data.Dataset.range(first, last).map(batch)

    return SimpleNamespace(
        build=build,
        dataset=dataset,
        objective=lambda config: {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
        plan=lambda config: phases,
    )


class Stop(keras.callbacks.Callback):
    """Dies in the middle of an epoch, after some others."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.now = epoch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == 2:
            raise KeyboardInterrupt


PHASES = (Phase("probe", 2, 1e-2, frozen=("encoder",)), Phase("all", 3, 5e-3))


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
def test_a_stopped_run_ends_at_the_same_weights(epoch, tmp_path, monkeypatch):
    whole, history = fit(recipe(PHASES), CONFIG, tmp_path / "whole", "whole")
    from mmzoo.run import fit as module

    stop = Stop(epoch)
    progress = module.Progress
    monkeypatch.setattr(module, "Progress", lambda title, steps: stop)
    with pytest.raises(KeyboardInterrupt):
        fit(recipe(PHASES), CONFIG, tmp_path / "stopped", "stopped")
    monkeypatch.setattr(module, "Progress", progress)
    assert Checkpoint(tmp_path / "stopped").epochs == epoch
    resumed, told = fit(recipe(PHASES), CONFIG, tmp_path / "stopped", "resumed")
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for name, values in history.items():
        assert told[name] == pytest.approx(values, rel=1e-5)
    assert len(told["loss"]) == 5


def test_a_finished_run_is_not_trained_again(tmp_path):
    first, _ = fit(recipe(PHASES), CONFIG, tmp_path, "first")
    again, history = fit(recipe(PHASES), CONFIG, tmp_path, "again")
    assert len(history["loss"]) == 5
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_frozen_encoder_stays(tmp_path):
    phases = (Phase("probe", 2, 1e-2, frozen=("encoder",)),)
    keras.utils.set_random_seed(CONFIG.seed)
    fresh = recipe(phases).build(CONFIG)
    model, _ = fit(recipe(phases), CONFIG, tmp_path, "probe")
    for a, b in zip(fresh.get_layer("encoder").get_weights(), model.get_layer("encoder").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(fresh.get_layer("head").kernel, model.get_layer("head").kernel)


def test_the_rate_rises_then_falls():
    model = recipe(PHASES).build(CONFIG)
    objective = recipe(PHASES).objective(CONFIG)
    compile_phase(model, objective, Phase("train", 4, 1e-2), steps=25)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in range(101)]
    assert max(rates) == pytest.approx(1e-2)
    assert rates.index(max(rates)) == 5
    assert rates[0] < 1e-3
    assert rates[100] == pytest.approx(0, abs=1e-6)


def test_weights_of_another_model_are_refused(tmp_path):
    fit(recipe(PHASES), CONFIG, tmp_path, "first")
    x = keras.Input((9,))
    with pytest.raises(BadInputError, match=r"--resume: .*5.weights.h5: expected weights of this model"):
        Checkpoint(tmp_path).restore(keras.Model(x, keras.layers.Dense(1)(x)))


def test_one_checkpoint_is_kept(tmp_path):
    fit(recipe(PHASES), CONFIG, tmp_path, "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5.weights.h5", "state.json"]


def test_a_slow_pipeline_is_seen():
    import time

    import tensorflow as tf

    fast = recipe((Phase("train", 100, 1e-2),))

    def slow(split, config, first_epoch=0):
        wait = lambda x: tf.numpy_function(lambda v: time.sleep(0.02) or v, [x], tf.float32)  # noqa: E731
        return fast.dataset(split, config).map(lambda x, y: ({"x": tf.ensure_shape(wait(x["x"]), (8, 4))}, y))

    waiting = SimpleNamespace(**{**vars(fast), "dataset": slow})
    assert data_wait(waiting, CONFIG, steps=20)["share"] > 0.5
    measured = data_wait(fast, CONFIG, steps=40)
    assert measured["steps"] == 40
    assert 0 <= measured["share"] < 0.5
