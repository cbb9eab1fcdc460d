"""Tests of the training loop: phases, checkpoints, optimizer, early stopping, input pipeline."""

import dataclasses

import keras
import numpy as np
import pytest
from numbers_recipe import CONFIG, recipe

from mmzoo.benchmark.input_pipeline import data_wait
from mmzoo.blocks.uncertainty import Uncertainty
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.training.checkpoint import Checkpoint
from mmzoo.training.loop import compile_phase, fit


class Stop(keras.callbacks.Callback):
    """Raise in the middle of an epoch, after some other epochs."""

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
def test_fit_resumed_run_ends_at_same_weights(epoch, tmp_path):
    whole, history = fit(Experiment(recipe(PHASES), CONFIG), tmp_path / "whole", "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(Experiment(recipe(PHASES), CONFIG), tmp_path / "stopped", "stopped", callbacks=[Stop(epoch)])
    assert Checkpoint(tmp_path / "stopped").epochs == epoch
    resumed, told = fit(Experiment(recipe(PHASES), CONFIG), tmp_path / "stopped", "resumed")
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    for name, values in history.items():
        assert told[name] == pytest.approx(values, rel=1e-5)
    assert len(told["loss"]) == 5


def test_fit_finished_run_is_not_trained_again(tmp_path):
    first, _ = fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "first")
    again, history = fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "again")
    assert len(history["loss"]) == 5
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_frozen_encoder_is_unchanged(tmp_path):
    phases = (Phase("probe", 2, 1e-2, frozen=("encoder",)),)
    keras.utils.set_random_seed(CONFIG.seed)
    fresh = recipe(phases).build(CONFIG)
    model, _ = fit(Experiment(recipe(phases), CONFIG), tmp_path, "probe")
    for a, b in zip(fresh.get_layer("encoder").get_weights(), model.get_layer("encoder").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(fresh.get_layer("head").kernel, model.get_layer("head").kernel)


def test_schedule_warms_up_then_decays():
    model = recipe(PHASES).build(CONFIG)
    objective = recipe(PHASES).objective(CONFIG)
    compile_phase(model, objective, Phase("train", 4, 1e-2), steps=25)
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in range(101)]
    assert max(rates) == pytest.approx(1e-2)
    assert rates.index(max(rates)) == 5
    assert rates[0] < 1e-3
    assert rates[100] == pytest.approx(0, abs=1e-6)


def test_fit_encoder_is_unfrozen_after_its_phase(tmp_path):
    model, _ = fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "all")
    assert len(model.trainable_variables) == 4
    fresh = recipe(PHASES).build(CONFIG)
    keras.utils.set_random_seed(CONFIG.seed)
    fresh = recipe(PHASES).build(CONFIG)
    moved = zip(fresh.get_layer("encoder").get_weights(), model.get_layer("encoder").get_weights(), strict=True)
    assert all(np.abs(a - b).max() > 1e-3 for a, b in moved)


def test_part_of_unknown_part_raises(tmp_path):
    phases = (Phase("probe", 1, 1e-2, frozen=("encoder/dense_99",)),)
    with pytest.raises(BadInputError, match=r"phase: expected a part of encoder: .* Received: encoder/dense_99"):
        fit(Experiment(recipe(phases), CONFIG), tmp_path, "probe")


def one_step(phase):
    """Return the first update of each variable in `phase`: kernel and bias of encoder and head."""
    keras.utils.set_random_seed(CONFIG.seed)
    model = recipe((phase,)).build(CONFIG)
    compile_phase(model, recipe((phase,)).objective(CONFIG), phase, steps=1)
    before = [np.array(v) for v in model.trainable_variables]
    model.train_on_batch(*next(iter(recipe((phase,)).dataset("train", CONFIG))))
    return [np.array(v) - old for v, old in zip(model.trainable_variables, before, strict=True)]


def test_rated_adamw_multipliers_scale_encoder_updates():
    whole = one_step(Phase("all", 1, 1e-2))
    tenth = one_step(Phase("all", 1, 1e-2, rates=(("encoder", 0.1),)))
    for factor, slow, fast in zip((0.1, 0.1, 1.0, 1.0), tenth, whole, strict=True):
        np.testing.assert_allclose(slow, factor * fast, atol=2e-6)


def test_fit_learned_uncertainty_has_no_weight_decay():
    """Check for no weight decay, which would move a learned uncertainty towards 0 without a gradient."""
    x = keras.Input((4,), name="x")
    y = Uncertainty(2, name="uncertainty")(keras.layers.Dense(3, name="head")(x))
    model = keras.Model({"x": x}, y)
    model.get_layer("uncertainty").log_variances.assign([[1.5, -2.0]])
    compile_phase(model, {"loss": lambda y_true, y_pred: 0.0 * y_pred[:, 0]}, Phase("all", 1, 1e-2), steps=1)
    before = np.array(model.get_layer("head").kernel)
    model.train_on_batch({"x": np.ones((8, 4), "float32")}, np.zeros(8, "float32"))
    assert np.abs(np.array(model.get_layer("head").kernel) - before).max() > 0
    np.testing.assert_array_equal(model.get_layer("uncertainty").log_variances, [[1.5, -2.0]])


def test_fit_clips_global_gradient_norm():
    """Check the moments of Adam: the updates are independent of the gradient norm, but the moments are not."""
    phase = Phase("all", 1, 1e-2, clip_norm=1e-3)
    model = recipe((phase,)).build(CONFIG)
    compile_phase(model, recipe((phase,)).objective(CONFIG), phase, steps=1)
    model.train_on_batch(*next(iter(recipe((phase,)).dataset("train", CONFIG))))
    momentums = [np.array(v) for v in model.optimizer.variables if "momentum" in v.path]
    norm = np.sqrt(sum((m / 0.1) ** 2 for m in momentums for m in m.ravel()))
    assert norm == pytest.approx(1e-3, rel=1e-3)


def test_average_phase_ends_with_averaged_weights(tmp_path, monkeypatch):
    steps = []

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append([np.array(w) for w in self.model.trainable_variables])

    phase = Phase("all", 2, 1e-2, ema=0.7)
    model, _ = fit(Experiment(recipe((phase,)), CONFIG), tmp_path, "all", callbacks=[Keep()])
    average = steps[0]
    for step in steps[1:10]:
        average = [0.7 * a + 0.3 * w for a, w in zip(average, step, strict=True)]
    for expected, answer in zip(average, model.trainable_variables, strict=True):
        np.testing.assert_allclose(np.array(answer), expected, atol=1e-5)
    kept = recipe((phase,)).build(CONFIG)
    Checkpoint(tmp_path).restore(kept)
    for expected, answer in zip(model.get_weights(), kept.get_weights(), strict=True):
        np.testing.assert_array_equal(answer, expected)


def test_patience_with_averaging_selects_best_average(tmp_path, monkeypatch):
    """Check that the weights are the average after the best of three epochs; each loss belongs to an average."""

    steps, losses = [], [3, 1, 2]

    class Keep(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append([np.array(w) for w in self.model.trainable_variables])

    given = recipe((Phase("all", 3, 1e-2, ema=0.7, patience=3),))
    _, history = fit(Experiment(given, CONFIG), tmp_path / "told", "told", callbacks=[Keep()])
    averages = [steps[0]]
    for step in steps[1:]:
        averages.append([0.7 * a + 0.3 * w for a, w in zip(averages[-1], step, strict=True)])
    model = given.build(CONFIG)
    model.compile(loss="sparse_categorical_crossentropy")
    for epoch, told in enumerate(history["val_loss"]):
        model.set_weights(averages[5 * epoch + 4])
        validated = model.evaluate(given.dataset("validation", CONFIG), verbose=0)
        assert told == pytest.approx(validated, rel=1e-4)
    losing(losses, monkeypatch)
    chosen, _ = fit(Experiment(given, CONFIG), tmp_path / "chosen", "chosen")
    for expected, answer in zip(averages[9], chosen.get_weights(), strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-5)


def losing(losses, monkeypatch):
    """Replace the validation losses of the epochs by `losses`."""
    from mmzoo.training import loop as module

    class Say(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["val_loss"] = losses[epoch]

    whole = module._callbacks
    monkeypatch.setattr(module, "_callbacks", lambda *given: [Say(), *whole(*given)])


@pytest.mark.parametrize(
    ("losses", "patience", "trained"), [([3, 1, 2, 2, 0], 2, 4), ([3, 1, 2, 0, 1], 2, 5), ([5, 4, 3, 2, 1], 1, 5)]
)
def test_patience_phase_ends_with_best_weights(losses, patience, trained, tmp_path, monkeypatch):
    losing([*losses, 9], monkeypatch)
    best = losses.index(min(losses[:trained]))
    one, _ = fit(
        Experiment(recipe((Phase("all", 5, 1e-2, patience=patience), Phase("more", 1, 1e-9))), CONFIG),
        tmp_path / "a",
        "a",
    )
    monkeypatch.undo()
    phases = (Phase("all", 5, 1e-2),)
    kept = {}

    class Keep(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept[epoch] = self.model.get_weights()

    fit(Experiment(recipe(phases), CONFIG), tmp_path / "b", "b", callbacks=[Keep()])
    for a, b in zip(one.get_weights(), kept[best], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    checkpoint = Checkpoint(tmp_path / "a")
    assert checkpoint.epochs == 6
    assert len(checkpoint.history["val_loss"]) == trained + 1
    assert not (tmp_path / "a" / "best.weights.h5").exists()


def test_patience_monitors_metric_of_its_phase(tmp_path, monkeypatch):
    """Monitor accuracy: best in the third epoch and equal later at a higher loss; the loss is lowest in the first."""
    from mmzoo.training import loop as module

    told = {"val_loss": [1, 2, 3, 4, 5, 6], "val_accuracy": [0.2, 0.4, 0.6, 0.6, 0.5, 0.9]}
    kept = {}

    class Say(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs.update({name: series[epoch] for name, series in told.items()})
            kept[epoch] = self.model.get_weights()

    whole = module._callbacks
    monkeypatch.setattr(module, "_callbacks", lambda *given: [Say(), *whole(*given)])
    phase = Phase("all", 6, 1e-2, patience=2, monitor="val_accuracy")
    model, history = fit(Experiment(recipe((phase,)), CONFIG), tmp_path, "all")
    assert history["val_accuracy"] == told["val_accuracy"][:5]
    for a, b in zip(model.get_weights(), kept[2], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("scores", "losses", "monitor", "best"),
    [
        ([0.5, 0.7, 0.7], [1.0, 2.0, 1.5], "val_accuracy", 2),
        ([3.0, 2.0, 2.5], [1.0, 2.0, 1.5], "val_mae", 1),
        ([0.5, 0.7, 0.7], [1.0, 2.0, 1.5], "val_loss", 0),
    ],
)
def test_best_epoch_depends_on_monitor(scores, losses, monitor, best):
    from mmzoo.training.checkpoint import best_epoch

    assert best_epoch({monitor: scores, "val_loss": losses}, monitor) == best


def test_fit_class_weights_apply_to_loss(tmp_path):
    """Check that a class with weight 0 is not learned: the model predicts the other class."""
    phases = (Phase("all", 4, 1e-1, class_weight=(1.0, 0.0)),)
    model, _ = fit(Experiment(recipe(phases), CONFIG), tmp_path, "all")
    x, _ = next(iter(recipe(phases).dataset("test", CONFIG)))
    assert (np.asarray(model(x)).argmax(axis=1) == 0).all()


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_fit_mixed_precision_returns_float32(precision, tmp_path, monkeypatch):
    from mmzoo.training import loop as module

    monkeypatch.setattr(module, "has_accelerator", lambda: True)  # dense layers are right in float16 anywhere
    phases, seen = (Phase("all", 3, 1e-2),), []
    given = recipe(phases)

    def build(config):
        model = recipe(phases).build(config)
        seen.append(model.get_layer("encoder").output.dtype)
        return model

    given = dataclasses.replace(given, build=build)
    model, history = fit(Experiment(given, CONFIG), tmp_path, "all", precision)
    assert seen == [precision.removeprefix("mixed_"), "float32"]
    assert history["loss"][-1] < history["loss"][0]
    assert keras.config.dtype_policy().name == "float32"
    whole, _ = fit(Experiment(recipe(phases), CONFIG), tmp_path / "float32", "all")
    for a, b in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=0.05)


def test_check_precision_unknown_raises(tmp_path):
    with pytest.raises(BadInputError, match=r"`precision` must be one of float32, .* got float8"):
        fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "all", "float8")


def test_check_precision_float16_without_accelerator_raises(tmp_path, monkeypatch):
    from mmzoo.training import loop as module

    monkeypatch.setattr(module, "has_accelerator", lambda: False)
    said = r"`precision` must be float32 or mixed_bfloat16 .* got mixed_float16"
    with pytest.raises(BadInputError, match=said):
        fit(Experiment(recipe(PHASES), CONFIG), tmp_path / "all", "all", "mixed_float16")
    assert not (tmp_path / "all").exists()


def test_restore_weights_of_another_model_raises(tmp_path):
    fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "first")
    x = keras.Input((9,))
    with pytest.raises(BadInputError, match=r"`resume`: .*5.weights.h5 does not hold weights of this model"):
        Checkpoint(tmp_path).restore(keras.Model(x, keras.layers.Dense(1)(x)))


def test_checkpoint_keeps_only_the_last(tmp_path):
    fit(Experiment(recipe(PHASES), CONFIG), tmp_path, "first")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5.weights.h5", "state.json"]


def test_data_wait_slow_pipeline_is_detected():
    import time

    import tensorflow as tf

    def build(config):
        """Return a model whose step takes longer than the delays of a busy machine."""
        x = keras.Input((4,), name="x")
        wide = keras.layers.Dense(1200)(keras.layers.Dense(1200)(x))
        return keras.Model({"x": x}, keras.layers.Dense(2, activation="softmax")(wide))

    fast = dataclasses.replace(recipe((Phase("train", 100, 1e-2),)), build=build)

    def slow(split, config, epoch=0):
        wait = lambda x: tf.numpy_function(lambda v: time.sleep(0.06) or v, [x], tf.float32)  # noqa: E731
        return fast.dataset(split, config, epoch).map(lambda x, y: ({"x": tf.ensure_shape(wait(x["x"]), (8, 4))}, y))

    waiting = dataclasses.replace(fast, dataset=slow)
    assert data_wait(Experiment(waiting, CONFIG), steps=20)["share"] > 0.5
    measured = data_wait(Experiment(fast, CONFIG), steps=40)
    assert measured["steps"] == 40
    assert 0 <= measured["share"] < 0.5


def test_fit_large_validation_batches_are_not_cached(monkeypatch):
    import tensorflow as tf

    from mmzoo.training import loop as module

    made = []
    batches = tf.data.Dataset.range(3).map(
        lambda i: (tf.numpy_function(lambda k: made.append(k) or k, [i], tf.int64), i)
    )
    kept = module._kept(batches)
    made.clear()
    for _ in range(2):
        assert [int(i) for _, i in kept] == [0, 1, 2]
    assert len(made) == 3
    monkeypatch.setattr(module, "KEPT", 3 * 16 - 1)
    large = module._kept(batches)
    made.clear()
    for _ in range(2):
        list(large)
    assert len(made) == 6
