"""The recipe `audio_visual_speech`: its flags, its metric, and a run from training to a card with error rates."""

import dataclasses

import numpy as np
import pytest
from json_card import read_card
from verified import check_verified

from mmzoo.artifacts.card import Card, embedded_values
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.train import train
from mmzoo.data.sources import spoken_numbers
from mmzoo.device import Runner
from mmzoo.errors import BadInputError
from mmzoo.metrics.language_model import read_language_model
from mmzoo.recipes import audio_visual_speech
from mmzoo.tasks import transcription
from mmzoo.verification.tflite_file import open_file
from mmzoo.verification.verify import _score_row

TINY = audio_visual_speech.TINY


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"modalities": ("video", "audio")}, "`modalities` must be any of audio, video in this order"),
        ({"source": "lrs3"}, "`source` must be one of sample, grid, got lrs3"),
        ({"snr_db": float("nan")}, "`snr_db` must be decibels, got nan"),
        ({"dropout": 1.0}, "`dropout` must be a number from 0 to below 1, got 1.0"),
        ({"joined": 1.5}, "`joined` must be a number from 0 to 1, got 1.5"),
        ({"layers": -1}, "`layers` must be 0 or more, got -1"),
        ({"embed_dim": 0}, "`embed_dim` must be a number above 0"),
    ],
    ids=str,
)
def test_flags_that_cannot_be(flags, said):
    with pytest.raises(BadInputError, match=said):
        audio_visual_speech.Config(**flags)


def test_grid_has_frames_of_its_own():
    model = audio_visual_speech.build(dataclasses.replace(TINY, source="grid"))
    assert model.input["video"].shape == (None, 75 * 32, 64, 1)
    assert model.input["audio"].shape == (None, 48000)
    assert model.output.shape == (None, 150, 28)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcription, "WIDTH", 2)  # of what is hardly trained all is likely: a beam takes long
        patch.setattr(spoken_numbers, "SENTENCES", {"train": 128, "validation": 32, "test": 48})
        spoken_numbers.sample.cache_clear()
        yield train("audio_visual_speech", TINY, out=tmp_path_factory.mktemp("trained") / "speech")
    spoken_numbers.sample.cache_clear()


def test_every_file_is_right_and_runs_on_the_gpu(folder, gpu):
    check_verified(folder, audio_visual_speech.export(TINY))


def test_the_card_tells_the_error_rates(folder):
    card = read_card(folder)
    scores = card["scores"]
    assert list(scores["details"]["transcripts"]) == ["as it is", "with pink noise at -5 dB"]
    for subsets in scores["details"]["transcripts"].values():
        assert list(subsets) == ["audio+video", "audio", "video"]
    assert set(scores["details"]["alone"]["as it is"]) == {"audio", "video"}
    assert set(scores["artifacts"]) >= {"model.keras", "model_float32.tflite", "model_dynamic.tflite", "model.onnx"}
    full = scores["details"]["transcripts"]["as it is"]["audio+video"]
    for file in ("model_float32.tflite", "saved_model", "model.onnx"):
        assert scores["artifacts"][file]["cer"] == pytest.approx(full["cer"], abs=2e-3)
    noisy = scores["details"]["transcripts"]["with pink noise at -5 dB"]
    assert noisy["video"] == scores["details"]["transcripts"]["as it is"]["video"]
    assert noisy["audio"] != scores["details"]["transcripts"]["as it is"]["audio"]
    text = (folder / "README.md").read_text()
    assert f"| {100 * full['wer']:.2f} |" in text
    assert "from mmzoo.metrics.decode import beam_ctc" in text
    assert "scorer=language.scorer()" in text


def test_a_language_model_of_the_training_split_is_beside_the_model(folder):
    card = read_card(folder)
    language = read_language_model(folder / "language_model.json")
    assert card["files"]["language_model.json"]["bytes"] > 100
    assert language.log_probability("\nthre", "e") > -0.01  # a digit is spelled as it was in training
    for scores in (card["scores"]["details"]["transcripts"], card["scores"]["details"]["alone"]):
        found = [rate for subsets in scores.values() for rate in subsets.values()]
        assert all(rate["wer_with_language_model"] >= 0 for rate in found)


def test_evaluate_finds_the_scores_of_the_card(folder, capsys):
    before = read_card(folder)["scores"]
    report = evaluate(folder, "float32")
    assert report["model_float32.tflite"] == pytest.approx(before["artifacts"]["model_float32.tflite"], abs=1e-5)
    assert "recorded in" in capsys.readouterr().out
    after = read_card(folder)["scores"]
    assert after == before
    evaluate(folder, "keras", limit=10)
    assert "10 examples (limit): not recorded" in capsys.readouterr().out
    assert read_card(folder)["scores"] == after


def test_a_quantized_file_that_scores_too_low_is_wrong(folder):
    card = Card.read(folder)
    file = open_file(folder / "model_dynamic.tflite", embedded_values(card))
    best = card.scores.artifacts["model.keras"]["word_accuracy"]
    card.scores.artifacts["model_dynamic.tflite"]["word_accuracy"] = best - 0.2
    (row,) = _score_row(file, card)
    assert (row["status"], row["detail"]) == ("wrong", "20.00 points of word_accuracy below model.keras")


def test_the_runner_hears_and_sees_what_the_model_did(folder):
    runner = Runner(folder)
    with np.load(folder / "golden.npz") as golden:
        sound, lips = golden["input/audio"][0], golden["input/video"][0]
    told = runner(audio=sound, video=lips)["log_probabilities"]
    assert told.shape == (128, 28)
    np.testing.assert_allclose(np.exp(told).sum(axis=-1), 1, atol=1e-3)
    assert np.abs(runner(video=lips)["log_probabilities"] - told).max() > 1e-3
