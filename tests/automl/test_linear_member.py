"""The linear model that ships: what scikit-learn fits is what the graph computes."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from scipy.special import softmax

from mmzoo.automl import linear_fit, linear_member
from mmzoo.automl.choice import _raw
from mmzoo.automl.linear_fit import products
from mmzoo.automl.linear_member import linear_model, logarithm
from mmzoo.automl.table_recipe import KINDS, TableConfig, TableRecipe
from mmzoo.automl.transfer import features
from mmzoo.data.presence import select_inputs
from mmzoo.data.tables.batches import Examples, as_inputs
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.rows import Rows
from mmzoo.data.tables.source import Source
from mmzoo.data.tables.text_counts import read_counts, write_counts

MODALITIES = ("image", "text", "tabular")
CLASSES = {"class": ("blue", "green", "red"), "number": (), "labels": ("dark", "red")}
COUNT = 240
MANY = 800


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


@pytest.mark.parametrize(
    ("target", "scale"),
    [(lambda size, noise: np.exp(size + 0.3 * noise), "log"), (lambda size, noise: size + 0.6 * np.exp(noise), "")],
)
def test_a_logarithm_is_learned_where_it_is_better(target, scale, caplog):
    """A product of factors is; a sum with a skewed error is not, though it is tried, too."""
    rng = np.random.default_rng(0)
    size = rng.normal(5, 2, COUNT)
    rows = Rows(
        arrays={"tabular": np.stack([size, np.zeros(COUNT)], axis=1).astype("float32")},
        present=np.ones((COUNT, 1), bool),
        bad={},
        numbers=list(range(1, COUNT + 1)),
        empty=None,
    )
    numbers = target(size + 10, rng.normal(0, 1.3, COUNT)).astype("float32")
    parts = [
        SimpleNamespace(rows=rows, index=part, labels=numbers[part]) for part in (np.arange(160), np.arange(160, COUNT))
    ]
    source = Source("t.csv", "kind", "number", inputs=(("tabular", (Number("size", 5.0, 2.0),)),))
    recipe = TableRecipe(source=source, config=TableConfig(modalities=("tabular",)), mean=15.0, deviation=4.0)
    with caplog.at_level("INFO"):
        values = logarithm(recipe, *parts)
    assert values.get("scale", "") == scale
    assert "kind: a logarithmic scale, without an int8 file" in caplog.text or scale != "log"
    assert "mean absolute error of a linear model" in caplog.text
    assert ("int8" in dataclasses.replace(recipe, **values).export().precisions) == (scale == "")


def test_linear_model_is_the_one_of_scikit_learn(monkeypatch):
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setattr(linear_fit, "STRENGTHS", (3.0,))
    recipe = recipe_of("class")
    train, rest = table_of("class")
    inputs = as_inputs(rest.rows, rest.index, ("tabular",))
    model = linear_model(recipe, ("tabular",), train, (inputs, rest.labels))
    known = (train.rows.arrays["tabular"] - [5.0, 0.0]) / [2.0, 1.0]
    known /= np.sqrt(np.square(known[train.index]).sum(axis=1).mean())
    fitted = LogisticRegression(C=3.0).fit(known[train.index], train.labels)
    np.testing.assert_allclose(_raw(recipe, model, inputs), fitted.predict_proba(known[rest.index]), atol=5e-3)


def test_a_class_without_training_rows_is_not_predicted():
    recipe = recipe_of("class")
    train, rest = table_of("class")
    kept = train.labels != 1
    train = SimpleNamespace(rows=train.rows, index=train.index[kept], labels=train.labels[kept])
    inputs = as_inputs(rest.rows, rest.index, MODALITIES)
    model = linear_model(recipe, MODALITIES, train, (inputs, rest.labels))
    assert _raw(recipe, model, inputs)[:, 1].max() < 1e-3


def test_texts_of_bytes_have_no_linear_model():
    recipe = recipe_of("class")
    train, rest = table_of("class")
    recipe = dataclasses.replace(recipe, config=dataclasses.replace(recipe.config, modalities=("text",)))
    assert linear_model(recipe, ("text",), train, ({}, rest.labels)) is None


@pytest.fixture
def words(tmp_path):
    """Return a table whose class two words say together with the sign of a number, in 40 classes and in three."""
    rng = np.random.default_rng(0)
    names = [f"w{i:02d}x" for i in range(40)]
    first, sign, other = rng.integers(0, 40, MANY), rng.integers(0, 2, MANY), rng.integers(0, 40, (MANY, 3))
    there = rng.random(MANY) > 0.05
    texts = [
        " ".join([names[i], *(f"q{j}" for j in rest)]) if t else ""
        for i, rest, t in zip(first, other, there, strict=True)
    ]
    write_counts([texts], tmp_path, "text")
    tabular = np.stack([sign + rng.normal(0, 0.1, MANY), np.zeros(MANY)], axis=1).astype("float32")
    arrays = {"text": read_counts(tmp_path, "text"), "tabular": tabular}
    present = np.stack([there, np.ones(MANY, bool)], axis=1)
    return Rows(arrays=arrays, present=present, bad={}, numbers=np.arange(MANY) + 1, empty=None), first, sign


def of_words(words, count):
    """Return recipe, splits and inputs of the table of words with `count` classes."""
    rows, first, sign = words
    labels = first if count == 40 else first % 2 + sign
    index = np.arange(MANY)
    train, rest = (SimpleNamespace(rows=rows, index=own, labels=labels[own]) for own in (index[::2], index[1::2]))
    inputs = (("text", ("note",)), ("tabular", (Number("size", 0.5, 0.5),)))
    source = Source("t.csv", "kind", "class", tuple(f"c{i}" for i in range(count)), "", inputs)
    recipe = TableRecipe(source=source, config=TableConfig(modalities=("text", "tabular"), text_encoder="hash"))
    return recipe, train, rest, as_inputs(rows, rest.index, ("text", "tabular"))


@pytest.mark.parametrize(("count", "least"), [(3, 0.85), (40, 0.6)])
def test_linear_model_learns_from_hashed_texts_and_numbers_together(words, count, least):
    recipe, train, rest, inputs = of_words(words, count)
    model = linear_model(recipe, ("text", "tabular"), train, (inputs, rest.labels))
    raw = _raw(recipe, model, inputs)
    known = inputs["present"][:, 0] > 0
    assert np.mean(raw.argmax(axis=1) == rest.labels, where=known) > least
    alone = linear_model(recipe, ("text",), train, (select_inputs(inputs, ["text", "present"]), rest.labels))
    assert np.mean(_raw(recipe, alone, select_inputs(inputs, ["text", "present"])).argmax(axis=1) == rest.labels) > (
        0.6 if count == 40 else 0.35
    )
    # counts of a missing text are not looked at
    other = {**inputs, "text": np.where(known[:, None], inputs["text"], 3).astype("uint8")}
    np.testing.assert_allclose(_raw(recipe, model, other), raw, atol=1e-6)


def test_linear_model_of_texts_is_that_of_its_weights(words, monkeypatch):
    """Three classes fit the rank of the table: nothing is lost."""
    recipe, train, rest, inputs = of_words(words, 3)
    seen = {}

    def fit(recipe, blocks, labels, others, truth, real=linear_member._fit):
        weights, biases = real(recipe, blocks, labels, others, truth)
        seen["logits"] = products(others, weights) + biases
        return weights, biases

    monkeypatch.setattr(linear_member, "_fit", fit)
    model = linear_model(recipe, ("text", "tabular"), train, (inputs, rest.labels))
    logits = seen["logits"]
    assert logits.shape == (len(rest.labels), 3)
    np.testing.assert_allclose(_raw(recipe, model, inputs), softmax(logits, axis=1), atol=1e-4)


@pytest.fixture
def network(monkeypatch):
    """Return a network whose features are the mean colors, as the published one of both images of a table."""
    x = keras.Input((16, 16, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 255, name="front_end")(x)
    network = keras.Model(x, keras.layers.GlobalAveragePooling2D()(scaled), name="image_published_features")
    monkeypatch.setattr(features, "extractor", lambda network: lambda images: network.predict(images, verbose=0))

    def networks(recipe, config):
        return {name: network for name in recipe.source.modalities if name.startswith("image")}

    monkeypatch.setattr(linear_member, "frozen_networks", networks)
    return network


def test_features_of_a_published_network_are_used_with_the_statistics(network):
    recipe = recipe_of("class")
    train, rest = table_of("class")
    train, rest = (dataclasses.replace(Examples(**vars(one)), rows=rest.rows) for one in (train, rest))
    inputs = as_inputs(rest.rows, rest.index, MODALITIES)
    model = linear_model(recipe, MODALITIES, train, (inputs, rest.labels))
    encoders = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    assert [one.name for one in encoders][:2] == ["image_published_features", "image_network_features"]
    assert {"image_features", "tabular_features"} < {one.name for one in encoders}
    known = network.predict(rest.rows.arrays["image"], verbose=0)
    there = train.index[rest.rows.present[train.index, 0]]
    expected = (known - known[there].mean(axis=0)) / known[there].std(axis=0)
    found = np.asarray(model.get_layer("image_network_features")(known[rest.index]))
    np.testing.assert_allclose(found, np.clip(expected[rest.index], -5, 5), atol=1e-4)
    answers = recipe.kind.answers(recipe, _raw(recipe, model, inputs))
    assert np.mean(answers.argmax(axis=1) == rest.labels) > 0.97


def test_two_images_of_a_network_are_compared(network):
    rng = np.random.default_rng(0)
    modalities = ("image_a", "image_b")
    source = Source("t.csv", "same", "class", ("different", "same"), "", tuple((name, (name,)) for name in modalities))
    recipe = TableRecipe(source=source, config=TableConfig(modalities=modalities, image_size=16))
    same = rng.integers(0, 2, COUNT)
    colors = rng.integers(40, 200, (2, COUNT, 1, 1, 3))
    colors[1] = np.where(same[:, None, None, None] == 1, colors[0], colors[1])
    images = (colors + rng.integers(-5, 5, (2, COUNT, 16, 16, 3))).astype("uint8")
    present = np.ones((COUNT, 2), bool)
    present[::20, 1] = False
    rows = Rows(dict(zip(modalities, images, strict=True)), present, {}, list(range(1, COUNT + 1)))
    train, rest = (Examples(rows, index, same[index]) for index in np.split(np.arange(COUNT), [180]))
    inputs = as_inputs(rows, rest.index, modalities)
    model = linear_model(recipe, modalities, train, (inputs, rest.labels))
    raw, there = _raw(recipe, model, inputs), inputs["present"].all(axis=1)
    assert np.mean(raw.argmax(axis=1) == rest.labels) > 0.85  # of either image alone: 0.5
    other = {**inputs, "image_b": np.where(there[:, None, None, None], inputs["image_b"], 255).astype("uint8")}
    np.testing.assert_allclose(_raw(recipe, model, other), raw, atol=1e-5)
