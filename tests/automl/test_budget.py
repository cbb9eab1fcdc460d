"""Tests of `--budget` and `--size`: accepted values, epochs and widths."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from mmzoo.automl.budget import GRAPH, bytes_of, fit_epochs, fit_sizes, seconds_of
from mmzoo.automl.table_recipe import TableConfig, TableRecipe
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.source import Source
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.export.convert import save_model, to_tflite
from mmzoo.recipe import Phase
from mmzoo.tflite import flatbuffer


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
        def __init__(self, width=1.0, embed_dim=64, epochs=100, modalities=("a", "b")):
            super().__init__(width=width, embed_dim=embed_dim, epochs=epochs, modalities=modalities)

    def build(config):
        x = keras.Input((99,))
        return keras.Model(x, keras.layers.Dense(max(1, int(10 * config.width * config.embed_dim / 64)))(x))

    def dataset(split, config, epoch=0):
        return tf.data.Dataset.from_tensors((np.zeros((4, 99)), np.zeros((4, 10)))).repeat(steps)

    return SimpleNamespace(
        Config=Config,
        build=build,
        dataset=dataset,
        objective=lambda config: {"loss": "mse"},
        plan=lambda config: (Phase("train", config.epochs, 1e-3),),
        first_stage=None,
    )


@pytest.mark.parametrize(
    ("most", "width", "embed_dim"),
    [(4000, 1.0, 64), (3999, 0.75, 64), (2100, 0.5, 64), (1999, 0.5, 32), (400, 0.35, 32)],
)
def test_fit_sizes_returns_largest_that_fits(most, width, embed_dim):
    assert fit_sizes(recipe(), f"{GRAPH + most}B") == {"width": width, "embed_dim": embed_dim}


def test_image_text_and_numbers_fit_300_kilobytes(tmp_path):
    features = tuple(Number(f"n{i}", 0.0, 1.0) for i in range(5))
    inputs = (("image", ("photo",)), ("text", ("note",)), ("tabular", features))
    source = Source("t.csv", "kind", "class", ("a", "b", "c"), "", inputs)
    config = TableConfig(modalities=("image", "text", "tabular"), image_size=96, text_bytes=448)
    table = TableRecipe(source=source, config=config)
    module = SimpleNamespace(Config=lambda **sizes: dataclasses.replace(config, **sizes), build=table.build)
    sizes = fit_sizes(module, "300KB")
    assert sizes["width"] > 0.1  # room is left for a useful model
    save_model(tmp_path / "saved", table.build(module.Config(**sizes)), batch=1)
    flatbuffer.write(to_tflite(str(tmp_path / "saved"), "float32"), tmp_path / "m.tflite")
    assert (tmp_path / "m.tflite").stat().st_size <= 300_000


def test_fit_sizes_too_small_size_raises():
    with pytest.raises(BadInputError, match=r"`size` must be at least 40KB for these inputs, got 10KB"):
        fit_sizes(recipe(), "10KB")


def test_fit_epochs_budget_limits_epochs(monkeypatch):
    from dataclasses import dataclass

    module = recipe()

    @dataclass
    class Config:
        epochs: int = 100
        modalities: tuple = ("a", "b")
        width: float = 1.0
        embed_dim: int = 64

    ticks = iter([0.0, 4.0] * 9)  # 8 steps of half a second: an epoch takes 4
    monkeypatch.setattr("mmzoo.automl.budget.time.monotonic", lambda: next(ticks))
    assert fit_epochs(Experiment(module, Config()), "10m") == 0.6 * 600 / (2 * 4)
    assert fit_epochs(Experiment(module, Config(modalities=("a",))), "10m") == 0.6 * 600 / 4
    assert fit_epochs(Experiment(module, Config()), "10m", folds=4) == 0.6 * 600 / (5 * 2 * 4)
    assert fit_epochs(Experiment(module, Config()), "10m", tune=9) == int(0.6 * 600 / 2 / (2 * 4))
    assert fit_epochs(Experiment(module, Config()), "1s") == 1
    assert fit_epochs(Experiment(module, Config(epochs=5)), "10m") == 5
