"""Pretraining of sounds without labels: what it learned is where sound_events starts, and what is compared."""

import dataclasses
import json

import keras
import numpy as np

from mmzoo.data.batches.clips import paired_sounds
from mmzoo.data.sources import synthetic_events
from mmzoo.experiment import Experiment
from mmzoo.models.transfer import read_model
from mmzoo.recipes import sound_events
from mmzoo.studies import pretrain_sounds

FEW = pretrain_sounds.Settings(config=sound_events.TINY, epochs=2, passes=1, projection=8)


def test_two_views_of_a_clip_differ_and_are_repeatable():
    data = synthetic_events.sample("train", 0)
    batches = list(paired_sounds(data, 50, 3, 0, 1))
    (views, ids), (again, same) = batches[0], next(iter(paired_sounds(data, 50, 3, 0, 1)))
    np.testing.assert_array_equal(ids, same)
    for name in ("first", "second"):
        np.testing.assert_array_equal(views[name], again[name])
        assert views[name].shape == (50, synthetic_events.SAMPLES)
    assert (np.abs(views["first"] - views["second"]).max(axis=1) > 0).mean() > 0.9
    epoch = np.concatenate([ids for _, ids in batches])
    assert len(set(epoch.tolist())) == len(epoch)


def test_what_was_learned_is_where_sound_events_starts(tmp_path, caplog):
    caplog.set_level("INFO", "mmzoo")
    path = pretrain_sounds.pretrain(tmp_path / "sounds.keras", FEW)
    assert "strangers nearer than the other view: 0." in caplog.text
    theirs = read_model(path).get_layer("audio_encoder")
    ours = sound_events.build(dataclasses.replace(FEW.config, init_from=str(path))).get_layer("audio_encoder")
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    keras.utils.set_random_seed(FEW.seed)  # as training began
    fresh = sound_events.build(FEW.config).get_layer("audio_encoder").get_layer("stem").get_weights()[0]
    assert np.abs(fresh - theirs.get_layer("stem").get_weights()[0]).max() > 0
    again = pretrain_sounds.pretrain(path, FEW)  # all is done already
    for a, b in zip(theirs.weights, read_model(again).get_layer("audio_encoder").weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_views_are_known_again_better_than_by_chance(tmp_path):
    settings = dataclasses.replace(FEW, epochs=3)
    _, history = pretrain_sounds.fit(Experiment(pretrain_sounds.VIEWS, settings), tmp_path, "test")
    assert history["val_strangers"][-1] < 0.3, "0.5 is chance"
    assert history["loss"][-1] < 0.95 * history["loss"][0], "it is learned, not there from the start"


def test_both_are_measured_on_the_folds_that_are_asked_for(tmp_path, monkeypatch, run_main, capsys):
    asked = []

    def trained(experiment, folder, title):
        config = experiment.config
        asked.append((title, config.fold, bool(config.init_from)))
        return None, {"val_accuracy": [0.1, 0.75 if config.init_from else 0.5]}

    monkeypatch.setattr(pretrain_sounds, "fit", trained)
    monkeypatch.setattr(pretrain_sounds, "pretrain", lambda out, settings: out)
    pretrain_sounds.measure(tmp_path / "r.json", (2, 5))
    assert asked == [(f"fold {f}, {name}", f, name != "scratch") for f in (2, 5) for name in ("scratch", "pretrained")]
    found = json.loads((tmp_path / "r.json").read_text())
    assert found["folds"] == [2, 5]
    assert found["mean"] == {"scratch": 0.5, "pretrained": 0.75}
    monkeypatch.undo()
    monkeypatch.setenv("MMZOO_DATA_DIR", str(tmp_path / "none"))
    assert run_main("study", "pretrain-sounds", tmp_path / "r2.json") == 2
    assert "MMZOO_DATA_DIR: no such folder" in capsys.readouterr().err
    assert not (tmp_path / "r2.json").exists()
    assert run_main("study", "pretrain-sounds", tmp_path / "r2.json", "--folds", 6) == 2
    assert capsys.readouterr().err == "mmzoo: `fold` must be one of 1, 2, 3, 4, 5, got 6\n"
