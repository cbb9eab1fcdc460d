"""The task pretraining: the objective of the test split, and errors of reconstruction against their definition."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from epochs import small_recipe
from on_device import randomize
from task_examples import cells, usage

from mmzoo import recipes
from mmzoo.artifacts.card import Baselines, Scores
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.tasks.pretraining import TASK, reconstruction_errors
from mmzoo.tasks.task import Examples

recipe = recipes.load("autoencoder_pretraining")
CONFIG = SimpleNamespace(modalities=("a", "b"), batch_size=100)
WIDTH = 3  # numbers of `a`; those of `b` come behind them
RNG = np.random.default_rng(0)
Y = {name: RNG.normal(size=(n, 5)).astype("float32") for name, n in (("train", 40), ("validation", 11), ("test", 450))}


def dataset(split, config, epoch):
    return tf.data.Dataset.from_tensor_slices(({"a": Y[split]}, Y[split])).batch(10)


def build():
    """Return a model that tells `a` times what is present of `a`, and `b` plus what is present of `b`."""
    x, present = keras.Input((5,), name="a"), keras.Input((2,), name="present")
    made = [x[:, :WIDTH] * present[:, :1], x[:, WIDTH:] + present[:, 1:]]
    return keras.Model({"a": x, "present": present}, keras.layers.Concatenate()(made))


def parts(config):
    cuts = {"a": slice(0, WIDTH), "b": slice(WIDTH, 5)}
    return {name: (lambda y, cut=cut: y[:, cut], lambda told, cut=cut: 2 * told[:, cut]) for name, cut in cuts.items()}


def squared(y, told):
    """Return the mean squared error of the numbers of each example."""
    return keras.ops.mean(keras.ops.square(y - told), axis=-1)


def examples(**more):
    made = {"reconstruction": parts, "dataset": dataset, "plan": lambda config: (Phase("all", 2, 1e-2),)}
    made["objective"] = lambda config: {"loss": squared, "metrics": [squared]}
    inputs = {"a": Y["test"], "present": np.ones((450, 2), "float32")}
    recipe = small_recipe(**{**made, **more})
    return Examples(inputs, Y["test"], (), Experiment(recipe, CONFIG), model=build())


def test_errors_are_their_definition():
    found, y = reconstruction_errors(examples()), Y["test"]
    a, b = y[:, :WIDTH], y[:, WIDTH:]
    expected = {"a+b": (a, b + 2), "a": (a, b), "b": (-a, b + 2), "none": (-a, b)}
    expected = {name: [np.square(off).mean() for off in both] for name, both in expected.items()}
    for split in ("train", "validation"):  # of training a single epoch
        off = y - Y[split].mean(axis=0)
        expected[f"mean of the {split.replace('train', 'training')} examples"] = [
            np.square(off[:, :WIDTH]).mean(),
            np.square(off[:, WIDTH:]).mean(),
        ]
    assert list(found) == list(expected)
    for name, errors in expected.items():
        assert list(found[name].values()) == pytest.approx(errors, rel=1e-5), name


def test_the_objective_is_that_of_whole_batches():
    found = TASK.score(None, examples())
    y = Y["test"][:400]  # four batches of training; a smaller one would be easier
    error = np.square(np.concatenate([y[:, :WIDTH] - y[:, :WIDTH], 0 * y[:, WIDTH:] + 1], axis=1)).mean()
    assert found.n == 400
    assert found.details["objective"] == pytest.approx({"loss": error, "squared": error}, rel=1e-5)
    assert found.details["reconstruction"] == reconstruction_errors(examples())
    assert found.subsets == found.artifacts == {}


def test_what_reconstructs_nothing_has_its_objective_alone():
    assert list(TASK.score(None, examples(reconstruction=None)).details) == ["objective"]


def test_a_file_has_no_objective():
    assert TASK.quick is TASK.compare is TASK.gain is None
    with pytest.raises(BadInputError, match=r"a pretraining recipe is scored by `mmzoo train` only"):
        TASK.score(None, dataclasses.replace(examples(), model=None))


def test_the_numbers_are_shown():
    found = TASK.score(None, examples())
    errors = found.details["reconstruction"]["b"]
    text = TASK.markdown(found, Baselines(), "")
    assert text.startswith("## Objective on the test split, 400 examples\n")
    assert cells(text, "loss") == ["loss", f"{found.details['objective']['loss']:.4f}"]
    assert "| modalities | error of a | error of b |" in text
    assert f"| b | {errors['a']:.4f} | {errors['b']:.4f} |" in text
    lines = TASK.summary(found, Baselines())
    assert lines[0] == f"test loss {found.details['objective']['loss']:.4f}"
    assert ["b", *(f"{error:.4f}" for error in errors.values())] in [line.split() for line in lines]
    assert TASK.headline(found) == TASK.table(found) == ""
    assert TASK.lines("model.onnx", None, {}) == []
    assert "mmzoo train RECIPE --init-from mine/model.keras" in usage(TASK, found)
    alone = Scores(n=400, details={"objective": {"loss": 0.5}})
    assert "error of" not in TASK.markdown(alone, Baselines(), "")
    assert TASK.summary(alone, Baselines()) == ["test loss 0.5000"]
    assert TASK.markdown(Scores(), Baselines(), "") == ""


def test_the_autoencoder_has_the_errors_of_its_objective():
    config = dataclasses.replace(recipe.tiny, modalities=("image", "audio"))
    model = recipe.build(config)
    randomize(model)
    inputs, y = next(iter(recipe.dataset("test", config)))
    inputs, y = {name: np.asarray(x)[:20] for name, x in inputs.items()}, np.asarray(y)[:20]
    answer = model(inputs)
    for metric, (target, made) in zip(
        recipe.objective(config)["metrics"], recipe.reconstruction(config).values(), strict=True
    ):
        told = np.square(np.asarray(made(answer)) - np.asarray(target(y))).mean(axis=1)
        np.testing.assert_allclose(metric(y, answer), told, rtol=1e-5)
