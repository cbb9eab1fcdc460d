"""The linear model that ships: what scikit-learn fits is what the graph computes."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from mmzoo.automl import linear_member
from mmzoo.automl.choice import _raw
from mmzoo.automl.linear_member import linear_model
from mmzoo.automl.table_recipe import KINDS, TableConfig, TableRecipe
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.rows import Rows
from mmzoo.data.tables.source import Source

MODALITIES = ("image", "text", "tabular")
CLASSES = {"class": ("blue", "green", "red"), "number": (), "labels": ("dark", "red")}
COUNT = 240


def recipe_of(kind):
    inputs = (("image", ("photo",)), ("text", ("note",)), ("tabular", (Number("size", 5.0, 2.0),)))
    source = Source("t.csv", "kind", kind, CLASSES[kind], ";" if kind == "labels" else "", inputs)
    config = TableConfig(modalities=MODALITIES, image_size=16)
    learned = {"number": {"mean": 10.0, "deviation": 4.0}, "labels": {"prior": (0.5, 0.3)}, "class": {}}
    return TableRecipe(source=source, config=config, **learned[kind])


def table_of(kind):
    """Return rows whose color is the class; a tenth has no picture, and then a size that says it."""
    rng = np.random.default_rng(0)
    color = rng.integers(0, 3, COUNT)
    image = rng.integers(0, 120, (COUNT, 16, 16, 3)).astype("uint8")
    image[np.arange(COUNT), ..., 2 - color] += 100
    there = rng.random(COUNT) > 0.1
    image[~there] = 0
    size = np.where(there, 5.0, 5 + 3 * (color - 1)) + rng.normal(0, 0.2, COUNT)
    arrays = {
        "image": image,
        "text": rng.integers(1, 200, (COUNT, 32)).astype("uint16"),
        "tabular": np.stack([size, np.zeros(COUNT)], axis=1).astype("float32"),
    }
    labels = {
        "class": color,
        "number": 10.0 + 4 * (color - 1),
        "labels": np.stack([color == 0, color == 2], axis=1).astype("float32"),
    }[kind]
    present = np.stack([there, np.ones(COUNT, bool), np.ones(COUNT, bool)], axis=1)
    rows = Rows(arrays=arrays, present=present, bad={}, numbers=list(range(1, COUNT + 1)), empty=None)
    index = np.arange(COUNT)
    train, rest = index[:160], index[160:]
    split = lambda rows_of: SimpleNamespace(rows=rows, index=rows_of, labels=labels[rows_of])  # noqa: E731
    return split(train), split(rest)


@pytest.mark.parametrize("kind", KINDS)
def test_linear_model_learns_from_pictures_and_numbers(kind):
    recipe = recipe_of(kind)
    train, rest = table_of(kind)
    from mmzoo.data.tables.batches import as_inputs

    inputs = as_inputs(rest.rows, rest.index, MODALITIES)
    model = linear_model(recipe, MODALITIES, train, (inputs, rest.labels))
    answers = recipe.kind.answers(recipe, _raw(recipe, model, inputs))
    if kind == "class":
        assert np.mean(answers.argmax(axis=1) == rest.labels) > 0.97
    elif kind == "number":
        assert np.abs(answers[:, 0] - rest.labels).mean() < 0.4 * np.abs(rest.labels - 10).mean()
    else:
        assert np.mean((answers > 0.5) == rest.labels) > 0.97
    # the picture is not looked at where it is missing
    black = {
        **inputs,
        "image": np.where(inputs["present"][:, :1, None, None] > 0, inputs["image"], 255).astype("uint8"),
    }
    np.testing.assert_allclose(_raw(recipe, model, black), _raw(recipe, model, inputs), atol=1e-6)


def test_linear_model_is_the_one_of_scikit_learn(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    from mmzoo.data.tables.batches import as_inputs

    monkeypatch.setattr(linear_member, "STRENGTHS", (0.1,))
    recipe = recipe_of("class")
    train, rest = table_of("class")
    inputs = as_inputs(rest.rows, rest.index, ("tabular",))
    model = linear_model(recipe, ("tabular",), train, (inputs, rest.labels))
    known = (train.rows.arrays["tabular"] - [5.0, 0.0]) / [2.0, 1.0]
    fitted = LogisticRegression(C=0.1).fit(known[train.index], train.labels)
    np.testing.assert_allclose(_raw(recipe, model, inputs), fitted.predict_proba(known[rest.index]), atol=5e-3)


def test_a_class_without_training_rows_is_not_predicted():
    recipe = recipe_of("class")
    train, rest = table_of("class")
    kept = train.labels != 1
    train = SimpleNamespace(rows=train.rows, index=train.index[kept], labels=train.labels[kept])
    from mmzoo.data.tables.batches import as_inputs

    inputs = as_inputs(rest.rows, rest.index, MODALITIES)
    model = linear_model(recipe, MODALITIES, train, (inputs, rest.labels))
    assert _raw(recipe, model, inputs)[:, 1].max() < 1e-3


def test_texts_alone_have_no_linear_model():
    recipe = recipe_of("class")
    train, rest = table_of("class")
    recipe = dataclasses.replace(recipe, config=dataclasses.replace(recipe.config, modalities=("text",)))
    assert linear_model(recipe, ("text",), train, ({}, rest.labels)) is None
