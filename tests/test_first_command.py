"""What the README's first command leaves behind."""

import json

import numpy as np
import pytest
import tensorflow as tf
from verified import check_verified

from mmzoo.artifacts.card import to_values
from mmzoo.artifacts.files import file_table
from mmzoo.device import Runner
from mmzoo.recipes import spoken_digits
from mmzoo.tflite import flatbuffer
from mmzoo.tflite.flatbuffer import METADATA

ARTIFACTS = {"model.keras", "saved_model", "model.onnx"} | {f"model_{p}.tflite" for p in ("float32", "dynamic", "int8")}


@pytest.fixture(scope="module")
def card(trained):
    return json.loads((trained[0] / "card.json").read_text())


def test_the_folder_is_whole(trained, card):
    folder, printed, _ = trained
    there = {path.name for path in folder.iterdir()}
    assert there >= ARTIFACTS | {"card.json", "README.md", "golden.npz", "labels.txt"}
    assert sorted(path.name for path in folder.parent.iterdir()) == ["spoken_digits"], "nothing else is left"
    assert card["files"] == to_values(file_table(folder))
    assert all(str(folder / name) in printed for name in ARTIFACTS)


def test_it_is_no_toy(card):
    """Each modality alone is neither hopeless nor enough, and both together are clearly better."""
    alone = {name: baseline["accuracy"] for name, baseline in card["baselines"]["unimodal"].items()}
    assert set(alone) == {"image", "audio"}
    assert all(0.75 <= accuracy <= 0.95 for accuracy in alone.values()), alone
    both = card["scores"]["subsets"]["image+audio"]["accuracy"]
    assert both >= max(alone.values()) + 0.04, (both, alone)
    assert max(alone.values()) <= 0.97
    assert card["baselines"]["fusion_gain"]["low"] > 0
    assert card["baselines"]["fusion_gain"]["points"] == pytest.approx(100 * (both - max(alone.values())), abs=1e-3)


def test_a_missing_modality_is_normal(card):
    subsets = card["scores"]["subsets"]
    assert set(subsets) == {"image+audio", "image", "audio", "none"}
    for name in ("image", "audio"):
        assert subsets[name]["accuracy"] > 0.6
    assert subsets["none"]["accuracy"] < 0.2


def test_the_artifacts_score_as_the_model(card):
    scored = card["scores"]["artifacts"]
    assert set(scored) == ARTIFACTS
    for name in ("saved_model", "model_float32.tflite", "model.onnx"):
        assert scored[name]["accuracy"] == pytest.approx(scored["model.keras"]["accuracy"], abs=1e-3)
    for name in ("model_dynamic.tflite", "model_int8.tflite"):
        assert scored[name]["accuracy"] >= scored["model.keras"]["accuracy"] - 0.01


def test_it_was_verified_on_the_gpu_accelerator(trained, card, gpu):
    checks = {(row["artifact"], row["on"]): row for row in card["verification"]["checks"]}
    assert card["verification"]["exit_code"] == 0
    for precision in ("float32", "dynamic", "int8"):
        assert checks[f"model_{precision}.tflite", "gpu"]["status"] == "right"
    assert checks["model_float32.tflite", "gpu"]["max_error"] <= 1e-3
    assert set(card["verification"]["examples"]["present"]) >= {"11", "10", "01", "00"}
    check_verified(trained[0], spoken_digits.export())


def test_sizes(trained, card):
    bytes_of = {name: file["bytes"] for name, file in card["files"].items()}
    assert card["parameters"] <= 120_000
    assert bytes_of["model_float32.tflite"] <= 800_000
    assert bytes_of["model_int8.tflite"] <= 400_000


def test_history_holds_the_metric(card):
    epochs = card["config"]["epochs"]
    for history in (card["history"], *card["history"]["baselines"].values()):
        assert len(history["val_accuracy"]) == len(history["loss"]) == epochs
        assert history["loss"][-1] < history["loss"][0]


def test_each_tflite_says_what_it_is(trained, card):
    for precision in ("float32", "dynamic", "int8"):
        about = json.loads(flatbuffer.get_metadata(flatbuffer.read(trained[0] / f"model_{precision}.tflite"), METADATA))
        assert about["recipe"] == "spoken_digits"
        assert about["labels"] == list("0123456789")
        assert about["inputs"] == card["inputs"]
        assert about["data"]["license"]


def test_saved_model_loads_everywhere(trained):
    import tensorflow_hub

    golden = np.load(trained[0] / "golden.npz")
    inputs = {name[6:]: tf.constant(golden[name]) for name in golden if name.startswith("input/")}
    for load in (tf.saved_model.load, tensorflow_hub.load):
        answer = load(str(trained[0] / "saved_model")).signatures["serving_default"](**inputs)
        for name in ("probabilities", "embedding"):
            np.testing.assert_allclose(answer[name], golden[f"output/{name}"], atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "dynamic", "int8"])
def test_a_device_answers_with_either_modality_or_both(trained, precision):
    golden = np.load(trained[0] / "golden.npz")
    runner = Runner(trained[0] / f"model_{precision}.tflite")
    image, audio = golden["input/image"][0], golden["input/audio"][0]
    for given in ({"image": image, "audio": audio}, {"image": image}, {"audio": audio}):
        answer = runner(**given)
        assert answer["label"] in runner.labels
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=0.02)
    both = [
        runner(image=i, audio=a)["label"] for i, a in zip(golden["input/image"], golden["input/audio"], strict=True)
    ]
    told = [runner.labels[p] for p in golden["output/probabilities"].argmax(axis=1)]
    assert np.mean([a == b for a, b in zip(both, told, strict=True)]) >= 0.93


def test_the_card_is_readable(trained, card):
    text = (trained[0] / "README.md").read_text()
    assert "mmzoo train spoken_digits" in text
    for plot in ("learning_curve.png", "confusion_matrix.png", "subset_scores.png"):
        assert f"({plot})" in text
        assert (trained[0] / plot).is_file()
    assert f"{100 * card['scores']['subsets']['image+audio']['accuracy']:.2f} %" in text


def test_seconds_are_told_and_few(trained, card):
    """The bar is three minutes on two cores of its own; a busy machine is given twice that."""
    assert trained[2] < 360
    assert 0 < card["environment"]["wall_seconds"] < trained[2]
