"""Tests of `--budget` and `--size`: accepted values, epochs and widths."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.automl.budget import GRAPH, bytes_of, fit_epochs, fit_width, seconds_of
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("2 M", 120), ("10", 0), ("m", 0), ("0s", 0)]
)
def test_seconds_of_durations(text, seconds):
    if seconds:
        assert seconds_of(text) == seconds
    else:
        with pytest.raises(BadInputError, match=r"`budget` must be a time such as 90s, 10m or 1h, got "):
            seconds_of(text)


def test_bytes_of_sizes():
    assert (bytes_of("500KB"), bytes_of("2mb"), bytes_of("800 B")) == (500_000, 2_000_000, 800)
    with pytest.raises(BadInputError, match="`size` must be a size such as 500KB or 2MB"):
        bytes_of("5k")


def recipe(steps=8):
    """Return a recipe with 1,000 parameters at width 1 and an epoch of several steps."""

    class Config(SimpleNamespace):
        def __init__(self, width=1.0, epochs=100, modalities=("a", "b")):
            super().__init__(width=width, epochs=epochs, modalities=modalities)

    def build(config):
        x = keras.Input((99,))
        return keras.Model(x, keras.layers.Dense(int(10 * config.width))(x))

    def dataset(split, config, epoch=0):
        return tf.data.Dataset.from_tensors((np.zeros((4, 99)), np.zeros((4, 10)))).repeat(steps)

    return SimpleNamespace(
        Config=Config,
        build=build,
        dataset=dataset,
        objective=lambda config: {"loss": "mse"},
        plan=lambda config: (Phase("train", config.epochs, 1e-3),),
    )


@pytest.mark.parametrize(("most", "width"), [(4000, 1.0), (3999, 0.75), (2100, 0.5), (400, 0.15)])
def test_fit_width_returns_largest_that_fits(most, width):
    assert fit_width(recipe(), f"{GRAPH + most}B") == width


def test_fit_width_too_small_size_raises():
    with pytest.raises(BadInputError, match=r"`size` must be at least 40KB for these inputs, got 10KB"):
        fit_width(recipe(), "10KB")


def test_fit_epochs_budget_limits_epochs(monkeypatch):
    from dataclasses import dataclass

    module = recipe()

    @dataclass
    class Config:
        epochs: int = 100
        modalities: tuple = ("a", "b")
        width: float = 1.0

    ticks = iter([0.0, 4.0] * 9)  # 8 steps of half a second: an epoch takes 4
    monkeypatch.setattr("mmzoo.automl.budget.time.monotonic", lambda: next(ticks))
    assert fit_epochs(Experiment(module, Config()), "10m") == 0.6 * 600 / (2 * 4)
    assert fit_epochs(Experiment(module, Config(modalities=("a",))), "10m") == 0.6 * 600 / 4
    assert fit_epochs(Experiment(module, Config()), "10m", folds=4) == 0.6 * 600 / (5 * 2 * 4)
    assert fit_epochs(Experiment(module, Config()), "10m", tune=9) == int(0.6 * 600 / 2 / (2 * 4))
    assert fit_epochs(Experiment(module, Config()), "1s") == 1
    assert fit_epochs(Experiment(module, Config(epochs=5)), "10m") == 5
