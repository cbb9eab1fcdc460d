"""`fit` of two columns of texts, hashed: training, files, predictions, and its recipe trained again."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from json_card import read_card

from mmzoo import recipes
from mmzoo.api import TrainedModel
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import recipe_text
from mmzoo.automl.table_recipe import TABLE_RATE, TableConfig, TableRecipe
from mmzoo.automl.text_encoder import text_encoder
from mmzoo.automl.text_table import initial_tables
from mmzoo.data.tables.batches import HIDDEN_COUNTS
from mmzoo.data.tables.source import Source
from mmzoo.device import Runner
from mmzoo.device.text_hash import SIZE, UNIT, text_counts
from mmzoo.errors import BadInputError
from mmzoo.training.optimizer import variable_rates

pytestmark = pytest.mark.usefixtures("cache")
COLUMNS = ["title", "note"]


@pytest.fixture(scope="module")
def frame():
    """Return a table in which a title and a note each tell half of the kind."""
    rng = np.random.default_rng(0)
    rows = []
    for warm, dear in rng.random((400, 2)) < 0.5:
        fill = [" ".join(f"w{k}" for k in rng.integers(0, 300, 3)) for _ in COLUMNS]
        title, note = f"{fill[0]} {'warm' if warm else 'cold'}", f"{'Dear' if dear else 'Cheap'}, {fill[1]} é😀"
        given = [None if rng.random() < 0.1 else cell for cell in (title, note)]
        rows.append([*given, f"{'warm' if warm else 'cold'} {'dear' if dear else 'cheap'}"])
    return pd.DataFrame(rows, columns=[*COLUMNS, "kind"])


@pytest.fixture(scope="module")
def table(frame, tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "goods.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(table):
    return fit_table(table, "kind", table.parent / "out", Request(epochs=2))


def test_fit_texts_apart_are_hashed_and_verified(fitted):
    card = read_card(fitted)
    assert card["verification"]["exit_code"] in (0, 3)
    inputs = {entry["name"]: entry for entry in card["inputs"]}
    assert [*inputs] == ["text_title", "text_note", "present"]
    assert (inputs["text_note"]["shape"], inputs["text_note"]["dtype"]) == ([1, SIZE], "uint8")
    assert (inputs["text_note"]["unit"], inputs["text_note"]["range"]) == (UNIT, [0, 255])
    assert card["scores"]["subsets"]["text_title+text_note"]["accuracy"] > 0.65  # 0.85 at best, for missing cells
    assert set(card["baselines"]["linear"]) == {"text_title", "text_note", "all"}
    assert card["config"]["text_encoder"] == "hash"
    assert (fitted / "model_int8.tflite").stat().st_size < 0.4 * (fitted / "model_float32.tflite").stat().st_size


def test_predictions_of_any_table_and_the_runner_agree(fitted, table, frame, tmp_path):
    model, texts = TrainedModel(fitted), frame[COLUMNS].iloc[:40]
    expected = model.predict_proba(texts)
    texts.to_csv(tmp_path / "t.csv", index=False)
    texts.to_parquet(tmp_path / "t.parquet")
    for given in (tmp_path / "t.csv", tmp_path / "t.parquet", texts.to_dict("records")):
        np.testing.assert_allclose(model.predict_proba(given), expected, atol=1e-6)
    run = Runner(fitted)
    assert run.labels == ["cold cheap", "cold dear", "warm cheap", "warm dear"]
    for row, answer in zip(texts.to_dict("records"), expected, strict=True):
        given = {f"text_{name}": cell for name, cell in row.items() if isinstance(cell, str)}
        if given:
            np.testing.assert_allclose([*run(**given)["probabilities"].values()], answer, atol=1e-5)


def test_recipe_of_hashed_texts_starts_from_linear_models(fitted, table):
    module = recipes.load(str(fitted / "recipe.py"))
    config = module.Config()
    recipe = module.source, table, module.sizes(config), ""
    tables = initial_tables(*recipe, config.modalities, 16)
    model = module.build(config)
    for name, values in tables.items():
        np.testing.assert_array_equal(np.asarray(model.get_layer(f"{name}_encoder").get_layer("table").kernel), values)
    assert set(variable_rates(model, module.plan(config)[0].rates).values()) == {TABLE_RATE}
    one = dataclasses.replace(config, modalities=("text_note",), width=0.25)
    assert module.plan(one)[0].rates == (("text_note_encoder/table", TABLE_RATE),)
    assert module.build(one).get_layer("text_note_encoder").get_layer("table").kernel.shape == (SIZE, 4)


def test_training_batches_drop_counts(fitted, frame):
    module = recipes.load(str(fitted / "recipe.py"))
    whole = {name: array for name, array in next(iter(module.dataset("test")))[0].items()}
    assert whole["text_note"].dtype == "uint8"
    inputs, _ = next(iter(module.dataset("train")))
    again, _ = next(iter(module.dataset("train")))
    found = inputs["text_note"].numpy()
    np.testing.assert_array_equal(found, again["text_note"].numpy())
    known = {text_counts(note).tobytes() for note in frame["note"].dropna()}
    kept = np.count_nonzero(found) / len(found) / np.mean([np.count_nonzero(text_counts(note)) for note in
                                                            frame["note"].dropna()])  # fmt: skip
    assert kept == pytest.approx((1 - HIDDEN_COUNTS) * 0.9, abs=0.1)
    assert not known & {row.tobytes() for row in found if row.any()}
    assert {row.tobytes() for row in whole["text_note"].numpy() if row.any()} <= known


def test_recipe_without_its_table_builds_but_does_not_train(tmp_path):
    source = Source("/gone/t.csv", "kind", "class", ("a", "b"), inputs=(("text", ("note",)),))
    config = TableConfig(modalities=("text",), text_encoder="hash")
    recipe = TableRecipe(file=str(tmp_path / "recipe.py"), source=source, config=config)
    assert 'text_encoder: str = "hash"' in recipe_text(recipe)
    assert recipe.build().input["text"].shape == (None, SIZE)
    with pytest.raises(BadInputError, match="must be the folder of"):
        recipe.dataset("train")


def test_recipe_of_an_earlier_version_reads_bytes_of_joined_texts():
    source = Source("/gone/t.csv", "kind", "class", ("a", "b"), inputs=(("text", ("title", "note")),))
    recipe = TableRecipe(source=source, config=TableConfig(modalities=("text",), text_bytes=64))
    assert recipe.config.text_encoder == "conv"
    given = recipe.build().input["text"]
    assert (given.shape, given.dtype) == ((None, 64), "int32")
    assert recipe.plan()[0].rates == ()


def test_text_encoder_follows_the_request_and_the_size(caplog):
    caplog.set_level("INFO", "mmzoo")
    inputs = (("image", ("photo",)), ("text_title", ("title",)), ("text_note", ("note",)))
    assert text_encoder(Request(), inputs) == "hash"
    assert text_encoder(Request(text_encoder="conv"), inputs) == "conv"
    assert text_encoder(Request(size="300KB", text_encoder="hash"), inputs) == "hash"
    assert text_encoder(Request(size="8MB"), inputs) == "hash"
    assert text_encoder(Request(size="300KB"), inputs) == "conv"
    assert "the tables of hash take 4.2 MB of the size 300KB" in caplog.text
    assert text_encoder(Request(size="300KB"), inputs[:1]) == "hash"
    with pytest.raises(BadInputError, match="`text_encoder` must be hash or conv, got bert"):
        text_encoder(Request(text_encoder="bert"), inputs)
