"""Tests of the line on what ships and how it compares with the best baseline."""

import pytest
from json_card import card_of

from mmzoo.reports.verdict import verdict


def card(low, high, chosen="fused", points=3.3333, inputs=("image", "text", "present"), best=("linear", "all")):
    return card_of(
        inputs=[{"name": name, "shape": [1, 2], "dtype": "float32"} for name in inputs],
        scores={
            "n": 60,
            "subsets": {"image+text": {"accuracy": 0.9}},
            "details": {"interval": {"low": 0.8, "high": 0.95}},
        },
        baselines={
            "chosen": chosen,
            "best": {
                "kind": best[0],
                "name": best[1],
                "accuracy": 0.8667,
                "gain": {"points": points, "low": low, "high": high},
            },
        },
    )


@pytest.mark.parametrize(
    ("low", "high", "points", "said"),
    [
        (-1.5, 8, 3.3333, "3.33 points better than the best baseline, a linear model of all modalities (86.67 %); 95 % "
         "interval of the gain -1.50 to +8.00: no difference is shown."),
        (1, 8, 3.3333, "+1.00 to +8.00: the model that ships is better."),
        (-9, -1, -3.3333, "3.33 points worse than the best baseline, a linear model of all modalities (86.67 %); 95 % "
         "interval of the gain -9.00 to -1.00: the baseline is better."),
        (-2, 2, 0.0, "the same as the best baseline, "),
    ],
)  # fmt: skip
def test_verdict_of_classes(low, high, points, said):
    found = verdict(card(low, high, points=points))
    assert found.startswith(
        "Ships: the fused model of image and text. Test accuracy 90.00 % (95 % interval 80.00 % to 95.00 %), "
    )
    assert said in found


@pytest.mark.parametrize(
    ("chosen", "inputs", "said"),
    [
        ("image", ("image", "present"), "the model of image."),
        ("", ("image", "present"), "the model of image."),
        ("linear", ("image", "text", "present"), "the linear model of image and text."),
        ("mean of unimodal", ("image", "text", "present"), "the mean of unimodal models of image and text."),
    ],
)
def test_verdict_names_what_ships(chosen, inputs, said):
    assert verdict(card(-1, 1, chosen, inputs=inputs)).startswith(f"Ships: {said}")


def test_verdict_of_a_number_is_in_its_unit():
    best = {"kind": "constant", "name": "49.28", "mae": 2.367, "gain": {"mae": -1.478, "low": -2, "high": -1}}
    scored = {"subsets": {"tabular": {"mae": 3.845}}, "details": {"interval": {"low": 3.1, "high": 4.6}}}
    inputs = [{"name": "tabular", "shape": [1, 2], "dtype": "float32"}]
    found = verdict(card_of(task="regression", inputs=inputs, scores=scored, baselines={"best": best}))
    assert found == (
        "Ships: the model of tabular. Test mean absolute error 3.845 (95 % interval 3.1 to 4.6), 1.478 worse than the "
        "best baseline, 49.28 for every row (2.367); 95 % interval of the gain -2 to -1: the baseline is better."
    )


def test_verdict_of_a_card_without_a_comparison_is_empty():
    assert verdict(card_of(scores={"subsets": {"a": {"accuracy": 0.5}}})) == ""
