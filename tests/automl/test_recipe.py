"""The `recipe.py` of any table: its values come back, it runs no code of the table, its tensors are as it says."""

import ast
import csv
import dataclasses
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, open_folder, recipe_text
from mmzoo.automl.table_recipe import TableConfig, TableRecipe
from mmzoo.data.tables.batches import as_inputs
from mmzoo.data.tables.features import Category, Date, Number, figures
from mmzoo.data.tables.source import Source, load_splits
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
            values = assemble(folder / "t.csv", "goal", Request(skip_bad=skip_bad))
            recipe = read(recipe_text(from_values(values)))
            splits = load_splits(recipe.source, folder / "t.csv", recipe.sizes())
        except BadInputError as error:
            said = str(error)
        assert sorted(folder.rglob("*")) == there
        assert "\n" not in said
        if not said:
            check(recipe, splits)


def check(recipe, splits):
    columns = dict(recipe.source.inputs).get("tabular", ())
    shapes = recipe.sizes().shapes(recipe.source.modalities, dict(recipe.source.inputs))
    for examples in splits.values():
        inputs = as_inputs(examples.rows, examples.index, recipe.source.modalities)
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


HOSTILE = (
    "Yes\\No",
    "\\x",
    "\\N{BULLET}",
    "\\",
    "a'b",
    'a"b',
    "'''",
    '"""',
    "a\nb",
    "\r\n",
    "{x}",
    "{",
    "%s{0.__class__}",
    "\u2028",
    "\0",
    "\ud800",
    "猫",
    '"""\nopen("ran", "w")\n"""',
    "' + str(open('ran', 'w')) + '",
    "{open('ran', 'w')}",
    "\nopen('ran', 'w')#",
    "__import__('pathlib').Path('ran').touch()",
)
names = st.sampled_from(HOSTILE) | st.text(max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(1, 4096)
features = (
    st.builds(Number, names, finite, finite)
    | st.builds(Category, names, st.lists(names, max_size=3).map(tuple))
    | st.builds(Date, names, finite, finite, st.sampled_from(["day", "month"]))
)


@st.composite
def table_recipes(draw):
    """Draw a recipe of any strings."""
    texts = st.lists(names, min_size=1, max_size=3).map(tuple)
    tabular = ("tabular", tuple(draw(st.lists(features, min_size=1, max_size=3))))
    inputs = (("image_x", (draw(names),)), ("text", draw(texts)), tabular)[draw(st.integers(0, 2)) :]
    source = Source(
        **{name: draw(names) for name in ("path", "target", "separator", "split", "group", "time")},
        kind=draw(st.sampled_from(["class", "number", "labels"])),
        classes=draw(texts),
        inputs=inputs,
        left_out=tuple(draw(st.lists(st.tuples(names, names), max_size=2))),
        seed=draw(counts),
        skip_bad=draw(st.booleans()),
    )
    config = TableConfig(
        modalities=source.modalities,
        init_from=draw(names),
        augment=draw(st.booleans()),
        learning_rate=draw(st.floats(1e-9, 1)),
        **{name: draw(counts) for name in ("embed_dim", "epochs", "image_size", "batch_size")},
    )
    weights = tuple(0.5 + place for place in range(len(source.classes)))
    learned = {"class": {"class_weight": weights}, "number": {"mean": draw(finite), "deviation": draw(finite)}}
    encoders = {"image_x": {"handle": "VGG16", "weights": draw(st.none() | names), "trainable": draw(st.booleans())}}
    encoders = encoders if "image_x" in source.modalities else {}
    return TableRecipe(source=source, config=config, encoders=encoders, **learned.get(source.kind, {}))


@given(table_recipes())
@settings(max_examples=200, deadline=None)
def test_recipe_text_when_loaded_gives_its_values(recipe):
    text = recipe_text(recipe)
    module = read(text)
    assert recipe.source == module.source
    assert dataclasses.asdict(module.Config()) == dataclasses.asdict(recipe.config)
    own = {name: getattr(module.table, name) for name in ("encoders", "class_weight", "mean", "deviation", "patience")}
    assert own == {name: getattr(recipe, name) for name in own}
    assert module.summary == recipe.summary.rstrip(".")
    assert len(recipe.summary.splitlines()) == 1
    assert recipe_text(dataclasses.replace(recipe, config=module.Config())) == text


@given(table_recipes())
@settings(max_examples=50, deadline=None)
def test_a_card_gives_the_values_of_the_recipe_and_runs_nothing(recipe):
    """The file of the recipe is not there. JSON has no lone surrogates."""
    if any("\ud800" <= letter <= "\udfff" for letter in repr_of(recipe)):
        return
    rate = float(f"{recipe.config.learning_rate:.6g}")  # as a card keeps it
    recipe = dataclasses.replace(recipe, config=dataclasses.replace(recipe.config, learning_rate=rate))
    card = Card("recipe.py", recipe.kind.task, config=dataclasses.asdict(recipe.config), table=recipe.values)
    with tempfile.TemporaryDirectory() as folder:
        card.write(folder)
        opened = open_folder(folder)
        made = opened.recipe
        assert made.source == recipe.source
        assert made.table == dataclasses.replace(recipe, file=str(Path(folder) / "recipe.py"), config=made.table.config)
        assert dataclasses.asdict(opened.config()) == dataclasses.asdict(recipe.config)
        assert isinstance(opened.config(), TableConfig)
    assert made.summary == recipe.summary.rstrip(".")
    assert made.sizes(recipe.config) == recipe.sizes()


def repr_of(recipe):
    """Return all text of a recipe."""
    texts, waiting = [], [dataclasses.asdict(recipe)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, dict):
            waiting += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value
    return "".join(texts)


CONFIGS = {
    "text for a number": ({"epochs": "many"}, "`config.epochs` input should be a valid integer"),
    "too large": ({"image_size": 10**9}, "`image_size` must be 8192 at most, got 1000000000"),
    "unknown": ({"zebra": 1}, "expected a config of recipe.py as it is now. Received: zebra"),
    "another order": ({"modalities": ["tabular", "text"]}, "`modalities` must be any of text, tabular in this order"),
}


@pytest.mark.parametrize(("values", "said"), CONFIGS.values(), ids=CONFIGS)
def test_a_card_with_another_config_is_one_line(values, said, tmp_path):
    source = Source("t.csv", "y", inputs=(("text", ("x",)), ("tabular", (Number("n", 0.0, 1.0),))), classes=("a", "b"))
    table = TableRecipe(source=source, config=TableConfig(modalities=source.modalities)).values
    Card("recipe.py", "classification", config=values, table=table).write(tmp_path)
    with pytest.raises(BadInputError, match=re.escape(said)) as caught:
        open_folder(tmp_path).config()
    assert "\n" not in str(caught.value)


@given(table_recipes())
@settings(max_examples=200, deadline=None)
def test_recipe_text_has_strings_of_the_table_as_literals_only(recipe):
    """The code without its literals is that of a plain table: no other name, call or attribute is in it."""
    plain = Source("t.csv", "y", recipe.source.kind, ("a",), inputs=(("text", ("note",)),))
    expected = code_names(recipe_text(dataclasses.replace(recipe, source=plain)))
    assert code_names(recipe_text(recipe)) - {"Number", "Category", "Date"} == expected


def code_names(text):
    """Return the names and the attributes in the code `text`."""
    nodes = [*ast.walk(ast.parse(text))]
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("hostile", HOSTILE)
def test_recipe_text_of_a_hostile_table_runs_nothing(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    columns = (Number(hostile, 0.0, 1.0), Category(hostile, (hostile,)), Date(hostile, 0.0, 1.0))
    source = Source(
        *(hostile, hostile, "labels", (hostile,), hostile),
        inputs=(("text", (hostile,)), ("tabular", columns)),
        left_out=((hostile, hostile),),
        **dict.fromkeys(("split", "group", "time"), hostile),
    )
    config = TableConfig(modalities=source.modalities, init_from=hostile)
    assert source == read(recipe_text(TableRecipe(source=source, config=config))).source
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", ["class", "number", "labels"])
def test_recipe_text_is_formatted(kind, tmp_path):
    columns = (Number("a", 1.0, 2.0), Category("b", tuple(f"value {i}" for i in range(40))), Date("c", 1.0, 2.0))
    inputs = (("image", ("p",)), ("text", ("short", "long " * 40)), ("tabular", columns))
    classes = ("it's", 'say "x"', "plain")
    source = Source("t.csv", "y", kind, classes, "; " if kind == "labels" else "", inputs, left_out=(("d", "empty"),))
    encoders = {"image": {"handle": "VGG16", "weights": "/some/where/" + 80 * "x", "trainable": False}}
    config = TableConfig(modalities=("image", "text"))
    (tmp_path / "recipe.py").write_text(recipe_text(TableRecipe(source=source, config=config, encoders=encoders)))
    ruff, settings = Path(sys.executable).with_name("ruff"), Path(__file__).parents[2] / "pyproject.toml"
    for words in (["format", "--diff"], ["check", "--ignore", "E501"]):
        command = [ruff, *words, "--config", settings, "recipe.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_recipe_text_of_no_literal_is_refused():
    source = Source("t.csv", "y", inputs=(("text", ("x",)),))
    recipe = TableRecipe(source=source, config=TableConfig(modalities=("text",)), class_weight=[1.0])
    with pytest.raises(TypeError, match="a recipe holds numbers, strings, tuples and dicts, got list"):
        recipe_text(recipe)


def test_from_values_of_numpy_floats_gives_literals():
    values = {"path": "t.csv", "target": "y", "inputs": (("text", ("x",)),), "seed": 7}
    text = recipe_text(from_values({**values, "width": np.float64(0.5), "class_weight": (np.float64(2.0),)}))
    module = read(text)
    assert "np." not in text
    assert (module.source.seed, module.Config().seed, module.Config().width) == (7, 7, 0.5)
    assert module.table.class_weight == (2.0,)
