"""The parts of a table's recipe for each kind of target, its command line, and recipes of an earlier version."""

import csv
import dataclasses

import keras
import numpy as np
import pytest
from json_card import read_card

from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import recipe_text
from mmzoo.automl.table_recipe import KINDS, TableConfig, TableRecipe
from mmzoo.commands.train import train
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.source import Source
from mmzoo.errors import BadInputError

pytestmark = pytest.mark.usefixtures("cache")
CELLS = {"class": ("dear", "cheap"), "number": ("82.5", "19"), "labels": ("dear;warm", "dear")}
CLASSES = {"class": ("cheap", "dear"), "number": (), "labels": ("dear", "warm")}
# the first lines of a recipe.py of mmzoo 0.1.0
FIRST_VERSION = '''"""Which kind, from text of goods.csv.

Written by `mmzoo fit`. Edit it, and train it again: `mmzoo train out/recipe.py`.
"""

from mmzoo import fusion
from mmzoo.blocks.presence import SharesWhereUnknown
from mmzoo.data.options import check_numbers, check_order, expect
'''


def recipe_of(kind, place="goods.csv", **values):
    """Return the recipe of a table of texts and numbers."""
    inputs = (("text", ("note",)), ("tabular", (Number("size", 5.0, 2.0),)))
    separator = ";" if kind == "labels" else ""
    source = Source(str(place), "kind", kind, CLASSES[kind], separator, inputs)
    settings = {"modalities": ("text", "tabular"), "epochs": 3, "modality_dropout": 0.2, "image_size": 64}
    return TableRecipe(source=source, config=TableConfig(**settings), **values)


def write_table(path, kind, target="kind"):
    with path.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["note", "size", target])
        write.writerows([f"word {i}", i % 7, CELLS[kind][i % 2]] for i in range(40))


@pytest.mark.parametrize("kind", KINDS)
def test_recipe_of_each_kind_trains_and_exports_what_it_names(kind, tmp_path):
    (tmp_path / "out").mkdir()
    write_table(tmp_path / "goods.csv", kind)
    text = recipe_text(recipe_of(kind, "/gone/goods.csv", mean=50.0, deviation=30.0))
    (tmp_path / "out" / "recipe.py").write_text(text, encoding="utf-8")
    module = recipes.load(str(tmp_path / "out" / "recipe.py"))  # the table lies beside its folder
    config, (phase,) = module.tiny, module.plan(module.tiny)
    model = module.build(config)
    model.compile("adam", **module.objective(config))
    history = model.fit(module.dataset("train", config).take(2), verbose=0, validation_data=module.dataset("test"))
    assert phase.monitor in history.history
    assert np.isfinite(history.history["loss"]).all()
    for modalities in (("text", "tabular"), ("text",)):
        own = dataclasses.replace(config, modalities=modalities)
        spec, own_model = module.export(own), module.build(own)
        assert (spec.task, spec.labels) == (KINDS[kind].task, CLASSES[kind])
        exported = keras.Model(
            own_model.input, {name: own_model.get_layer(at).output for name, at in spec.outputs.items()}
        )
        assert exported.output[KINDS[kind].output].shape == (None, len(CLASSES[kind]) or 1)


def test_head_of_a_number_answers_in_its_unit():
    recipe = recipe_of("number", mean=2000.0, deviation=7.0)
    model = recipe.build(recipe.tiny)
    answers = model({name: np.zeros((1, *x.shape[1:]), x.dtype) for name, x in model.input.items()})
    assert float(answers[0, 0]) == pytest.approx(2000, abs=20)
    loss = recipe.objective()["loss"]
    assert float(loss(np.array([[2000.0]]), np.array([[2007.0]]))[0]) == pytest.approx(0.5)


def test_loss_of_classes_is_smoothed():
    loss = recipe_of("class").objective()["loss"]
    given = np.array([[0.25, 0.75]], np.float32)
    smoothed = -(0.05 * np.log(0.25) + 0.95 * np.log(0.75))
    assert float(loss(np.array([[1.0]]), given)[0]) == pytest.approx(smoothed, rel=1e-5)


def test_plan_and_export_have_the_values():
    recipe = recipe_of("class", class_weight=(1.0, 3.0), patience=4)
    (phase,) = recipe.plan()
    assert (phase.epochs, phase.class_weight, phase.patience) == (3, (1.0, 3.0), 4)
    assert (phase.monitor, phase.clip_norm) == ("val_loss", 1.0)
    assert recipe.export().precisions == ("float32", "dynamic", "int8")
    published = dataclasses.replace(recipe, encoders={"text": {}})
    assert published.export().precisions == ("float32", "dynamic")
    assert published.export(dataclasses.replace(recipe.config, modalities=("tabular",))).precisions[2:] == ("int8",)


def test_settings_name_what_the_inputs_and_the_target_need():
    recipe = recipe_of("class", class_weight=(0.7, 1.6), patience=4)
    assert recipe.settings == (
        "batches of 32, at most 3 epochs (early stopping after 4), peak learning rate 0.002, texts as up to 32 bytes, "
        "width 1, fusion gated, augmentation on, class weights 0.7 to 1.6"
    )
    config = dataclasses.replace(recipe_of("number").config, modalities=("text",), text_encoder="hash")
    number = dataclasses.replace(recipe_of("number"), config=config)
    assert "texts as hashed words and n-grams" in number.settings
    for said in ("class weights", "fusion", "images"):
        assert said not in number.settings


def test_source_of_unknown_kind_is_refused():
    with pytest.raises(BadInputError, match="SOURCE: `kind` must be one of class, number, labels, got 'word'"):
        dataclasses.replace(recipe_of("class"), source=Source("t.csv", "y", "word"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"modalities": ("image",)}, "modalities"),
        ({"modalities": ("tabular", "text")}, "modalities"),
        ({"modalities": ()}, "modalities"),
        ({"fusion": "glue"}, "fusion"),
        ({"width": 0.0}, "width"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_config_that_cannot_be_is_refused(settings, said, tmp_path):
    (tmp_path / "recipe.py").write_text(recipe_text(recipe_of("class")), encoding="utf-8")
    config = recipes.load(str(tmp_path / "recipe.py")).Config
    with pytest.raises(BadInputError, match=f"^`{said}` must be"):
        config(**settings)


def test_train_help_explains_the_fields_with_the_defaults_of_the_table(tmp_path, mmzoo_here):
    recipe = recipe_of("class")
    config = dataclasses.replace(recipe.config, learning_rate=0.007, text_bytes=96)
    (tmp_path / "recipe.py").write_text(recipe_text(dataclasses.replace(recipe, config=config)), encoding="utf-8")
    done = mmzoo_here("train", "recipe.py", "--help", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "Classification of kind from text and tabular in goods.csv." in said
    for field in dataclasses.fields(TableConfig):
        assert field.name.replace("_", "-") in said
    for words in (
        "Embedding width.",
        "Folder of the table",
        "Peak learning rate of the AdamW schedule. [default: 0.007]",
        "Text length, in UTF-8 bytes; longer texts are truncated. [default: 96]",
        "Test fold, as 2/5",
    ):
        assert words in said


def test_edited_values_are_taken(tmp_path):
    text = recipe_text(recipe_of("class")).replace("width: float = 1.0", "width: float = 0.5")
    (tmp_path / "recipe.py").write_text(text.replace("patience=8", "patience=2"), encoding="utf-8")
    module = recipes.load(str(tmp_path / "recipe.py"))
    assert (module.Config().width, module.plan()[0].patience) == (0.5, 2)


@pytest.mark.parametrize("load", [recipes.load, train])
def test_recipe_of_the_first_version_is_one_line(load, tmp_path):
    (tmp_path / "recipe.py").write_text(FIRST_VERSION, encoding="utf-8")
    with pytest.raises(BadInputError) as told:
        load(str(tmp_path / "recipe.py"))
    again = f"mmzoo fit TABLE --target COLUMN --out {tmp_path}"
    assert str(told.value) == f"{tmp_path}/recipe.py was written by mmzoo 0.1.0; write it again: {again}"


def test_import_that_fails_in_an_edited_recipe_is_not_taken_for_the_first_version(tmp_path):
    text = recipe_text(recipe_of("class")).replace("import TableConfig, TableRecipe", "import TableConfig, Tablet")
    (tmp_path / "recipe.py").write_text(text, encoding="utf-8")
    with pytest.raises(BadInputError, match=r"expected a recipe that can be run.*Tablet"):
        recipes.load(str(tmp_path / "recipe.py"))


def test_fit_of_hostile_names_ends_in_a_verified_folder(tmp_path, monkeypatch, rows_once):
    monkeypatch.chdir(tmp_path)
    table, target = tmp_path / 'it\'s """ {x} \\N.csv', "Yes\\No"
    with table.open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["size\n'''{0}", target])
        write.writerows([[i, ('"""+{open("ran", "w")}', "\\x")[i % 2]] for i in range(72)])
    out = tmp_path / 'out """{x}'  # TensorFlow reads a backslash in the path of a SavedModel as a pattern
    folder = fit_table(table, target, out, Request(epochs=1, number=("size\n'''{0}",)))
    assert read_card(folder)["verification"]["exit_code"] in (0, 3)
    module = recipes.load(str(folder / "recipe.py"))
    assert (module.source.target, module.source.path) == (target, str(table))
    assert set(TrainedModel(folder).predict(table)) <= {'"""+{open("ran", "w")}', "\\x"}
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table.name, folder.name])
