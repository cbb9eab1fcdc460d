"""What a model that tells a number scores: output `value` `(N, 1)`, in the unit of the target."""

from collections.abc import Iterable

import numpy as np

from mmzoo.metrics.regression import SUMMARY, error_gain, number_scores
from mmzoo.tasks.format import figure, gain_of, r2, signed, table
from mmzoo.tasks.task import Kind

OUTPUT = "value"
HEADS = {"mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R²"}


def measures(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs tells a number."""
    return OUTPUT in set(outputs)


def _scores(answers: np.ndarray, truth: np.ndarray) -> dict:
    return number_scores(np.reshape(answers, -1), truth)


def _gain(fused: np.ndarray, single: np.ndarray, truth: np.ndarray, groups: np.ndarray | None) -> dict:
    return error_gain(np.reshape(fused, -1), np.reshape(single, -1), truth, groups)


def number_gain(gain: dict) -> str:
    """Return by how much joining modalities lowers the error, with its interval."""
    interval = f"95 % interval {signed(gain['low'])} to {signed(gain['high'])}"
    return f"mean absolute error {signed(gain['mae'])} lower than {gain['over']} alone ({interval})"


NUMBERS = Kind(OUTPUT, SUMMARY, "mae", -1, _scores, _gain, number_gain)


def numbers(card: dict) -> str:
    """Return the errors by what is present, beside those of models of one modality and of the constant answer."""
    scores, baselines = card["scores"], card.get("baselines", {})
    head = f"## Score on the {scores['split']} split, {scores['n']:,} examples"
    rows = [
        [name, figure(s["mae"]), figure(s["rmse"]), r2(s["r2"]), figure(baselines.get(name, {}).get("mae"))]
        for name, s in scores["subsets"].items()
    ]
    lines = [head, table(["present", *HEADS.values(), "mean absolute error of a model of it alone"], rows)]
    if constant := card.get("constant"):
        lines.append(
            f"To tell {figure(constant['value'])}, the median of the training rows, of every row has a mean absolute "
            f"error of {figure(constant['mae'])}."
        )
    if average := card.get("average"):
        lines.append(f"Plain average of the answers of the single-modality models: {figure(average['mae'])}.")
    if sizes := [f"{name} {b['parameters']:,}" for name, b in baselines.items() if "parameters" in b]:
        lines.append(f"Parameters of the single-modality models: {', '.join(sizes)}.")
    if gain := card.get("fusion_gain"):
        lines.append(f"{gain_of(card)}: {number_gain(gain)}.")
    return "\n\n".join(lines)


def number_lines(card: dict) -> str:
    """Return the errors by what is present, and the gain of fusion, as lines to print."""
    lines = []
    for name, s in card["scores"]["subsets"].items():
        alone = card.get("baselines", {}).get(name)
        beside = f"   a model of it alone {figure(alone['mae'])}" if alone else ""
        lines.append(f"{name:<16} test mean absolute error {figure(s['mae'])}, R² {r2(s['r2'])}{beside}")
    if gain := card.get("fusion_gain"):
        lines.append(f"fusion gain: {number_gain(gain)}")
    return "\n".join(lines)
