"""Scores over the folds of a published recipe: what is trained, what is kept, and what the card tells."""

import dataclasses
import json

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.artifacts.card import from_values
from mmzoo.commands.publish import models_table
from mmzoo.data.sources import synthetic_events
from mmzoo.errors import BadInputError
from mmzoo.reports.write import write_card
from mmzoo.studies import folds as module

CARD = {
    "recipe": "sound_events",
    "config": {"source": "sample", "fold": 2, "epochs": 3, "modalities": ["audio"]},
    "commit": "abc",
    "data": {"license": "CC BY 3.0", "attribution": "somebody"},
    "scores": {"split": "test", "n": 80, "subsets": {"audio": {"accuracy": 0.95}}},
    "wall_seconds": 7.0,
}


@pytest.fixture
def begun(monkeypatch):
    """Replace training by answers of which a fold's number in ten is wrong; return the configs that were trained."""
    labels, configs = np.arange(40) % len(synthetic_events.CLASSES), []

    def train_one(experiment, title):
        configs.append(experiment.config)
        return experiment.config

    def told(config, inputs):
        wrong = (labels + (np.arange(40) < 4 * config.fold)) % len(synthetic_events.CLASSES)
        return 0.9 * np.eye(len(synthetic_events.CLASSES))[wrong] + 0.01

    monkeypatch.setattr(module, "trained", train_one)
    monkeypatch.setattr(module, "answers", told)
    monkeypatch.setattr(module, "test_arrays", lambda experiment: ({}, labels))
    return configs


def test_the_other_folds_are_trained_and_the_card_tells_all(begun, tmp_path):
    folder, out = tmp_path / "saved_models" / "sound_events", tmp_path / "folds.json"
    folder.mkdir(parents=True)
    write_card(folder, from_values(CARD, "card.json"))
    section = module.recipe_folds(folder, out)
    assert [(config.fold, config.epochs) for config in begun] == [(1, 3), (3, 3), (4, 3), (5, 3)]
    assert (section["folds"], section["own"], section["rows"]) == (5, 2, [40, 80, 40, 40, 40])
    found = section["models"]["audio"]
    assert found["folds"] == pytest.approx([0.9, 0.95, 0.7, 0.6, 0.5])
    assert found["mean"] == pytest.approx(0.73)
    assert found["deviation"] == pytest.approx(np.std(found["folds"], ddof=1))
    assert json.loads((folder / "card.json").read_text())["cross_validation"]["commit"][1] == "abc"
    text = (folder / "README.md").read_text()
    assert "| audio | 73.00 % ± 19.24 | 90.00 % | 95.00 % | 70.00 % |" in text
    assert "| attribution | somebody |" in text
    assert "The model in the folder is from fold 2." in text
    assert "accuracy 73.00 % ± 19.24, mean of 5 folds" in models_table(tmp_path / "saved_models")
    begun.clear()
    assert module.recipe_folds(folder, out) == section
    assert not begun, "what is in the file is not trained again"


def test_what_has_no_folds_is_refused(monkeypatch, tmp_path, run_main, capsys):
    write_card(tmp_path, from_values(CARD, "card.json"))
    whole = recipes.load("sound_events")
    monkeypatch.setattr(recipes, "load", lambda name: dataclasses.replace(whole, folds=None))
    with pytest.raises(BadInputError, match=r"expected a recipe with folds\. Received: sound_events"):
        module.recipe_folds(tmp_path, tmp_path / "folds.json")
    assert run_main("study", "folds", tmp_path) == 2
    assert "expected a recipe with folds" in capsys.readouterr().err
