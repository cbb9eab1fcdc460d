"""Any table is a recipe whose tensors are as it says, or a line that tells what is wrong; no file is left behind."""

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmzoo import recipes
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import recipe_text
from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.features import figures
from mmzoo.data.tables.source import load_splits
from mmzoo.errors import BadInputError

pytestmark = pytest.mark.usefixtures("cache")
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
pictures = st.sampled_from(["p/0.png", "p/1.png", "p/2.png", "gone.png", "p/bad.png"])
numbers = st.floats(allow_nan=True).map(str) | st.integers(-9, 9).map(str)
lines = st.lists(words, min_size=2, max_size=6).map(" ".join)
empty = st.sampled_from(["", "NaN", "None"])
kinds = st.sampled_from([words, pictures, st.dates().map(str), numbers, lines, st.sampled_from(["S", "L"])])
targets = st.sampled_from([["a", "b"], ["猫", "犬", "鳥"], ["1", "2.5", "7"], ["x;y", "x", "y"]])


@st.composite
def tables(draw):
    """Return the names and the columns of a table; the last is what is asked for."""
    count = draw(st.integers(1, 40))
    names = draw(st.lists(words.filter(str.strip), min_size=1, max_size=3, unique_by=str.strip))
    cells = [draw(kinds) | empty for _ in names] + [st.sampled_from(draw(targets))]
    return [*names, "goal "], [draw(st.lists(cell, min_size=count, max_size=count)) for cell in cells]


def write(folder, names, columns):
    from PIL import Image

    (folder / "p").mkdir()
    for i in range(3):
        Image.new("RGB", (32 + i, 40), (80 * i, 9, 9)).save(folder / "p" / f"{i}.png")
    (folder / "p" / "bad.png").write_bytes(b"no picture")
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *zip(*columns, strict=True)])


def read(text):
    """Return the recipe in a text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recipe.py"
        path.write_text(text, encoding="utf-8")
        return recipes.load(str(path))


@given(tables(), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_table_is_a_recipe_or_one_line(table, skip_bad):
    with tempfile.TemporaryDirectory() as place:
        folder, said = Path(place), ""
        write(folder, *table)
        there = sorted(folder.rglob("*"))
        try:
            values = assemble(folder / "t.csv", "goal", Request(skip_bad=skip_bad)) | {"out": "out"}
            told = read(recipe_text(values))
            splits = load_splits(told.source, folder / "t.csv", told.sizes())
        except BadInputError as error:
            said = str(error)
        assert sorted(folder.rglob("*")) == there
        assert "\n" not in said
        if not said:
            check(told, splits)


def check(told, splits):
    columns = dict(told.source.inputs).get("tabular", ())
    shapes = told.sizes().shapes(told.MODALITIES, columns)
    for examples in splits.values():
        inputs = as_inputs(examples.rows, examples.index, told.MODALITIES)
        assert len(examples.labels) == len(examples.index)
        for name, shape in shapes.items():
            assert inputs[name].shape == (len(examples.index), *shape)
            assert np.isfinite(inputs[name]).all()
        if columns:
            mean, variance = figures(columns)
            scaled = (inputs["tabular"] - mean.astype(np.float32)) * (1 / np.sqrt(variance)).astype(np.float32)
            assert np.isfinite(scaled).all()
    places = np.concatenate([examples.index for examples in splits.values()])
    assert len(places) == len(set(places.tolist()))
