"""The recipe `anomaly_detection`: its flags, its score by its formula, and a run from training to a card."""

import dataclasses

import keras
import numpy as np
import pytest
from json_card import read_card
from verified import check_verified

from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.train import train
from mmzoo.data.sources import synthetic_machines
from mmzoo.device import Runner
from mmzoo.errors import BadInputError
from mmzoo.recipes import anomaly_detection
from mmzoo.tasks.anomaly import TASK
from mmzoo.verification.tflite_file import open_file
from mmzoo.verification.verify import _score_row

TINY = anomaly_detection.TINY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("text",)}, "`modalities` must be any of image, audio in this order"),
        ({"modalities": ("audio", "image")}, "`modalities` must be"),
        ({"modalities": ()}, "`modalities` must be"),
        ({"source": "toys"}, "`source` must be one of sample, got toys"),
        ({"width": 6}, "`width` must be a multiple of 4, got 6"),
        ({"embed_dim": 0}, "`embed_dim` must be a number above 0"),
        ({"tampered": 0.0}, "`tampered` must be a share between 0 and 1, got 0.0"),
        ({"tampered": 1.0}, "`tampered` must be"),
        ({"batch_size": 2}, "`batch_size` must be 3 or more"),
        ({"seed": -1}, "`seed` must be"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        anomaly_detection.Config(**flags)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return anomaly_detection.build(TINY)


@pytest.fixture(scope="module")
def scenes():
    data = synthetic_machines.scenes(16, 0.5, [3])
    audio = data.clips.astype("float32") / 32768
    return {"image": data.images, "audio": audio, "present": np.ones((16, 2), "float32")}


def test_the_score_is_minus_the_log_of_the_probability_that_all_is_normal(model, scenes):
    told = np.asarray(model(scenes), "float64")
    logits, score = told[:, :3], told[:, 3]
    normal = np.prod(1 - 1 / (1 + np.exp(-logits)), axis=1)
    np.testing.assert_allclose(score, -np.log(normal), rtol=1e-4)
    assert np.ptp(score) > 0.1


@pytest.mark.parametrize("name", ["image", "audio"])
def test_with_one_missing_the_score_is_that_of_the_other(model, scenes, name):
    """And it does not depend on what is in the place of the missing one."""
    i = ["image", "audio"].index(name)
    present = np.zeros((16, 2), "float32")
    present[:, i] = 1
    whole = np.asarray(model(scenes))
    other = ["audio", "image"][i]
    blank = {**scenes, "present": present, other: np.zeros_like(scenes[other])}
    for given in ({**scenes, "present": present}, blank):
        alone = np.asarray(model(given))
        np.testing.assert_allclose(alone[:, 3], np.log1p(np.exp(whole[:, i])), rtol=1e-4)
        np.testing.assert_allclose(alone[:, i], whole[:, i], rtol=1e-4, atol=1e-5)
        assert not np.delete(alone[:, :3], i, axis=1).any()
    nothing = np.asarray(model({**scenes, "present": np.zeros((16, 2), "float32")}))
    assert not nothing.any()


@pytest.mark.parametrize(
    ("modalities", "told"), [(("image", "audio"), (1, 2, 3)), (("image",), (1,)), (("audio",), (2,))]
)
def test_loss_is_the_cross_entropy_of_each_kind(modalities, told):
    objective = anomaly_detection.objective(dataclasses.replace(TINY, modalities=modalities))
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 4, 12)
    logits = rng.normal(size=(12, len(told))).astype("float32")
    y_pred = np.concatenate([logits, rng.normal(size=(12, 1)).astype("float32")], axis=1)  # the score is not trained
    target = kinds[:, None] == np.array(told)
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    expected = -(np.where(target, np.log(p), np.log(1 - p))).sum(axis=1)
    for given in (kinds, kinds[:, None]):
        np.testing.assert_allclose(objective["loss"](given, y_pred), expected, rtol=1e-4)
        right = ((logits > 0) == target).mean(axis=1)
        np.testing.assert_allclose(objective["metrics"][0](given, y_pred), right, rtol=1e-5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_machines, "SCENES", {"train": 320, "validation": 100, "test": 180})
        synthetic_machines.sample.cache_clear()
        config = dataclasses.replace(TINY, epochs=5, batch_size=32)
        yield train("anomaly_detection", config, out=tmp_path_factory.mktemp("trained") / "odd")
    synthetic_machines.sample.cache_clear()


def test_every_file_is_right_and_runs_on_the_gpu(folder, gpu):
    check_verified(folder, anomaly_detection.export(TINY))


def test_the_card_tells_each_kind_and_each_subset(folder):
    card = read_card(folder)
    scores = card["scores"]
    assert card["labels"] == list(anomaly_detection.KINDS)
    assert list(scores["details"]["anomalies"]) == ["image+audio", "image", "audio"]
    assert (scores["n"], scores["details"]["normal"]) == (180, 90)
    for found in scores["details"]["anomalies"].values():
        assert {name: kind["n"] for name, kind in found["kinds"].items()} == {"seen": 30, "heard": 30, "mismatch": 30}
        assert found["auc"] == pytest.approx(np.mean([kind["auc"] for kind in found["kinds"].values()]), abs=1e-4)
        assert 0 <= found["false_alarms"] < 0.2
    assert set(scores["details"]["alone"]) == {"image", "audio"}
    full = scores["details"]["anomalies"]["image+audio"]["auc"]
    best = max(alone["auc"] for alone in scores["details"]["alone"].values())
    assert card["baselines"]["fusion_gain"]["points"] == pytest.approx(100 * (full - best), abs=0.01)
    assert (
        card["baselines"]["fusion_gain"]["low"]
        < card["baselines"]["fusion_gain"]["points"]
        < card["baselines"]["fusion_gain"]["high"]
    )
    for file in ("model.keras", "model_float32.tflite", "saved_model", "model.onnx"):
        assert scores["artifacts"][file]["auc"] == pytest.approx(full, abs=1e-3)
    text = (folder / "README.md").read_text()
    assert "detected, mismatch" in text
    assert "The output `parts` decomposes the score by anomaly type; the parts sum to the score: " in text
    assert "the score: `seen`, `heard`, `mismatch`." in text
    threshold = scores["details"]["anomalies"]["image+audio"]["threshold"]
    assert f"print(score > {threshold:.3g})  # the threshold with all modalities" in text
    assert "calibration error" not in text
    assert TASK.headline(Card.read(folder).scores) == f"AUC {full:.3f}"
    assert not (folder / "confusion_matrix.png").exists()


def test_the_threshold_is_that_of_normal_validation_scenes(folder):
    card = read_card(folder)
    runner, data = Runner(folder), synthetic_machines.sample("validation", TINY.seed)
    clips = data.clips.astype("float32") / 32768
    told = [runner(image=x, audio=y) for x, y in zip(data.images, clips, strict=True)]
    line = card["scores"]["details"]["anomalies"]["image+audio"]["threshold"]
    assert np.mean([t["anomaly_score"][0] > line for t in told]) == pytest.approx(0.05, abs=0.011)
    np.testing.assert_allclose([t["parts"].sum() for t in told], [t["anomaly_score"][0] for t in told], rtol=1e-4)
    alone = [runner(audio=y)["anomaly_score"][0] for y in clips]
    assert np.mean(alone > np.float32(card["scores"]["details"]["anomalies"]["audio"]["threshold"])) == pytest.approx(
        0.05, abs=0.011
    )


def test_evaluate_finds_the_scores_of_the_card(folder, capsys):
    before = read_card(folder)["scores"]
    report = evaluate(folder, "float32")
    full = before["details"]["anomalies"]["image+audio"]
    assert report["model_float32.tflite"]["auc"] == pytest.approx(full["auc"], abs=1e-3)
    assert "180 examples: recorded in" in capsys.readouterr().out
    after = read_card(folder)["scores"]
    assert after["details"] == before["details"]
    assert set(after["details"]) == {"normal", "anomalies", "alone"}
    assert set(after["artifacts"]) == set(before["artifacts"])
    evaluate(folder, "keras", limit=60)
    assert "60 examples (limit): not recorded" in capsys.readouterr().out
    assert read_card(folder)["scores"] == after


def test_a_quantized_file_that_tells_less_apart_is_wrong(folder):
    card = Card.read(folder)
    file = open_file(folder / "model_int8.tflite", embedded_values(card))
    best = card.scores.artifacts["model.keras"]["auc"]
    card.scores.artifacts["model_int8.tflite"]["auc"] = best - 0.1
    (row,) = _score_row(file, card)
    assert (row["status"], row["detail"]) == ("wrong", "10.00 points of auc below model.keras")
