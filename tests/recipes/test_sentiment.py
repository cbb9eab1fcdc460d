"""The recipe `sentiment`: what its flags can be, what its modalities and its context are worth."""

import dataclasses

import keras
import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.data.arrays import test_arrays as arrays_of  # not a test
from mmzoo.data.batches import utterances
from mmzoo.data.sources import synthetic_reviews
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import sentiment
from mmzoo.training import loop as fit_module
from mmzoo.training.loop import fit

TINY = sentiment.TINY
DEFAULT = sentiment.Config()
RECIPE = recipes.load("sentiment")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"context": 4}, "`context` must be an odd number from 1 to 63, got 4"),
        ({"context": 65}, "`context` must be"),
        ({"context": -1}, "`context` must be"),
        ({"dropout": 1.0}, "`dropout` must be a number from 0 to below 1, got 1.0"),
        ({"dropout": float("nan")}, "`dropout` must be"),
        (
            {"modalities": ("audio", "text")},
            "`modalities` must be any of text, audio, video, transcript in this order",
        ),
        ({"modalities": ()}, "`modalities` must be"),
        ({"source": "mnist_fsdd"}, "`source` must be one of sample, mosi, got mnist_fsdd"),
        ({"fusion": "guess"}, "`fusion` must be one of attention"),
        ({"modality_dropout": 2}, "`modality_dropout` must be a number from 0 to 1"),
        ({"epochs": 0}, "`epochs` must be a number above 0"),
        ({"seed": -1}, "`seed` must be"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        sentiment.Config(**flags)


def test_mosi_without_its_file_says_where_it_comes_from(tmp_path):
    config = dataclasses.replace(TINY, source="mosi", data_dir=str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="`data_dir`: no such folder"):
        sentiment.dataset("test", config)


def test_validation_videos_join_the_training_ones():
    """None of them is taken for the continuation of another."""
    from mmzoo.data.batches.utterances import join, windows

    train, more = (sentiment._load(split, TINY) for split in ("train", "validation"))
    both = join(train, more)
    np.testing.assert_array_equal(both.labels, np.concatenate([train.labels, more.labels]))
    np.testing.assert_array_equal(both.features["text"][-1], more.features["text"][-1])
    parts = [windows(train.videos, 5), windows(more.videos, 5) + len(train.labels)]
    np.testing.assert_array_equal(windows(both.videos, 5), np.concatenate(parts))
    joined = dataclasses.replace(TINY, join_validation=True)
    seen = [np.concatenate([y for _, y in sentiment.dataset("train", config)]) for config in (TINY, joined)]
    assert seen[0][: len(seen[1])].tolist() != seen[1].tolist()
    told = [len(sentiment.dataset("validation", config)) for config in (TINY, joined)]
    assert told[0] == told[1]


@pytest.mark.parametrize("context", [1, 63])
def test_the_narrowest_and_the_widest_window(context):
    config = dataclasses.replace(TINY, context=context)
    inputs, _ = next(iter(sentiment.dataset("validation", config)))
    assert inputs["audio"].shape[1:] == (context, 73)
    assert np.isfinite(sentiment.build(config)(inputs)).all()


def test_the_figures_of_the_front_ends_are_those_of_the_training_data():
    model = sentiment.build(TINY)
    rows = synthetic_reviews.sample("train", TINY.seed).features
    for name, x in rows.items():
        made = np.asarray(model.get_layer(f"{name}_encoder").get_layer("front_end")(x))
        np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-3)
        np.testing.assert_allclose(made.std(axis=0), 1, atol=1e-3)


def accuracy(config, folder):
    model, _ = fit(Experiment(RECIPE, config), folder, folder.name)
    inputs, labels = arrays_of(Experiment(RECIPE, config))
    return np.mean(np.argmax(model.predict(inputs, verbose=0), axis=1) == labels)


def test_chance_is_below_one_modality_and_the_neighbors_and_the_others_help(tmp_path):
    """Text is the best of the three alone; without neighbors all together stay below what they reach with them."""
    text = accuracy(dataclasses.replace(DEFAULT, modalities=("text",)), tmp_path / "text")
    middle = accuracy(dataclasses.replace(DEFAULT, context=1), tmp_path / "middle")
    whole = accuracy(DEFAULT, tmp_path / "whole")
    assert text > 0.65
    assert text + 0.04 < whole
    assert middle + 0.03 < whole


@pytest.mark.usefixtures("untraced")
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(tmp_path, monkeypatch):
    monkeypatch.setattr(utterances, "SMALLEST_EPOCH", 1)
    config = dataclasses.replace(TINY, batch_size=256)
    whole, _ = fit(Experiment(RECIPE, config), tmp_path / "whole", "uninterrupted")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    given_callbacks = fit_module._callbacks
    with monkeypatch.context() as patched:
        patched.setattr(fit_module, "_callbacks", lambda *given: [*given_callbacks(*given), Stop()])
        with pytest.raises(KeyboardInterrupt):
            fit(Experiment(RECIPE, config), tmp_path / "stopped", "stopped")
    resumed, _ = fit(Experiment(RECIPE, config), tmp_path / "stopped", "resumed")
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
