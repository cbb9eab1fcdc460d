"""The scores of all models that `fit` compares."""

from collections.abc import Mapping

from mmzoo import tasks
from mmzoo.artifacts.card import Baselines, Card
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


def _constant(baselines: Baselines, source: Source) -> str:
    return targets.load(source.kind).constant_name(baselines.constant)
