"""The comparison of strategies: a small one whole, its figures by hand, and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.cli.parser import seeds_of
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import spoken_digits
from mmzoo.studies import strategies as module
from mmzoo.studies.runs import format_seeds
from mmzoo.studies.strategies import STRATEGIES, compare_strategies, points_of, verdict

TINY = replace(spoken_digits.TINY, epochs=1, pairings=1, batch_size=128)
WHOLE = Experiment(recipes.load("spoken_digits"), TINY)
SOME = ("scratch", "masked_whole", "masked_probe", "masked_linear")


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    out = tmp_path_factory.mktemp("compared") / "out"
    return compare_strategies(WHOLE, (0.1,), (0,), out, 1, SOME), out


def test_every_run_is_there(compared):
    result, out = compared
    assert {(r["strategy"], r["share"]) for r in result["runs"]} == {(s, 0.1) for s in SOME}
    assert len(result["points"]) == len(SOME)
    for run in result["runs"]:
        assert 5 < run["accuracy"] <= 100
        assert run["seconds"] > 0
    assert json.loads((out / "runs.json").read_text())["points"] == json.loads(json.dumps(result["points"]))
    assert (out / "strategies.png").stat().st_size > 5000


def test_costs_are_those_of_what_is_trained(compared):
    runs = {(r["strategy"], r["share"]): r for r in compared[0]["runs"]}
    whole, probe = runs["masked_whole", 0.1], runs["masked_probe", 0.1]
    assert whole["multiply_adds"] == runs["scratch", 0.1]["multiply_adds"]
    assert whole["multiply_adds"] / 3.05 < probe["multiply_adds"] < whole["multiply_adds"] / 2.5
    assert runs["scratch", 0.1]["pretraining_multiply_adds"] == 0
    assert whole["pretraining_multiply_adds"] == probe["pretraining_multiply_adds"] > 0


def test_what_is_done_is_not_done_again(compared, monkeypatch):
    result, out = compared
    monkeypatch.setattr(module, "trained", lambda *given: pytest.fail("trained again"))
    again = compare_strategies(WHOLE, (0.1,), (0,), out, 1, SOME)
    assert again["points"] == result["points"]


def test_report_tells_every_point(compared):
    result, out = compared
    text = (out / "README.md").read_text()
    assert text == module.report(result)
    for point in result["points"]:
        assert f"| {point['share']:.0%} | {point['strategy']} | {point['accuracy'][0]:.1f} |" in text


def test_points_by_hand():
    costs = dict.fromkeys(("seconds", "multiply_adds", "pretraining_seconds", "pretraining_multiply_adds"), 2.0)
    runs = [
        {"strategy": name, "share": 0.1, "seed": seed, "accuracy": accuracy, **costs}
        for name, series in {"scratch": [50.0, 54.0, 58.0], "contrastive_probe": [60.0, 62.0, 70.0]}.items()
        for seed, accuracy in enumerate(series)
    ]
    scratch, contrastive = points_of(runs, [*STRATEGIES])
    assert scratch["accuracy"] == [54.0, 4.0]
    assert "gain" not in scratch
    gains = [10, 8, 12]
    assert contrastive["gain"] == [round(np.mean(gains), 2), round(np.std(gains, ddof=1), 2)]
    result = {"points": [scratch, contrastive], "runs": runs}
    said = verdict(result, 0.1)
    assert said.startswith("above scratch by more than two deviations of the gain: contrastive_probe. Scratch lies ")
    assert "between 50.0 and 58.0 %, contrastive_probe between 60.0 and 70.0" in said
    assert "by seed it gains +10.0, +8.0, +12.0, at a correlation of 0.50 with scratch." in said
    assert said.endswith("A model that is always right would gain +46.0 ± 4.0.")
    for run in runs[3:]:
        run["accuracy"] -= 8.5
    result["points"] = points_of(runs, [*STRATEGIES])
    assert verdict(result, 0.1).startswith("above scratch by more than two deviations of the gain: none.")
    assert verdict({**result, "points": [p | {"seeds": 2} for p in result["points"]]}, 0.1).startswith("no strategy")


def test_linear_probe_is_a_regression_on_frozen_encoders(compared):
    runs = {r["strategy"]: r for r in compared[0]["runs"]}
    assert runs["masked_linear"]["multiply_adds"] < runs["masked_probe"]["multiply_adds"]
    assert runs["masked_linear"]["pretraining_multiply_adds"] == runs["masked_probe"]["pretraining_multiply_adds"]
    assert runs["masked_linear"]["accuracy"] > 20, "chance is 10"


def test_phases():
    config = replace(TINY, epochs=5)
    first, second = module.phases_of("head first", ("image_encoder",), config)
    assert (first.epochs, second.epochs) == (2, 3)
    assert first.frozen == ("image_encoder",)
    assert second.rates == (("image_encoder", 0.3),)
    assert module.phases_of("all", ("image_encoder",), config)[0].frozen == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shares": ()}, "`shares` must be above 0 and 1 at most"),
        ({"shares": (0.0,)}, "`shares` must be above 0"),
        ({"seeds": ()}, "`seeds` must be 1 or more"),
        ({"strategies": ("magic",)}, "`strategies` must be of scratch, .* got magic"),
    ],
)
def test_refuses(change, said, tmp_path):
    given = {"shares": (0.1,), "seeds": (0,), "strategies": tuple(STRATEGIES)} | change
    with pytest.raises(BadInputError, match=said):
        compare_strategies(WHOLE, out=tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def test_refuses_runs_of_something_else(compared):
    with pytest.raises(BadInputError, match=r"runs.json: expected runs of the same config"):
        compare_strategies(WHOLE.changed(embed_dim=8), (0.1,), (0,), compared[1], 1, SOME)


@pytest.mark.parametrize(("text", "seeds"), [("3", [0, 1, 2]), ("0,6,12", [0, 6, 12]), ("6,", None), ("0", [])])
def test_seeds_are_counted_or_named(text, seeds):
    if seeds is None:
        with pytest.raises(BadInputError, match="`seeds` must be numbers"):
            seeds_of(text)
    else:
        assert list(seeds_of(text)) == seeds
        assert format_seeds([{"seed": seed} for seed in [*seeds, *seeds]]) == text


def test_command_line(mmzoo_here, tmp_path):
    done = mmzoo_here("study", "strategies", "spoken_digits", "--shares", "a,b", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip() == "mmzoo: --shares must be numbers separated by commas, got a,b"
    done = mmzoo_here("study", "strategies", "spoken_digits", "--seeds", "0,x", cwd=tmp_path)
    assert done.stderr.strip() == "mmzoo: --seeds must be numbers separated by commas, got 0,x"
    printed = mmzoo_here("study", "strategies", "spoken_digits", "--help").stdout
    assert "--label-share" in printed
    assert "--pretraining-epochs" in printed
