"""A card is what was written; one that is not as it should be is one line that names the key."""

import copy
import dataclasses
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from json_card import read_card

from mmzoo import tasks
from mmzoo.artifacts.card import (
    Baselines,
    Benchmark,
    Card,
    Check,
    Data,
    Environment,
    File,
    Scores,
    Tensor,
    Verification,
    embedded_values,
    to_values,
)
from mmzoo.artifacts.old_card import upgrade
from mmzoo.artifacts.table_values import TableValues
from mmzoo.cli import app
from mmzoo.data.tables.description import Source
from mmzoo.data.tables.features import Category, Date, Number
from mmzoo.data.tables.series import Series
from mmzoo.errors import BadInputError

ROOT = Path(__file__).parents[2]
PUBLISHED = sorted(path.parent for path in (ROOT / "saved_models").glob("*/card.json"))
TASKS = {
    "anomaly_detection": "anomaly",
    "audio_visual_speech": "transcription",
    "image_text_retrieval": "retrieval",
    "image_text_retrieval_fxemoji": "retrieval",
    "object_detection": "detection",
}  # all others are classifiers
FULL = Card(
    recipe="spoken_digits",
    task="classification",
    name="mine",
    summary="Digits from two modalities",
    config={"epochs": 8, "snr": [0, 5], "fast": False},
    table=TableValues(
        source=Source(
            path="/somewhere/rooms.csv",
            target="kind",
            classes=("a", "b"),
            inputs=(
                ("image", ("photo",)),
                ("series", (Series("trace", ("x", "y"), "t", 1 / 3, 64, (0.1, -2.0), (1.0, 2.0)),)),
                (
                    "tabular",
                    (
                        Number("size", 1 / 3, 2.0, ",", (0.0, 1 / 7, 1.0)),
                        Category("material", ("brick", "wood")),
                        Date("built", -1.5, 10 / 3, "month"),
                    ),
                ),
            ),
            left_out=(("id", "all values differ"),),
        ),
        encoders={"image": {"handle": "MobileNetV3Small", "weights": None, "trainable": True}},
        class_weight=(1.0, 2 / 3),
    ),
    training={"clip_norm": 1.0},
    interrupted={"model": "spoken_digits (image)", "epoch": 3, "of": 8},
    command="mmzoo train spoken_digits",
    seed=3,
    data=Data("sample", "1", "CC0", "Apache-2.0", "somebody", "90 % by others"),
    parameters=98765,
    inputs=(Tensor("image", (1, 28, 28, 1), "uint8", "gray level", (0.0, 255.0)), Tensor("present", (1, 2), "float32")),
    outputs=(Tensor("probabilities", (1, None), "float32"),),
    labels=("null", "eins"),
    max_score_drop=0.01,
    rows={"train": 4},
    duplicates={},
    scores=Scores("test", 9, {"model.keras": {"accuracy": 0.5}}, {"image": {"accuracy": 0.5}}, {"per_class": []}),
    baselines=Baselines(
        {"image": {"accuracy": 0.25}},
        {"accuracy": 0.375},
        {"over": "image", "points": 25.0},
        {"agreement": 0.5},
        {"all": {"accuracy": 0.125}},
        "4 of 9 rows",
        {"value": 1.5},
        0.75,
    ),
    gain_curve={"field": "snr"},
    cross_validation={"folds": 5},
    tuning={"trials": 3},
    files={"model.keras": File(1234, "ab" * 32)},
    operators={"model_float32.tflite": {"ADD": 2}},
    verification=Verification(
        3,
        {"adapter": "a driver"},
        {"numpy": "2.0"},
        {"count": 8},
        (
            Check(
                "model_float32.tflite", "gpu", "model.keras", "right", "fine", 1e-7, 1e-3, refused=[{"operator": "ADD"}]
            ),
        ),
        ("a note",),
    ),
    benchmark=Benchmark({"cores": 2}, 1000, {"1": 3.5, "2": None}, ({"name": "m"},), {"ratio": 1.5}, {"share": 0.1}),
    history={"loss": [1.0, 0.5]},
    environment=Environment("a processor", {"keras": "3"}, "c0ffee", 83.5),
    withheld=True,
)


def test_a_full_card_is_read_as_it_was_written(tmp_path):
    for field in dataclasses.fields(Card):
        default = field.default_factory() if callable(field.default_factory) else field.default
        assert field.name in ("mmzoo", "format") or getattr(FULL, field.name) != default, field.name
    FULL.write(tmp_path)
    assert Card.read(tmp_path) == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["card.json"]
    assert set(read_card(tmp_path)) == {field.name for field in dataclasses.fields(Card)}


def test_modalities_and_title():
    assert FULL.modalities == ("image",)
    assert FULL.title == "mine"
    assert dataclasses.replace(FULL, name="").title == "spoken_digits"


def test_defaults_are_left_out_and_format_and_version_are_not(tmp_path):
    Card("r", "regression", scores=Scores(n=3)).write(tmp_path)
    written = read_card(tmp_path)
    assert list(written) == ["recipe", "task", "mmzoo", "scores", "format"]
    assert written["scores"] == {"n": 3}
    assert written["format"] == 2
    assert Card.read(tmp_path) == Card("r", "regression", scores=Scores(n=3))


def test_floats_have_six_digits_and_one_that_is_not_finite_is_null(tmp_path):
    subsets = {"a": {"x": 1 / 3, "y": np.float32(2 / 3), "z": float("nan"), "w": -np.inf, "n": np.int64(7)}}
    history = {"loss": np.array([1234567.0, 1e-9])}
    Card("r", "regression", scores=Scores(subsets=subsets), history=history).write(tmp_path)
    written = read_card(tmp_path)
    expected = {"x": 0.333333, "y": 0.666667, "z": None, "w": None, "n": 7}
    assert written["scores"]["subsets"]["a"] == expected
    assert written["history"]["loss"] == [1234570.0, 1e-9]
    assert Card.read(tmp_path).scores.subsets["a"] == expected


def test_what_a_tflite_carries_is_known_before_it_is_scored():
    carried = embedded_values(FULL)
    assert list(carried) == ["mmzoo", "recipe", "task", "config", "inputs", "outputs", "labels", "data"]
    assert carried == {name: value for name, value in to_values(FULL).items() if name in carried}
    assert carried["inputs"][0]["shape"] == [1, 28, 28, 1]


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_published_cards_are_upgraded_and_stay_themselves(folder, tmp_path):
    card = Card.read(folder)
    assert card.task == TASKS.get(folder.name, "classification")
    assert card.task in tasks.names()
    card.write(tmp_path)
    assert Card.read(tmp_path) == card
    before = read_card(folder)
    if "format" in before:
        return
    lost = Counter(leaves(before)) - Counter(leaves(dataclasses.asdict(card)))
    assert not lost, "nothing of the old card is lost"
    assert to_values(card) == read_card(tmp_path)


def leaves(value):
    """Yield the numbers and texts in nested lists and dicts."""
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    elif value not in (None, "", False):
        yield value if isinstance(value, str) else float(value)


OLD = {
    "mmzoo": "0.1.0",
    "recipe": "r",
    "task": "Digits",
    "scores": {"split": "test", "n": 4, "subsets": {"a": {"accuracy": 1}}, "artifacts": {}, "per_class": [1]},
    "baselines": {"a": {"accuracy": 1}},
    "average": {"accuracy": 0.5},
    "fusion_gain": {"over": "a"},
    "consistency": {"agreement": 1},
    "peers": {"all": {"accuracy": 0.25}},
    "peer_rows": "some",
    "constant": {"value": 2},
    "fused": 0.75,
    "verify": {"exit_code": 0},
    "machine": "m",
    "versions": {"keras": "3"},
    "commit": "c",
    "wall_seconds": 2.5,
}


def test_each_key_of_an_old_card_has_its_place(tmp_path):
    (tmp_path / "card.json").write_text(json.dumps(OLD))
    card = Card.read(tmp_path)
    metrics = {"accuracy": 1}
    assert card == Card(
        recipe="r",
        task="classification",
        mmzoo="0.1.0",
        summary="Digits",
        scores=Scores("test", 4, {}, {"a": metrics}, {"per_class": [1]}),
        baselines=Baselines(
            {"a": metrics},
            {"accuracy": 0.5},
            {"over": "a"},
            {"agreement": 1},
            {"all": {"accuracy": 0.25}},
            "some",
            {"value": 2},
            0.75,
        ),
        verification=Verification(0),
        environment=Environment("m", {"keras": "3"}, "c", 2.5),
    )


@pytest.mark.parametrize(
    ("found", "task"),
    [
        ({"scores": {"transcripts": {}}}, "transcription"),
        ({"scores": {"retrieval": {}}}, "retrieval"),
        ({"scores": {"anomalies": {}}}, "anomaly"),
        ({"scores": {"objective": {}}, "outputs": [{"name": "embedding"}]}, "pretraining"),
        ({"outputs": [{"name": "heatmap"}, {"name": "boxes"}]}, "detection"),
        ({"outputs": [{"name": "value"}]}, "regression"),
        ({"outputs": [{"name": "label_probabilities"}]}, "multilabel"),
        ({"outputs": [{"name": "probabilities"}]}, "classification"),
        ({}, "classification"),
    ],
)
def test_the_task_of_an_old_card_is_that_of_its_scores_or_outputs(found, task):
    assert upgrade({"recipe": "r", **found}, "card.json")["task"] == task


def changed(path, value):
    """Return the full card's JSON with `value` at the keys `path`, or without the last of them."""
    values = copy.deepcopy(to_values(FULL))
    inside = values
    for key in path[:-1]:
        inside = inside[key]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return json.dumps(values)


BROKEN = {
    "no JSON": ("{", r"expected JSON"),
    "bytes": ("\x00\ufffd", r"expected JSON"),
    "deep": ("[" * 200_000, r"expected JSON"),
    "list": ("[]", r"expected a JSON object. Received: list"),
    "empty": ("{}", r"`recipe` is missing"),
    "unknown": (changed(["zebra"], 1), r"`zebra` is not a key of a card"),
    "unknown below": (changed(["scores", "zebra"], 1), r"`scores.zebra` is not a key of a card"),
    "unknown in a list": (changed(["inputs", 1, "zebra"], 1), r"`inputs.1.zebra` is not a key of a card"),
    "missing": (changed(["task"], None), r"`task` is missing"),
    "missing below": (changed(["files", "model.keras", "bytes"], None), r"`files.model.keras.bytes` is missing"),
    "missing in a list": (
        changed(["verification", "checks", 0, "status"], None),
        r"`verification.checks.0.status` is missing",
    ),
    "text for a number": (changed(["parameters"], "many"), r'`parameters` .*got "many"'),
    "number for text": (changed(["data", "license"], 7), r"`data.license` .*got 7"),
    "number as text": (changed(["scores", "n"], "9"), r'`scores.n` .*got "9"'),
    "list for an object": (changed(["scores"], []), r"`scores` .*got \[\]"),
    "object for a list": (changed(["labels"], {}), r"`labels` .*got \{\}"),
    "shape of text": (changed(["inputs", 0, "shape"], [1, "x"]), r'`inputs.0.shape.1` .*got "x"'),
    "table, unknown modality": (
        changed(["table", "source", "inputs", 0, 0], "smell"),
        r"`inputs` must be known modalities with columns of their kind, got 'smell'",
    ),
    "table, column of another kind": (changed(["table", "source", "inputs", 0, 1], [["a"]]), r"`table.source.inputs"),
    "table, text for features": (changed(["table", "source", "inputs", 2, 1], ["size"]), r"`inputs` must be known mod"),
    "table, too many steps": (
        changed(["table", "source", "inputs", 1, 1, 0, "steps"], 10**12),
        r"`inputs` must be series of 1 to 1000000 steps",
    ),
    "table, not finite": (changed(["table", "source", "inputs", 2, 1, 0, "mean"], np.inf), r"`table.source.inputs"),
    "table, path of a network": (
        changed(["table", "encoders", "image", "handle"], "hf://a/b"),
        r"`encoders` must be published networks",
    ),
    "table, other weights": (changed(["table", "class_weight"], [1.0]), r"`class_weight` must be a number per class"),
    "old, unknown": (json.dumps({**OLD, "zebra": 1}), r"`zebra` is not a key of a card"),
    "old, list for an object": (json.dumps({**OLD, "scores": []}), r"`scores` must be an object, got list"),
    "old, text for a number": (json.dumps({**OLD, "parameters": "many"}), r'`parameters` .*got "many"'),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_card_is_one_line_that_names_the_key(text, said, tmp_path):
    (tmp_path / "card.json").write_text(text)
    with pytest.raises(BadInputError, match=f"card.json: {said}") as caught:
        Card.read(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_card_that_is_not_utf8_or_not_there_is_one_line(tmp_path):
    (tmp_path / "card.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(BadInputError, match=r"card.json: expected JSON"):
        Card.read(tmp_path)
    (tmp_path / "card.json").unlink()
    with pytest.raises(BadInputError, match=r"expected card.json in it. Received a folder with nothing"):
        Card.read(tmp_path)
    with pytest.raises(BadInputError, match="no such folder"):
        Card.read(tmp_path / "none")


VERBS = {
    "evaluate": ["evaluate", "FOLDER"],
    "export": ["export", "FOLDER"],
    "verify": ["verify", "FOLDER"],
    "benchmark": ["benchmark", "FOLDER"],
    "predict": ["predict", "FOLDER", "TABLE"],
}
SEEN = ("no JSON", "deep", "list", "unknown below", "missing in a list", "text for a number", "old, unknown")


@pytest.mark.parametrize("words", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("name", SEEN)
def test_every_verb_says_what_is_wrong_with_a_card(words, name, tmp_path, capsys):
    text, said = BROKEN[name]
    folder, table = tmp_path / "model", tmp_path / "t.csv"
    folder.mkdir()
    (folder / "card.json").write_text(text)
    table.write_text("a,b\n1,2\n")
    places = {"FOLDER": str(folder), "TABLE": str(table)}
    with pytest.raises(SystemExit) as stopped:
        app.main([places.get(word, word) for word in words])
    error = capsys.readouterr().err
    assert stopped.value.code == 2, error
    assert re.search(f"card.json: {said}", error)
    assert len(error.splitlines()) == 1
    assert [path.name for path in folder.iterdir()] == ["card.json"]


@pytest.mark.parametrize("name", ["no JSON", "list", "unknown below", "old, unknown"])
def test_publish_says_what_is_wrong_with_a_card(name, tmp_path, capsys):
    text, said = BROKEN[name]
    folder = tmp_path / "saved_models" / "x"
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(text)
    (tmp_path / "README.md").write_text("<!-- models:begin --><!-- models:end -->")
    with pytest.raises(SystemExit) as stopped:
        app.main(["publish", "--root", str(tmp_path)])
    error = capsys.readouterr().err
    assert stopped.value.code == 2, error
    assert re.search(f"card.json: {said}", error)
    assert len(error.splitlines()) == 1
