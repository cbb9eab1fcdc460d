"""The scores of all models that `fit` compares."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmzoo import tasks
from mmzoo.artifacts.card import Baselines, Card
from mmzoo.artifacts.folder import BASELINES
from mmzoo.automl import targets
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.source import Source
from mmzoo.tasks.comparison import full_metrics


def rows_table(splits: Mapping[str, Examples], source: Source) -> str:
    """Return a line for each split: its rows, and their targets."""
    rows = targets.load(source.kind).rows
    return "\n".join(
        f"{name:<12}{len(examples.labels):>8} rows: {rows(examples.labels, source)}"
        for name, examples in splits.items()
    )


def primary_value(card: Card) -> float:
    """Return the primary metric with all modalities available."""
    return full_metrics(card.scores)[tasks.load(card.task).primary.key]


def score_table(card: Card, source: Source) -> str:
    """Return the test score of every model of a card, a line each."""
    metric, baselines = tasks.load(card.task).primary, card.baselines
    rows = {f"{'+'.join(card.modalities)}, this model": primary_value(card)}
    if baselines.fused is not None:
        rows["multimodal model"] = baselines.fused
    rows |= {f"{name} only": one[metric.key] for name, one in baselines.unimodal.items()}
    rows |= {f"{name}, linear baseline": one[metric.key] for name, one in baselines.linear.items()}
    if baselines.constant:
        rows[f"{_constant(baselines, source)} for every row"] = baselines.constant[metric.key]
    return "\n".join(["", f"test {metric.label}", *(f"{name:<40}{metric.show(v):>10}" for name, v in rows.items())])


def compare(
    card: Card,
    folder: Path,
    source: Source,
    test: Examples,
    predictions: np.ndarray,
    linear: Mapping[str, np.ndarray],
    drawn: np.ndarray,
) -> Card:
    """Return the card with the interval of its score and, in `baselines.best`, the gain over the best baseline.

    Args:
        card: with the scores of all baselines.
        folder: of the model, with predictions of the unimodal baselines.
        source: the table.
        test: its test rows.
        predictions: `(N, C)` of the model for these rows.
        linear: `{name: predictions}` of the linear baselines for the rows `drawn`, numbers of rows of the table.
        drawn: the rows that the linear baselines were tested on, in order.
    """
    kind, found = targets.load(source.kind), card.baselines
    key, every = kind.task.primary.key, np.arange(len(test.labels))
    stored = np.load(folder / BASELINES) if (folder / BASELINES).is_file() else {}
    made = {("unimodal", name): (stored[name], every, found.unimodal[name][key]) for name in stored}
    some = np.flatnonzero(np.isin(test.index, drawn))
    made |= {("linear", name): (one, some, found.linear[name][key]) for name, one in linear.items()}
    if found.constant:
        repeated = kind.repeated(found.constant, len(every), source)
        made["constant", kind.constant_name(found.constant)] = (repeated, every, found.constant[key])
    best = kind.task.primary.best({one: {key: value} for one, (_, _, value) in made.items()})
    answers, rows, value = made[best]
    gain = kind.gain(predictions[rows], np.asarray(answers), test.labels[rows], source)
    low, high = kind.interval(predictions, test.labels, source)
    details = {**card.scores.details, "interval": {"low": low, "high": high}}
    entry = {"kind": best[0], "name": best[1], key: value, "gain": gain}
    return replace(card, scores=replace(card.scores, details=details), baselines=replace(found, best=entry))


def _constant(baselines: Baselines, source: Source) -> str:
    return targets.load(source.kind).constant_name(baselines.constant)
