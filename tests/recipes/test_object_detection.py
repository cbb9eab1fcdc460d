"""The recipe `object_detection`: its flags, its loss, and a run from training to a card with scores of its boxes."""

import dataclasses

import numpy as np
import pytest
from json_card import read_card
from verified import check_verified

from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.artifacts.runtimes import predictor
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.train import train
from mmzoo.data.sources import scattered_shapes
from mmzoo.device import Runner
from mmzoo.device.detections import detections
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import object_detection
from mmzoo.tasks.detection import TASK
from mmzoo.tasks.task import Examples
from mmzoo.verification.tflite_file import open_file
from mmzoo.verification.verify import _score_row

TINY = object_detection.TINY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("audio",)}, "`modalities` must be any of image in this order"),
        ({"modalities": ()}, "`modalities` must be"),
        ({"source": "coco"}, "`source` must be one of sample, bccd, coco256, got coco"),
        ({"embed_dim": 0}, "`embed_dim` must be a number above 0"),
        ({"embed_dim": 6}, "`embed_dim` must be a multiple of 4, got 6"),
        ({"passes": 0}, "`passes` must be 1 or more, got 0"),
        ({"seed": -1}, "`seed` must be"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        object_detection.Config(**flags)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    config = dataclasses.replace(TINY, source="bccd", data_dir=str(tmp_path / "none"))
    with pytest.raises(BadInputError, match="`data_dir`: no such folder"):
        object_detection.dataset("test", config)


def test_bccd_has_cells_of_its_own():
    model = object_detection.build(dataclasses.replace(TINY, source="bccd"))
    assert model.input["image"].shape == (None, 240, 320, 3)
    assert model.output.shape == (None, 30, 40, 7)


def test_validation_pictures_can_be_trained_on_too():
    joined = dataclasses.replace(TINY, join_validation=True)
    pictures = scattered_shapes.PICTURES
    steps = (pictures["train"] + pictures["validation"]) // TINY.batch_size
    assert len(object_detection.dataset("train", joined)) == steps
    assert len(object_detection.dataset("train", TINY)) == pictures["train"] // TINY.batch_size
    assert int(object_detection.dataset("test", joined).unbatch().reduce(0, lambda n, _: n + 1)) == pictures["test"]


def maps_of(objects, config):
    """Return the maps of a detector that is always right."""
    from mmzoo.models.center_targets import center_targets

    source = object_detection.SOURCES[config.source]
    cells = tuple(side // object_detection.STRIDE for side in source.IMAGE)
    target = np.asarray(center_targets(objects, cells, object_detection.STRIDE, len(source.CLASSES)))
    return np.concatenate([np.where(target[..., :-4] == 1, 1.0, 0.0), target[..., -4:]], axis=-1).astype("float32")


def test_who_is_always_right_has_no_loss_and_the_highest_score():
    data = scattered_shapes.sample("validation", 0)
    some = data.objects[:32]
    told = maps_of(some, TINY)
    objective = object_detection.objective(TINY)
    assert np.asarray(objective["loss"](some, told)).max() < 0.2  # of the focal loss around the centers
    np.testing.assert_allclose(objective["metrics"][0](some, told), 1, atol=1e-3)
    examples = Examples({}, some, ("a", "b", "c"), Experiment(object_detection, TINY))
    found = TASK.quick(lambda _: {"heatmap": told[..., :-4], "boxes": told[..., -4:]}, examples)
    assert found["map50_95"] > 0.97  # two things of a class in one cell are one peak
    wrong = {"heatmap": told[..., :-4], "boxes": told[..., -4:] + 30}
    assert TASK.quick(lambda _: wrong, examples)["map50"] < 0.05
    assert np.asarray(objective["loss"](some, np.concatenate(list(wrong.values()), axis=-1))).min() > 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    config = dataclasses.replace(TINY, epochs=4)
    return train("object_detection", config, out=tmp_path_factory.mktemp("trained") / "detector")


def test_every_file_is_right_and_runs_on_the_gpu(folder, gpu):
    check_verified(folder, object_detection.export(TINY))


def test_the_card_tells_what_the_boxes_score(folder):
    card = read_card(folder)
    scores = card["scores"]
    assert card["task"] == "detection"
    assert card["labels"] == list(scattered_shapes.CLASSES)
    assert [row["label"] for row in scores["details"]["per_class"]] == card["labels"]
    assert scores["details"]["map50"] > 0.04  # 0.093 after these four epochs
    assert scores["details"]["map50"] > scores["details"]["map50_95"] > 0
    assert scores["n"] == scattered_shapes.PICTURES["test"]
    assert set(scores["artifacts"]) >= {"model.keras", "model_float32.tflite", "model_int8.tflite", "model.onnx"}
    for file in ("model_float32.tflite", "saved_model", "model.onnx"):
        assert scores["artifacts"][file]["map50"] == pytest.approx(scores["details"]["map50"], abs=1e-3)
    text = (folder / "README.md").read_text()
    assert f"{100 * scores['details']['map50']:.2f} %" in text
    assert "mAP50-95" in text
    assert "from mmzoo.device.detections import detections" in text
    assert "calibration error" not in text
    assert not (folder / "confusion_matrix.png").exists()


def test_evaluate_finds_the_scores_of_the_card(folder, capsys):
    before = read_card(folder)["scores"]
    report = evaluate(folder, "float32")
    assert report["model_float32.tflite"]["map50"] == pytest.approx(before["details"]["map50"], abs=1e-3)
    assert "recorded in" in capsys.readouterr().out
    after = read_card(folder)["scores"]
    assert after["details"] == before["details"]
    assert set(after["artifacts"]) == set(before["artifacts"])
    evaluate(folder, "keras", limit=20)
    assert "20 examples (limit): not recorded" in capsys.readouterr().out
    assert read_card(folder)["scores"] == after


def test_a_quantized_file_that_scores_too_low_is_wrong(folder):
    card = Card.read(folder)
    file = open_file(folder / "model_int8.tflite", embedded_values(card))
    best = card.scores.artifacts["model.keras"]["map50"]
    card.scores.artifacts["model_int8.tflite"]["map50"] = best - 0.2
    (row,) = _score_row(file, card)
    assert (row["status"], row["detail"]) == ("wrong", "20.00 points of map50 below model.keras")


def test_the_runner_finds_what_the_model_found(folder):
    runner, data = Runner(folder), scattered_shapes.sample("test", TINY.seed)
    maps = predictor(folder / "model.keras")({"image": data.images[:20]})
    count = 0
    for image, heatmap, boxes in zip(data.images, maps["heatmap"], maps["boxes"], strict=False):
        told = runner(image=image)
        found, expected = detections(told["heatmap"], told["boxes"], 0.1), detections(heatmap, boxes, 0.1)
        np.testing.assert_array_equal(found["labels"], expected["labels"])
        np.testing.assert_allclose(found["boxes"], expected["boxes"], atol=0.05)
        count += len(found["labels"])
    assert count > 20
