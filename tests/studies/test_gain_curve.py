"""The curve of the fusion gain: what is trained, what is kept, and the figures."""

import json

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import spoken_digits
from mmzoo.studies import gain_curve as module

WHOLE = Experiment(recipes.load("spoken_digits"), spoken_digits.Config())


@pytest.fixture
def trained(monkeypatch):
    """Replace training by answers that are right for a known share of the examples; return what was trained."""
    labels = np.arange(100) % 10
    inputs = {"image": np.zeros((100, 1)), "audio": np.zeros((100, 1)), "present": np.ones((100, 2))}
    calls = []

    def answers(experiment, given):
        config = experiment.config
        calls.append((config.seed, config.snr_db, config.modalities))
        share = {("image",): 60, ("audio",): 40 + config.snr_db}.get(config.modalities, 80 + config.seed)
        wrong = (labels + (np.arange(100) >= share)) % 10
        return 0.9 * np.eye(10)[wrong] + 0.01

    monkeypatch.setattr(module, "_answers", answers)
    monkeypatch.setattr(module, "test_arrays", lambda experiment: (inputs, labels))
    return calls


def test_points_and_what_is_trained_once_a_seed(trained, tmp_path):
    out = tmp_path / "curve.json"
    args = (WHOLE, "snr_db", [0.0, 10.0], range(2), str(out), "audio")
    curve = module.gain_curve(*args)
    assert [modalities for *_, modalities in trained].count(("image",)) == 2
    assert len(trained) == 2 + 4 + 4
    low, high = curve["points"]
    assert low["image"] == [60, 0]
    assert (low["audio"][0], high["audio"][0]) == (40, 50)
    assert low["fused"] == [80.5, 0.71]
    assert low["gain"] == [20.5, 0.71]
    assert low["seeds"] == 2
    trained.clear()
    assert module.gain_curve(*args) == curve
    assert not trained, "what is in the file is not trained again"
    assert json.loads(out.read_text())["points"] == curve["points"]


def test_runs_of_another_config_are_refused(trained, tmp_path):
    out = str(tmp_path / "c.json")
    module.gain_curve(WHOLE, "snr_db", [0.0], range(1), out)
    with pytest.raises(BadInputError, match="expected runs of the same config"):
        module.gain_curve(WHOLE.changed(epochs=3), "snr_db", [0.0], range(1), out)


def test_the_card_shows_it(trained, tmp_path):
    curve = module.gain_curve(WHOLE, "snr_db", [0.0], range(1), str(tmp_path / "c.json"))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "card.json").write_text(json.dumps({"recipe": "spoken_digits"}))
    command = module.curve_command(curve, "1", "audio")
    assert command == "mmzoo study gain-curve spoken_digits snr_db --touches audio --seeds 1 -- 0"
    module.record({**curve, "command": command}, str(folder))
    text = (folder / "README.md").read_text()
    assert "80.0 ± 0.0" in text
    assert command in text
    assert "(gain_curve.png)" in text
    assert "gain_curve.png" in json.loads((folder / "card.json").read_text())["files"]
