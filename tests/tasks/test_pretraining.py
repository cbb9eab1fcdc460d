"""The errors of what is made of each modality, by what is present, against their definition."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from epochs import small_recipe
from on_device import randomize

from mmzoo import recipes
from mmzoo.commands.train import score_lines
from mmzoo.reports.readme import readme
from mmzoo.tasks.pretraining import reconstruction_scores, reconstructs

recipe = recipes.load("autoencoder_pretraining")
CONFIG = SimpleNamespace(modalities=("a", "b"))
WIDTH = 3  # numbers of `a`; those of `b` come behind them
RNG = np.random.default_rng(0)
Y = {name: RNG.normal(size=(n, 5)).astype("float32") for name, n in (("train", 40), ("validation", 11), ("test", 450))}


def dataset(split, config):
    return tf.data.Dataset.from_tensor_slices(({"a": Y[split]}, Y[split])).batch(10)


def build():
    """Return a model that tells `a` times what is present of `a`, and `b` plus what is present of `b`."""
    x, present = keras.Input((5,), name="a"), keras.Input((2,), name="present")
    made = [x[:, :WIDTH] * present[:, :1], x[:, WIDTH:] + present[:, 1:]]
    return keras.Model({"a": x, "present": present}, keras.layers.Concatenate()(made))


def parts(config):
    cuts = {"a": slice(0, WIDTH), "b": slice(WIDTH, 5)}
    return {name: (lambda y, cut=cut: y[:, cut], lambda told, cut=cut: 2 * told[:, cut]) for name, cut in cuts.items()}


def scores():
    made = small_recipe(reconstruction=parts, dataset=dataset)
    inputs = {"a": Y["test"], "present": np.ones((450, 2), "float32")}
    return reconstruction_scores(made, CONFIG, build(), inputs, Y["test"])


def test_errors_are_their_definition():
    found, y = scores()["reconstruction"], Y["test"]
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


def test_card_and_output_tell_them():
    card = {"recipe": "r", "parameters": 1, "labels": [], "outputs": []}
    card["scores"] = {"split": "test", "n": 450, "objective": {"loss": 1.0}, **scores()}
    errors = card["scores"]["reconstruction"]["b"]
    assert "| present | error of a | error of b |" in readme(card)
    assert f"| b | {errors['a']:.4f} | {errors['b']:.4f} |" in readme(card)
    assert any(line.split() == ["test", "b", *(f"{e:.4f}" for e in errors.values())] for line in score_lines(card))


def test_the_autoencoder_has_the_errors_of_its_objective():
    config = dataclasses.replace(recipe.tiny, modalities=("image", "audio"))
    model = recipe.build(config)
    randomize(model)
    inputs, y = next(iter(recipe.dataset("test", config)))
    inputs, y = {name: np.asarray(x)[:20] for name, x in inputs.items()}, np.asarray(y)[:20]
    assert reconstructs(recipe)
    answer = model(inputs)
    for metric, (target, made) in zip(
        recipe.objective(config)["metrics"], recipe.reconstruction(config).values(), strict=True
    ):
        told = np.square(np.asarray(made(answer)) - np.asarray(target(y))).mean(axis=1)
        np.testing.assert_allclose(metric(y, answer), told, rtol=1e-5)
