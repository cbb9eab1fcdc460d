"""Every format gives the answers of Keras; the command scores them, prints what it finds and records it."""

import dataclasses
import json
import shutil
import sys
from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
from epochs import small_recipe
from json_card import change_card, read_card

from mmzoo import recipes
from mmzoo.artifacts import runtimes
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import BASELINES, sha256
from mmzoo.artifacts.runtimes import predictor
from mmzoo.commands.evaluate import evaluate
from mmzoo.data import arrays
from mmzoo.data.presence import present_patterns
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Export

LABELS = ("a", "b", "c")
FILES = ("model.keras", "saved_model", "model_float32.tflite", "model.onnx")


def tiny_model():
    shapes = {"image": ((4, 4, 1), "uint8"), "audio": ((8,), "float32"), "present": ((2,), "float32")}
    x = {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in shapes.items()}
    image = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x["image"]))
    image = keras.layers.Dense(6, activation="tanh")(image) * x["present"][:, 0:1]
    audio = keras.layers.Dense(6, activation="tanh")(x["audio"]) * x["present"][:, 1:2]
    embedding = keras.layers.Dense(5, name="embedding")(keras.layers.Concatenate()([image, audio]))
    probabilities = keras.layers.Dense(3, activation="softmax", name="probabilities")(embedding)
    return keras.Model(x, {"probabilities": probabilities, "embedding": embedding})


@dataclass(frozen=True)
class Config:
    sizes: tuple = (7, 7, 6)
    data_dir: str = ""


def dataset(split, config, epoch=0):
    assert (split, config.sizes) == ("test", (7, 7, 6))
    rng = np.random.default_rng(0)
    for n in config.sizes:
        x = {
            "image": rng.integers(0, 256, (n, 4, 4, 1), dtype=np.uint8),
            "present": np.ones((n, 2), np.float32),
        }
        yield x | {"audio": rng.uniform(-1, 1, (n, 8)).astype(np.float32)}, rng.integers(0, 3, n)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The artifacts of one tiny model; read only."""
    folder = tmp_path_factory.mktemp("artifacts")
    keras.utils.set_random_seed(0)
    model = tiny_model()
    model.save(folder / "model.keras")
    spec = [{k: keras.InputSpec(shape=(1, *x.shape[1:]), dtype=x.dtype, name=k) for k, x in model.input.items()}]
    model.export(folder / "saved_model", input_signature=spec, verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved_model"))
    (folder / "model_float32.tflite").write_bytes(converter.convert())
    model.export(folder / "model.onnx", format="onnx", input_signature=spec, verbose=False)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A folder with a card of a recipe that exists for this test alone."""
    export = Export(labels=LABELS, outputs={}, units={}, data={}, ranges={})
    recipe = small_recipe(Config=Config, dataset=dataset, export=lambda config: export)
    monkeypatch.setattr(recipes, "load", lambda name: recipe)
    monkeypatch.setattr(recipes, "names", lambda: ["fake"])
    for name in FILES:
        (shutil.copytree if (made / name).is_dir() else shutil.copy)(made / name, tmp_path / name)
    files = {"saved_model": {"bytes": 1, "sha256": sha256(made / "saved_model")}}
    inputs = [{"name": n, "shape": [1], "dtype": "float32"} for n in ("image", "audio", "present")]
    card = {"recipe": "fake", "config": {"sizes": [7, 7, 6]}, "inputs": inputs, "labels": LABELS, "files": files}
    (tmp_path / "card.json").write_text(json.dumps(card))
    return tmp_path


@pytest.fixture(scope="module")
def examples():
    batches = list(dataset("test", Config()))
    return {k: np.concatenate([x[k] for x, _ in batches]) for k in batches[0][0]}


@pytest.mark.parametrize("name", FILES)
def test_every_format_answers_as_keras(made, examples, name):
    want = keras.models.load_model(made / "model.keras", compile=False).predict(examples, verbose=0)
    got = predictor(made / name)(examples | {"ignored": np.zeros(3)})
    assert set(got) == {"probabilities", "embedding"}
    for key, value in want.items():
        assert got[key].shape == value.shape
        np.testing.assert_allclose(got[key], value, atol=1e-5)


def test_artifact_that_cannot_run_is_one_line(made, examples, monkeypatch):
    def fail(feed):
        raise RuntimeError("an operator\nof another kind")

    opened = runtimes._onnx
    monkeypatch.setattr(runtimes, "_onnx", lambda path: dataclasses.replace(opened(path), runs=[fail]))
    with pytest.raises(BadInputError, match=r"model\.onnx: expected an artifact that runs. Received: an operator$"):
        predictor(made / "model.onnx")(examples)


@pytest.mark.parametrize("name", FILES)
def test_inputs_that_do_not_fit_are_refused(made, examples, name):
    predict = predictor(made / name)
    with pytest.raises(BadInputError, match=r"expected an input 'audio'\. Received: image"):
        predict({"image": examples["image"]})
    with pytest.raises(BadInputError, match=r"'audio' as float32 \(N, 8\)"):
        predict(examples | {"audio": np.zeros((20, 9), np.float32)})
    with pytest.raises(BadInputError, match="'image' as uint8"):
        predict(examples | {"image": np.zeros((20, 4, 4, 1), np.float32)})
    with pytest.raises(BadInputError, match="same number of examples"):
        predict(examples | {"audio": np.zeros((3, 8), np.float32)})


@pytest.mark.parametrize("name", ["model.keras", "model_float32.tflite", "model.onnx"])
def test_a_truncated_file_is_one_line(made, tmp_path, name):
    content = (made / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInputError, match=f"{name}: expected") as caught:
        predictor(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_what_is_no_artifact_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "model.txt").touch()
    for name in ("nothing.tflite", "folder", "model.txt"):
        with pytest.raises(BadInputError, match=f"{name}: expected"):
            predictor(tmp_path / name)
    (tmp_path / "m.onnx").touch()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInputError, match=r"pip install 'mmzoo\[onnx\]'"):
        predictor(tmp_path / "m.onnx")


def test_a_large_test_split_lies_on_disk(monkeypatch):
    rng = np.random.default_rng(0)
    batches = [
        ({"x": rng.normal(size=(n, 3)).astype(np.float32), "t": np.full((n, 2), n)}, np.arange(n)) for n in (5, 5, 2)
    ]
    recipe = small_recipe(dataset=lambda split, config, epoch: batches)
    monkeypatch.setattr(arrays, "KEPT", 100)
    inputs, labels = arrays.test_arrays(Experiment(recipe, None))
    assert isinstance(inputs["x"], np.memmap)
    monkeypatch.setattr(arrays, "KEPT", 10**6)
    small, _ = arrays.test_arrays(Experiment(recipe, None))
    assert not isinstance(small["x"], np.memmap)
    for name in ("x", "t"):
        np.testing.assert_array_equal(inputs[name], np.concatenate([x[name] for x, _ in batches]))
        np.testing.assert_array_equal(inputs[name], small[name])
        assert inputs[name].dtype == small[name].dtype
    assert len(labels) == 12
    inputs["x"][0] = 7  # a copy of one's own
    recipe = small_recipe(dataset=lambda split, config, epoch: [], name="fake")
    with pytest.raises(BadInputError, match="fake: expected examples in the test split"):
        arrays.test_arrays(Experiment(recipe, None))


def test_present_patterns():
    named = present_patterns(("image", "audio"))
    assert named == {"image+audio": (1, 1), "image": (1, 0), "audio": (0, 1), "none": (0, 0)}
    assert next(iter(named)) == "image+audio"
    three = present_patterns("xyz")
    assert len(three) == 8
    assert [three[name] for name in ("x+y+z", "x+z", "y", "none")] == [
        (1, 1, 1),
        (1, 0, 1),
        (0, 1, 0),
        (0, 0, 0),
    ]


def test_the_verb_records_what_it_prints(folder, capsys, examples):
    report = evaluate(folder)
    assert list(report) == list(FILES)
    assert list(report["model.onnx"]) == ["image+audio", "image", "audio", "none"]
    scores = read_card(folder)["scores"]
    assert (scores["n"], list(scores["artifacts"])) == (20, list(FILES))
    assert Card.read(folder).scores.split == "test"
    labels = np.concatenate([y for _, y in dataset("test", Config())])
    only_image = examples | {"present": np.tile(np.float32([1, 0]), (20, 1))}
    got = predictor(folder / "model_float32.tflite")(only_image)["probabilities"].argmax(1)
    assert scores["subsets"]["image"]["accuracy"] == pytest.approx((got == labels).mean())
    assert np.array(scores["details"]["confusion"]).sum() == 20
    printed = capsys.readouterr().out
    assert f"{report['model.onnx']['audio']['ece']:.4f}" in printed
    assert str(folder / "card.json") in printed
    assert (folder / "README.md").is_file()


def test_one_artifact_leaves_the_rest_of_the_card(folder, capsys):
    card = read_card(folder)
    card["scores"] = {"n": 9, "subsets": {"image": {"accuracy": 0.25}}, "artifacts": {"old": {"accuracy": 1}}}
    card["scores"]["details"] = {"per_class": []}
    card |= {"format": 2, "task": "classification"}
    (folder / "card.json").write_text(json.dumps(card))
    assert list(evaluate(folder, "float32", limit=5)) == ["model_float32.tflite"]
    assert read_card(folder) == card
    assert "5 examples (limit): not recorded" in capsys.readouterr().out
    evaluate(folder, "float32")
    scores = read_card(folder)["scores"]
    assert scores["subsets"] == card["scores"]["subsets"]
    assert scores["details"] == card["scores"]["details"]
    assert scores["artifacts"]["old"] == {"accuracy": 1}
    assert scores["artifacts"]["model_float32.tflite"]["n"] == 20


def test_bad_input_is_one_line(folder, tmp_path_factory):
    def message(*args, **kwargs):
        with pytest.raises(BadInputError, match=r"expected|must be") as caught:
            evaluate(*args, **kwargs)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "model_int8.tflite" in message(folder, "int8")
    assert "Received: fp8" in message(folder, "fp8")
    assert "limit" in message(folder, limit=-1)
    assert "card.json" in message(tmp_path_factory.mktemp("empty"))
    card = read_card(folder)
    for change, word in (({"recipe": "no_such"}, "no_such"), ({"config": {"gone": 1}}, "gone")):
        (folder / "card.json").write_text(json.dumps(card | change))
        assert word in message(folder)


def test_a_pretrained_model_is_scored_by_train_only(folder):
    change_card(folder, format=2, task="pretraining")
    with pytest.raises(BadInputError, match=r"a model of the task pretraining is scored by `mmzoo train` only"):
        evaluate(folder)


def test_the_gain_over_a_stored_baseline_is_printed_of_each_file(folder, capsys, examples):
    labels = np.concatenate([y for _, y in dataset("test", Config())])
    change_card(folder, fusion_gain={"over": "audio", "points": 1.0, "low": 0.0, "high": 2.0})
    evaluate(folder, "onnx")
    assert "fusion gain" not in capsys.readouterr().out
    np.savez(folder / BASELINES, audio=np.zeros(20, np.uint16))
    report = evaluate(folder)
    printed = [line for line in capsys.readouterr().out.splitlines() if "fusion gain" in line]
    assert [line.split()[0] for line in printed] == list(FILES)
    points = 100 * (report["model.onnx"]["image+audio"]["accuracy"] - (labels == 0).mean())
    assert f"{points:+.2f} points over audio (95 % interval " in printed[-1]


def test_kinds_of_examples_are_scored_apart(folder, examples, monkeypatch):
    """Beside the models of one modality; in the README too."""
    labels = np.concatenate([y for _, y in dataset("test", Config())])
    kinds = tuple("open" if i % 4 else "closed" for i in range(20))
    recipe = dataclasses.replace(recipes.load("fake"), kinds=lambda config: kinds)
    monkeypatch.setattr(recipes, "load", lambda name: recipe)
    np.savez(folder / BASELINES, audio=np.zeros(20, np.uint16), image=np.zeros(7, np.uint16))
    evaluate(folder, "keras")
    found = read_card(folder)["scores"]["details"]["by_kind"]
    fused = predictor(folder / "model.keras")(examples)["probabilities"].argmax(1) == labels
    closed = np.arange(20) % 4 == 0
    assert found["closed"] == pytest.approx(
        {"n": 5, "fused": fused[closed].mean(), "audio": (labels[closed] == 0).mean()}, rel=1e-4
    )
    assert found["open"]["n"] == 15
    line = f"| closed | 5 | {100 * found['closed']['fused']:.2f} % | {100 * found['closed']['audio']:.2f} % |"
    assert line in (folder / "README.md").read_text()
