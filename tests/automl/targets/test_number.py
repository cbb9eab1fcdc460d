"""Numbers that are learned as logarithms: the scale, the output layer, and when a logarithm is tried."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from mmzoo.automl.table_recipe import TableConfig, TableRecipe
from mmzoo.automl.targets import number
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.source import Source
from mmzoo.errors import BadInputError

PRICES = np.exp(np.random.default_rng(0).normal(11, 1, 400)).astype("float32")
COUNTS = np.floor(PRICES / 1e5)  # some of them are 0
SOURCE = Source("t.csv", "price", "number", inputs=(("tabular", (Number("area", 5.0, 2.0),)),))


def recipe_of(numbers, scale):
    config = TableConfig(modalities=SOURCE.modalities, embed_dim=8)
    return TableRecipe(source=SOURCE, config=config, **number.scale_values(numbers, scale))


@pytest.mark.parametrize(("scale", "numbers"), [("log", PRICES), ("log1p", COUNTS), ("", PRICES)])
def test_scaled_and_in_unit_are_inverse(scale, numbers):
    recipe = recipe_of(numbers, scale)
    known = number.scaled(recipe, numbers)
    logs = {"log": np.log, "log1p": np.log1p, "": np.asarray}[scale](numbers.astype(float))
    np.testing.assert_allclose(known, (logs - logs.mean()) / logs.std(), atol=1e-3)
    np.testing.assert_allclose(number.in_unit(recipe, known[:, None])[:, 0], numbers, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", ["log", "log1p"])
def test_the_output_layer_and_the_loss_are_those_of_numpy(scale):
    recipe = recipe_of(np.floor(PRICES), scale)
    raw, there = keras.Input((1,)), keras.Input((1,))
    model = keras.Model([raw, there], number.wiring(recipe)["postprocess"]([raw, there]))
    x = np.array([[-2.0], [0.0], [0.5], [60.0]], "float32")
    values = model.predict([x, np.ones_like(x)], verbose=0)
    np.testing.assert_allclose(values, number.in_unit(recipe, x), rtol=1e-4)
    assert values.max() == pytest.approx(2 * np.floor(PRICES).max(), rel=1e-2), "twice the largest, at most"
    truth = np.floor(PRICES[:4, None])
    error = np.abs(number.scaled(recipe, truth) - number.scaled(recipe, values))
    huber = np.where(error < 1, np.square(error) / 2, error - 0.5)[:, 0]
    np.testing.assert_allclose(number.objective(recipe)["loss"](truth, values), huber, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("numbers", "scale"),
    [
        (PRICES, "log"),
        (COUNTS, "log1p"),
        (PRICES / 1e5 - PRICES.min() / 1e5, ""),  # a zero among fractions
        (-PRICES, ""),
        (np.random.default_rng(0).normal(50, 5, 400), ""),  # not skewed
        (PRICES.max() - PRICES + 1, ""),  # skewed to small numbers
        (PRICES[:40], ""),  # few
    ],
)
def test_a_logarithm_is_tried_where_numbers_are_skewed(numbers, scale):
    assert number.candidate_scale(numbers) == scale


def test_another_scale_is_refused():
    with pytest.raises(BadInputError, match="scale"):
        replace(recipe_of(PRICES, ""), scale="sqrt")
