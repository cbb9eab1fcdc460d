"""Which model ships: the rule on losses and scores, and the model that is assembled of the chosen ones."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from json_card import read_card

from mmzoo.automl import choice
from mmzoo.automl.choice import FUSED, LINEAR, MEAN, best_candidate, candidates, mean_prediction
from mmzoo.automl.ensemble import mean_of_models
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.table_recipe import KINDS, TableConfig, TableRecipe
from mmzoo.data.tables.features import Number
from mmzoo.data.tables.source import Source
from mmzoo.device.text_hash import SIZE
from mmzoo.export.quantize import split, tflite_models
from mmzoo.models.transfer import encoder_names, load_encoders, read_model
from mmzoo.tflite import flatbuffer

BOTH, ALL = "mean of fused and unimodal", "mean of all"
MODALITIES = ("text", "audio", "tabular")
CLASSES = {"class": ("cheap", "dear", "free"), "number": (), "labels": ("dear", "warm")}


def losses(**means):
    """Return losses of 100 rows with these means, each row apart from the others by the same amount."""
    spread = np.tile([-0.5, 0.5], 50)
    return {
        name.replace("_", " "): np.full(100, mean) + spread * (i + 1) / 10
        for i, (name, mean) in enumerate(means.items())
    }


@pytest.mark.parametrize(
    ("means", "quality", "name"),
    [
        ({"fused": 0.5, "text": 0.6}, {}, "fused"),
        ({"fused": 0.5, "text": 0.499}, {}, "fused"),  # within the standard error
        ({"fused": 0.5, "text": 0.4}, {}, "text"),
        ({"fused": 0.5, "text": 0.4, "mean_of_unimodal": 0.3}, {}, MEAN),
        ({"fused": 0.5, "mean_of_unimodal": 0.499}, {FUSED: 0.84, MEAN: 0.89}, MEAN),
        ({"fused": 0.5, "mean_of_unimodal": 0.502}, {FUSED: 0.84, MEAN: 0.89}, MEAN),
        ({"fused": 0.5, "mean_of_unimodal": 0.6}, {FUSED: 0.84, MEAN: 0.89}, FUSED),  # its loss is worse
        ({"fused": 0.5, "mean_of_unimodal": 0.501, "text": 0.4}, {FUSED: 0.9, MEAN: 0.9, "text": 0.8}, FUSED),
        ({"fused": 0.5, "linear": 0.501, "mean_of_all": 0.4999}, {FUSED: 0.8, LINEAR: 0.85, ALL: 0.85}, ALL),
        ({"fused": 0.5, "mean_of_unimodal": 0.501, "text": 0.4}, {FUSED: 0.8, MEAN: 0.85, "text": 0.86}, "text"),
    ],
)
def test_fused_is_kept_unless_another_is_better(means, quality, name):
    found = losses(**means)
    assert best_candidate(found, {one: quality.get(one, 0.5) for one in found}) == name


def test_candidates_are_the_models_and_their_means():
    found = candidates((LINEAR,), ("text", "image"))
    assert list(found)[:4] == [FUSED, LINEAR, "text", "image"]
    assert found[MEAN] == ("text", "image")
    assert found[BOTH] == (FUSED, "text", "image")
    assert found[ALL] == (FUSED, LINEAR, "text", "image")
    assert candidates((), ()) == {FUSED: (FUSED,)}
    assert list(candidates((LINEAR,), ())) == [FUSED, LINEAR, "mean of fused and linear"]


def recipe_of(kind):
    inputs = (("text", ("note",)), ("audio", ("call",)), ("tabular", (Number("size", 5.0, 2.0),)))
    source = Source("goods.csv", "kind", kind, CLASSES[kind], ";" if kind == "labels" else "", inputs)
    config = TableConfig(
        modalities=MODALITIES, embed_dim=8, width=0.1, seconds=0.5, sample_rate=8000, text_encoder="hash"
    )
    learned = {"number": {"mean": 2000.0, "deviation": 7.0}, "labels": {"prior": (0.1, 0.9)}, "class": {}}
    return TableRecipe(source=source, config=config, **learned[kind])


def members_of(recipe):
    """Return models with different random weights."""
    made = {}
    for i, names in enumerate((MODALITIES, *((name,) for name in MODALITIES))):
        keras.utils.set_random_seed(i)
        model = recipe.build(dataclasses.replace(recipe.config, modalities=names))
        model.set_weights([w + np.random.default_rng(i).normal(0, 0.05, w.shape) for w in model.get_weights()])
        made[FUSED if i == 0 else names[0]] = model
    # a front end is fitted to the training rows, and the same in all models
    made["tabular"].get_layer("tabular_encoder").get_layer("front_end").set_weights(
        made[FUSED].get_layer("tabular_encoder").get_layer("front_end").get_weights()
    )
    return made


def rows_of(count=16):
    rng = np.random.default_rng(0)
    return {
        "text": (rng.random((count, SIZE)) < 0.002).astype("uint8"),
        "audio": rng.uniform(-1, 1, (count, 4000)).astype("float32"),
        "tabular": rng.normal(5, 2, (count, 2)).astype("float32"),
        "present": np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(count)], "float32"),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [BOTH, MEAN])
def test_mean_of_models_is_the_mean_of_those_that_are_available(kind, name, tmp_path):
    recipe, inputs = recipe_of(kind), rows_of()
    members = members_of(recipe)
    taken = candidates((), MODALITIES)[name]
    postprocess = recipe.kind.wiring(recipe)["postprocess"]
    model = mean_of_models({one: members[one] for one in taken}, MODALITIES, recipe.kind.before, postprocess)
    answer = model(inputs)
    raw = {one: choice._raw(recipe, members[one], inputs) for one in taken}
    there = inputs["present"]
    expected = np.zeros_like(raw["text"])
    for i, row in enumerate(there):
        used = [raw[one][i] for k, one in enumerate(MODALITIES) if row[k]] + ([raw[FUSED][i]] if FUSED in taken else [])
        expected[i] = np.mean(used, axis=0) if used else 0
    given = there.any(axis=1)
    np.testing.assert_allclose(mean_prediction(raw, taken, there, MODALITIES)[given], expected[given], rtol=1e-5)
    answers = recipe.kind.answers(recipe, expected)
    np.testing.assert_allclose(answer["answer"].numpy()[given], answers[given], rtol=1e-4)
    nothing = {"class": None, "number": [2000.0], "labels": [0.1, 0.9]}[kind]
    if nothing:
        np.testing.assert_allclose(answer["answer"].numpy()[~given], [nothing] * (~given).sum(), rtol=1e-5)
    exported = keras.Model(
        model.input, {recipe.kind.output: model.output["answer"], "embedding": model.output["embedding"]}
    )
    exported.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(read_model(tmp_path / "m.keras")(inputs)[recipe.kind.output], answer["answer"])
    assert set(encoder_names(model)) == {f"{modality}_encoder" for modality in MODALITIES}
    fresh = recipe.build(recipe.config)
    names = [f"{modality}_encoder" for modality in MODALITIES]
    assert load_encoders(fresh, tmp_path / "m.keras", names) == names
    first = members[FUSED] if FUSED in taken else members["text"]
    table = lambda one: one.get_layer("text_encoder").get_layer("table").get_weights()[0]  # noqa: E731
    np.testing.assert_array_equal(table(fresh), table(first))


@pytest.mark.parametrize("name", [BOTH, MEAN])
def test_mean_of_models_keeps_one_float_front_end_for_all_members(name, tmp_path):
    """A row has no modality at all: nothing may be divided by 0."""
    recipe, inputs = recipe_of("class"), rows_of()
    members = {one: model for one, model in members_of(recipe).items() if one in candidates((), MODALITIES)[name]}
    postprocess = recipe.kind.wiring(recipe)["postprocess"]
    model = mean_of_models(members, MODALITIES, recipe.kind.before, postprocess)
    front, _ = split(model)
    assert sorted(front.output) == ["audio", "tabular", "text"]
    tflite = tflite_models(model, ["float32", "int8"], inputs)
    exact = model(inputs)["answer"].numpy()
    for precision, far in (("float32", 1e-5), ("int8", 0.08)):
        from mmzoo.artifacts.runtimes import predictor

        flatbuffer.write(tflite[precision], tmp_path / f"{precision}.tflite")
        answer = predictor(tmp_path / f"{precision}.tflite")(inputs)["answer"]
        np.testing.assert_allclose(answer, exact, atol=far)


def test_mean_of_models_refuses_members_of_some_modalities():
    recipe = recipe_of("number")
    two = recipe.build(dataclasses.replace(recipe.config, modalities=("text", "audio")))
    postprocess = recipe.kind.wiring(recipe)["postprocess"]
    with pytest.raises(ValueError, match="members of one or of all modalities"):
        mean_of_models({**members_of(recipe), "two": two}, MODALITIES, recipe.kind.before, postprocess)


@pytest.mark.parametrize("chosen", [ALL, *(pytest.param(one, marks=pytest.mark.slow) for one in ("text", LINEAR))])
def test_folder_of_the_chosen_model_is_whole_and_verified(chosen, tmp_path, monkeypatch, cache, gpu):
    """The rule is replaced, so that each kind of folder is made; the mean of all holds the linear model, too."""
    rng = np.random.default_rng(0)
    rows = ["note,size,kind"]
    for i in range(90):
        word = ("red apple", "green pear", "blue plum")[i % 3]
        rows.append(f"{word} {''.join(rng.choice(list('abcdefgh'), 6))},{i % 3 + rng.normal():.3f},{'abc'[i % 3]}")
    (tmp_path / "t.csv").write_text("\n".join(rows), encoding="utf-8")
    monkeypatch.setattr(choice, "best_candidate", lambda *_: chosen)
    out = fit_table(tmp_path / "t.csv", "kind", tmp_path / "out", Request(epochs=1))
    card = read_card(out)
    assert card["verification"]["exit_code"] == 0
    assert card["baselines"]["chosen"] == chosen
    names = {FUSED, LINEAR, "text", "tabular", MEAN, BOTH, ALL, "mean of fused and linear"}
    assert set(card["baselines"]["candidates"]) == names
    assert all(set(one) == {"val_loss", "accuracy"} for one in card["baselines"]["candidates"].values())
    assert [entry["name"] for entry in card["inputs"]] == (
        ["text", "present"] if chosen == "text" else ["text", "tabular", "present"]
    )
    assert ("fused" in card["baselines"]) == (chosen == "text")
    assert (Path(out) / "report.html").is_file()
