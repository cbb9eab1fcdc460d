"""Regression: one number per example, from the output `value` `(N, 1)` in the unit of the target."""

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.metrics.regression import SUMMARY, error_gain, number_scores
from mmzoo.tasks.comparison import (
    Scoring,
    baseline_lines,
    full_metrics,
    gain_lines,
    subset_header,
    subset_lines,
    subset_summary,
)
from mmzoo.tasks.format import decimals, figure, signed, table
from mmzoo.tasks.task import Call, Examples, Metric, Task, runner_usage

MAE = Metric("mae", "mean absolute error", figure, higher_is_better=False)
R2 = Metric("r2", "R²", decimals)
COLUMNS = {"mae": "mean absolute error", "rmse": "root mean squared error", "r2": "R²"}


def _scores(values: np.ndarray, examples: Examples) -> dict:
    return number_scores(np.reshape(values, -1), examples.labels)


def _gain(fused: np.ndarray, single: np.ndarray, examples: Examples, groups: np.ndarray) -> dict:
    return error_gain(np.reshape(fused, -1), np.reshape(single, -1), examples.labels, groups)


SCORING = Scoring("value", MAE, SUMMARY, _scores, _gain)


def show_gain(gain: Metrics) -> str:
    """Return the reduction of the mean absolute error, with its interval."""
    interval = f"95 % interval {signed(gain['low'])} to {signed(gain['high'])}"
    return f"mean absolute error {signed(gain['mae'])} lower than {gain['over']} ({interval})"


def constant_name(constant: Metrics) -> str:
    """Return the constant prediction: the median of the training rows."""
    return figure(constant["value"])


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return errors and unimodal baseline of each subset, and the fusion gain."""

    def describe(one: Metrics) -> str:
        return f"mean absolute error {figure(one['mae'])}, R² {decimals(one['r2'])}"

    lines = subset_summary(found, baselines, describe, lambda one: figure(one["mae"]))
    return [*lines, *([f"fusion gain: {show_gain(baselines.fusion_gain)}"] if baselines.fusion_gain else [])]


def headline(found: Scores) -> str:
    """Return R² with all modalities available."""
    full = full_metrics(found)
    return f"R² {decimals(full['r2'])}" if full else ""


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the errors by subset with unimodal baselines, and the constant prediction."""
    if not found.subsets:
        return ""
    rows = [
        [name, figure(s["mae"]), figure(s["rmse"]), decimals(s["r2"]), MAE.show(_single(baselines, name))]
        for name, s in found.subsets.items()
    ]
    lines = [
        f"## Score on the {found.split} split, {found.n:,} examples",
        table(["modalities", *COLUMNS.values(), "unimodal baseline mean absolute error"], rows),
    ]
    if constant := baselines.constant:
        lines.append(
            f"Predicting {constant_name(constant)}, the median of the training rows, for every row has a mean absolute "
            f"error of {figure(constant['mae'])}."
        )
    lines += baseline_lines(baselines, MAE)
    lines += gain_lines(baselines, show_gain, note)
    return "\n\n".join(lines)


def _single(baselines: Baselines, name: str) -> float | None:
    return baselines.unimodal.get(name, {}).get("mae")


def usage(call: Call) -> str:
    """Return the lines that print the predicted number."""
    return runner_usage(call, f'print(runner({call.arguments})["value"]){call.comment}')


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return a line for each subset of the modalities."""
    return subset_lines(file, found, SUMMARY, ">12.5g")


TASK = Task(
    name="regression",
    outputs=("value",),
    primary=MAE,
    judged=R2,
    metrics=(MAE, Metric("rmse", COLUMNS["rmse"], figure, higher_is_better=False), R2),
    score=SCORING.score,
    row=full_metrics,
    quick=SCORING.quick,
    score_all=True,
    header=subset_header(SUMMARY, 12),
    lines=lines,
    table=lambda _: "",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
    compare=SCORING.compare,
    gain=SCORING.gain_over,
    show_gain=show_gain,
)
