"""The comparison of fusions: what is trained, its figures by hand, the table, and what it refuses."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from mmzoo import fusion, recipes
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import spoken_digits
from mmzoo.studies import fusions as module
from mmzoo.studies.runs import flags

CONFIG = spoken_digits.Config()
NAMES = ("gated", "maximum")
WHOLE = Experiment(recipes.load("spoken_digits"), CONFIG)
RIGHT = {"concat": 60, "gated": 72, "maximum": 50, ("image",): 40, ("audio",): 44}  # of 100


@pytest.fixture
def trained(monkeypatch):
    """Replace training by models that are right for a known share of the examples; return what was trained."""
    labels = np.arange(100) % 10
    inputs = {"image": np.zeros((100, 1)), "audio": np.zeros((100, 1)), "present": np.ones((100, 2), np.float32)}
    calls = []

    def train(experiment, title):
        config = experiment.config
        single = len(config.modalities) == 1
        calls.append((config.modalities if single else config.fusion, config.seed))
        return SimpleNamespace(right=RIGHT[calls[-1][0]] + config.seed * (2 if calls[-1][0] == "gated" else 1))

    def answers(model, given):
        missing = len(labels) - int(given["present"].all(axis=1).sum())
        right = model.right - 0.1 * missing - 0.1 * (given["present"][:, 0] == 0).sum()
        return np.eye(10)[(labels + (np.arange(100) >= right)) % 10]

    monkeypatch.setattr(module, "trained", train)
    monkeypatch.setattr(module, "answers", answers)
    monkeypatch.setattr(module, "test_arrays", lambda experiment: (inputs, labels))
    monkeypatch.setattr(
        module, "_costs", lambda *given: {name: {"parameters": 1234, "latency": 1.5} for name in given[1]}
    )
    return calls


def test_every_run_is_made_once(trained, tmp_path):
    result = module.compare_fusions(WHOLE, NAMES, range(3), tmp_path / "out")
    assert sorted(map(str, trained)) == sorted(
        str((name, seed)) for name in ("concat", *NAMES, ("image",), ("audio",)) for seed in range(3)
    )
    again = module.compare_fusions(WHOLE, NAMES, range(3), tmp_path / "out")
    assert len(trained) == 15
    assert again["points"] == json.loads(json.dumps(result["points"]))
    assert json.loads((tmp_path / "out" / "runs.json").read_text())["points"] == again["points"]


def test_points_by_hand(trained, tmp_path):
    result = module.compare_fusions(WHOLE, NAMES, range(3), tmp_path / "out")
    points = {point["model"]: point for point in result["points"]}
    assert points["concat"]["accuracy"]["all"] == [61.0, 1.0]
    assert "gain" not in points["concat"]
    assert points["gated"]["accuracy"] == {"all": [74.0, 2.0], "image": [64.0, 2.0], "audio": [54.0, 2.0]}
    gains = [12.0, 13.0, 14.0]
    low, high = stats.t.interval(0.95, 2, np.mean(gains), np.std(gains, ddof=1) / 3**0.5)
    assert points["gated"]["gain"] == [13.0, round(low, 2), round(high, 2)]
    assert points["maximum"]["gain"] == [-10.0, -10.0, -10.0]
    assert points["image alone"]["accuracy"] == {"all": [41.0, 1.0]}


def test_report_says_who_beats_concat(trained, tmp_path):
    out = tmp_path / "out"
    result = module.compare_fusions(WHOLE, NAMES, range(3), out)
    text = (out / "README.md").read_text()
    assert "better than concat: gated; worse: maximum;" in text
    options = flags("spoken_digits", dataclasses.asdict(CONFIG))
    assert f"`mmzoo study fusions spoken_digits {options} --seeds 3`" in text
    assert "| gated | 74.0 ± 2.0 | +13.0 (+10.5 to +15.5) | image 64.0, audio 54.0 | 3 | 1,234 | 1.50 |" in text
    module.write_table(tmp_path / "both.md", [out, out])
    assert (tmp_path / "both.md").read_text().count("| gated |") == 2
    weak = [point for point in result["points"] if point["model"] in ("concat", "maximum")]
    assert module._verdict(weak).startswith("nothing is better than concat")


def test_flags_are_what_is_not_as_usual():
    assert (
        flags("sentiment", {"join_validation": True, "modalities": ["text"]}) == "--join-validation --modalities text"
    )
    config = dataclasses.replace(spoken_digits.Config(), label_share=0.5, modalities=("audio",), seed=3)
    written = json.loads(json.dumps(dataclasses.asdict(config) | {"fusion": "", "data_dir": ""}))
    assert flags("spoken_digits", written) == "--modalities audio --label-share 0.5"
    assert flags("spoken_digits", dataclasses.asdict(spoken_digits.Config(epochs=2))) == "--epochs 2"


def test_costs_are_measured():
    costs = module._costs(Experiment(WHOLE.recipe, spoken_digits.TINY), ("concat", "maximum"))
    joint = 16 * 16 + 16 + 16 * 10 + 10  # embedding and classifier
    assert costs["maximum"]["parameters"] == joint  # a maximum has no weights
    assert costs["concat"]["parameters"] > joint
    assert costs["concat"]["latency"] == 1.0
    assert 0.2 < costs["maximum"]["latency"] < 5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fusions": ("magic",)}, "`fusions` must be of attention, .* got magic"),
        ({"seeds": ()}, "`seeds` must be 1 or more"),
        ({"experiment": WHOLE.changed(modalities=("image",))}, "`recipe` must fuse modalities"),
    ],
)
def test_refuses(change, said, tmp_path):
    given = {"experiment": WHOLE, "fusions": fusion.names(), "seeds": (0,)} | change
    with pytest.raises(BadInputError, match=said):
        module.compare_fusions(out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_command_line(mmzoo_here, tmp_path):
    done = mmzoo_here("study", "fusions", "spoken_digits", "--fusions", "magic", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("mmzoo: --fusions must be of attention, ")
    printed = mmzoo_here("study", "fusions", "spoken_digits", "--help").stdout
    assert "--fusions" in printed
    assert "--label-share" in printed
