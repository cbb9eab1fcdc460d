"""The card's README says what the card says, and nothing else."""

import copy
import json
import re
from dataclasses import fields, replace

import numpy as np
import pytest
from json_card import card_of

from mmzoo.artifacts.card import Card, to_values
from mmzoo.artifacts.environment import environment
from mmzoo.reports.readme import command, gpu_verdict, readme
from mmzoo.reports.write import write_card
from mmzoo.tasks.format import table

SHA = "ab" * 32
PRESENT = {
    "name": "present",
    "shape": [1, 2],
    "dtype": "float32",
    "unit": "1 there, 0 missing",
    "range": [0, 1],
}
SUBSETS = {"image+audio": 0.9571, "image": 0.8812, "audio": 0.8234, "none": 0.1}


def summary(accuracy):
    keys = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "log_loss")
    return dict.fromkeys(keys, accuracy) | {"ece": 0.0123}


def check(artifact, on, **more):
    return {"artifact": artifact, "on": on, "against": "model.keras", **more}


def example():
    """A full card as JSON, in the form that `train`, `verify` and `benchmark` leave."""
    row = {"label": "zero", "precision": 0.5, "recall": 0.25, "f1": 0.3333333333, "support": 21}
    times = {"median_ms": 0.2223, "best_ms": 0.1534, "peak_share": 0.8765}
    ratio = {"mobilenet_v3_small": {"best": 0.2612, "median": 0.3}}
    timed = {"name": "out/model_float32.tflite", "multiply_adds": 5_670_000, "peer": False}
    files = (
        "model.keras",
        "saved_model",
        "model_float32.tflite",
        "model_int8.tflite",
        "model.onnx",
        "golden.npz",
    )
    checks = [
        check("model_float32.tflite", "cpu", status="right", max_error=1.25e-7),
        check("model_float32.tflite", "gpu", status="right", max_error=3.1e-7),
        check("model_int8.tflite", "cpu", status="information", max_error=0.021),
    ]
    return {
        "format": 2,
        "recipe": "spoken_digits",
        "task": "classification",
        "mmzoo": "0.1.0",
        "config": {
            "source": "sample",
            "epochs": 8,
            "data_dir": "/home/someone",
            "snr": [0, 5],
            "fast": False,
        },
        "data": {"name": "sample", "version": "1", "license": "CC0", "weights_license": "Apache-2.0"},
        "parameters": 98765,
        "seed": 7,
        "inputs": [
            {
                "name": "image",
                "shape": [1, 28, 28, 1],
                "dtype": "uint8",
                "unit": "gray|level",
                "range": [0, 255],
            },
            {"name": "audio", "shape": [1, 8000], "dtype": "float32", "unit": "waveform", "range": [-1, 1]},
            PRESENT,
        ],
        "outputs": [{"name": "probabilities", "shape": [1, 10], "dtype": "float32"}],
        "labels": ["zero", "one"],
        "scores": {
            "split": "test",
            "n": 1234,
            "subsets": {name: summary(accuracy) for name, accuracy in SUBSETS.items()},
            "details": {"per_class": [row], "confusion": [[1]]},
            "artifacts": {"model_int8.tflite": {"accuracy": 0.9512, "ece": 0.02, "n": 1234}},
        },
        "baselines": {
            "unimodal": {"image": summary(0.8899) | {"parameters": 50001}, "audio": summary(0.8301)},
            "average": {"accuracy": 0.9311},
            "consistency": {"agreement": 0.815, "fleiss_kappa": 0.7},
            "fusion_gain": {"over": "image", "points": 6.7239, "low": 5.25, "high": 8.25},
        },
        "files": {name: {"bytes": 654321, "sha256": SHA} for name in files},
        "operators": {"model_float32.tflite": {"ADD": 2, "CONV_2D": 7}},
        "verification": {"exit_code": 0, "checks": checks, "gpu": {"adapter": "a software driver"}},
        "benchmark": {
            "machine": {"processor": "a processor", "cores": 2},
            "runs": 1000,
            "models": [timed | {"threads": {"1": times | {"ratio": ratio}}}],
        },
        "environment": {
            "machine": "a processor, 2 cores",
            "versions": {"keras": "3.15.1"},
            "commit": "c0ffee",
            "wall_seconds": np.float64(83.4),
        },
    }


def test_every_part_of_the_card_is_in_the_readme(tmp_path):
    (tmp_path / "learning_curve.png").touch()
    write_card(tmp_path, card_of(**example()))
    text = (tmp_path / "README.md").read_text()
    for fact in (
        "# spoken_digits",
        "One of 2 classes from image and audio",
        "98,765 parameters",
        "made by mmzoo 0.1.0",
        "| seed | 7 |",
        "1,234 examples",
        "| image+audio | 95.71 % | 95.71 % | 95.71 % | 95.71 % | 1.23 % |  |",
        "| image | 88.12 % | 88.12 % | 88.12 % | 88.12 % | 1.23 % | 88.99 % |",
        "Fusion gain: +6.72 points over image (95 % interval +5.25 to +8.25). Cluster bootstrap over",
        "over image inputs; audio inputs are not resampled.",
        "unimodal predictions: accuracy 93.11 %",
        "unimodal baselines agree on 81.50 % of the examples (Fleiss' kappa 0.70)",
        "image 50,001",
        "| zero | 50.00 % | 25.00 % | 33.33 % | 21 |",
        "![Learning curve](learning_curve.png)",
        "| input | `image` | (1, 28, 28, 1) | uint8 | gray\\|level | 0 to 255 |",
        "| output | `probabilities` | (1, 10) | float32 |  |  |",
        "| `model_int8.tflite` | 654,321 | 95.12 % | 2.00 % | 2.1e-02 | GPU: not executed |",
        "1.2e-07 | resident, max error 3.1e-07",
        "It ran on: a software driver.",
        "CONV_2D 7, ADD 2",
        "median 0.222 ms, best 0.153 ms, 0.26 of mobilenet_v3_small, 5.67 M multiply-adds, 88 % of the peak",
        "1,000 timed runs on a processor, 2 cores.",
        "from mmzoo.device import Runner",
        'runner(image="image.png", audio="speech.wav")',
        "`mmzoo train spoken_digits --source sample --epochs 8 --snr 0 --snr 5 --no-fast`",
        "c0ffee",
        "CC0",
        "Apache-2.0",
        "keras 3.15.1",
        "83 s",
        SHA,
    ):
        assert fact in text, fact
    assert "confusion_matrix.png" not in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["README.md", "card.json", "learning_curve.png"]


def numbers(value, path=()):
    """Yield the path of every number in a card."""
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(item, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(card, path, value):
    card = copy.deepcopy(card)
    inside = card
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return card


# kept in card.json alone, or drawn
HIDDEN = re.compile(
    r"log_loss|confusion|exit_code|^format$|artifacts/.*/n|golden.npz/bytes|unimodal/.*/(macro|ece)|ratio.*median$"
)


def test_the_readme_shows_the_numbers_of_the_card():
    card, shown = example(), 0
    for path in numbers(card):
        if not HIDDEN.search("/".join(map(str, path))):
            assert readme(card_of(**changed(card, path, 31))) != readme(card_of(**card)), path
            shown += 1
    assert shown > 60


def test_the_readme_has_no_number_of_its_own():
    card = json.loads(json.dumps(example(), default=float))
    for path in numbers(card):
        card = changed(card, path, 0)
    card |= {"format": 2, "mmzoo": "", "environment": {"versions": {"keras": "3.15.1"}}, "data": {}, "labels": []}
    card["inputs"][2]["unit"] = ""
    text = re.sub(
        r"float32|u?int8|mobilenet_v3|CONV_2D|F1|95 % interval|SHA-256|1 thread|3\.15\.1", "", readme(card_of(**card))
    )
    assert not re.findall(r".*[1-9].*", text)


def test_the_json_is_rounded_ordered_and_without_this_machine(tmp_path):
    card = replace(card_of(**example()), history={"loss": [np.float32(1 / 3)], "val_loss": [float("nan")]})
    before = copy.deepcopy(card.config)
    write_card(tmp_path, card)
    text = (tmp_path / "card.json").read_text()
    got = json.loads(text)
    assert list(got) == [field.name for field in fields(Card) if field.name in got]
    assert got["history"] == {"loss": [0.333333], "val_loss": [None]}
    assert got["scores"]["details"]["per_class"][0]["f1"] == 0.333333
    assert got["config"]["data_dir"] == ""
    assert "someone" not in text + (tmp_path / "README.md").read_text()
    assert card.config == before
    write_card(tmp_path, Card.read(tmp_path))
    assert (tmp_path / "card.json").read_text() == text


@pytest.mark.parametrize(
    ("gpu", "words"),
    [
        ({"status": "right", "max_error": 3e-7}, "resident, max error 3.0e-07"),
        ({"status": "wrong", "max_error": 5.9, "rule": "G11"}, "**wrong**, max error 5.9e+00 (rule G11)"),
        ({"status": "wrong", "max_error": None}, "**wrong**"),
        ({"status": "refused", "rule": "G1"}, "not resident (rule G1)"),
        ({"status": "died"}, "the accelerator died"),
        ({"status": "not executed", "detail": "no Vulkan driver"}, "GPU: not executed"),
        ({"on": "cpu", "status": "right", "max_error": 0.0}, "GPU: not executed"),
    ],
)
def test_the_gpu_verdict_never_says_more_than_was_seen(gpu, words):
    card = card_of(verification={"exit_code": 0, "checks": [check("m.tflite", **{"on": "gpu", **gpu})]})
    assert gpu_verdict(card, "m.tflite") == words
    assert gpu_verdict(card_of(), "m.tflite") == "GPU: not executed"
    assert gpu_verdict(card, "model.onnx") == ""


def test_a_bare_card_is_enough(tmp_path):
    write_card(tmp_path, card_of(recipe="x", inputs=[PRESENT], labels=[]))
    assert (tmp_path / "README.md").read_text().startswith("# x\n")


def test_a_recorded_command_goes_before_the_config():
    assert command(card_of(recipe="x", command="mmzoo train x", config={"a": 1})) == "mmzoo train x"


def test_table_leaves_out_empty_columns():
    assert table(["a", "b"], [["1", ""], ["2", None]]) == "| a |\n| --- |\n| 1 |\n| 2 |"


def test_environment_names_no_place(monkeypatch):
    found = environment()
    assert re.search(r"\d+ cores", found.machine)
    assert set(found.versions) >= {"python", "mmzoo", "keras", "numpy"}
    assert not re.search(r"/(home|work|tmp|root)", json.dumps(to_values(found)))
    assert re.fullmatch(r"([0-9a-f]{40}(-dirty)?)?", found.commit)
    monkeypatch.setenv("PATH", "")
    assert environment().commit == ""


def test_the_readme_of_features_that_share_nothing(tmp_path):
    card = example()
    card["baselines"]["fusion_gain"]["groups"] = card["scores"]["n"]
    card["inputs"][1] |= {"shape": [1, 7, 73], "unit": "features"}
    write_card(tmp_path, card_of(**card))
    text = (tmp_path / "README.md").read_text()
    assert "bootstrap" not in text
    assert 'runner(image="image.png", audio=audio)' in text
