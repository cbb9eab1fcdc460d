"""The verdict on a model that `fit` trained, in a line: what ships, and how it compares with the best baseline."""

from mmzoo import tasks
from mmzoo.artifacts.card import Card
from mmzoo.tasks.comparison import full_metrics
from mmzoo.tasks.format import figure


def verdict(card: Card) -> str:
    """Return what ships, its score and the gain over the best baseline, with intervals; "" for a card without them."""
    metric, best, found = tasks.load(card.task).primary, card.baselines.best, full_metrics(card.scores)
    if not best or metric.key not in found:
        return ""
    score = f"Test {metric.label} {metric.show(found[metric.key])}"
    if interval := card.scores.details.get("interval"):
        score += f" (95 % interval {metric.show(interval['low'])} to {metric.show(interval['high'])})"
    gain = best["gain"]
    change = next(gain[key] for key in ("points", metric.key) if key in gain)
    unit = " points" if metric.counts_examples else ""
    amount = f"{abs(change):.2f}" if unit else figure(abs(change))
    shown = [f"{gain[key]:+.2f}" if unit else f"{'+' if gain[key] >= 0 else ''}{figure(gain[key])}" for key in BOUNDS]
    other = f"{_baseline(best)} ({metric.show(best[metric.key])})"
    than = f"{amount}{unit} {'better' if change > 0 else 'worse'} than" if change else "the same as"
    line = f"{score}, {than} the best baseline, {other}"
    return f"Ships: {_shipped(card)}. {line}; 95 % interval of the gain {' to '.join(shown)}: {_said(gain)}."


BOUNDS = ("low", "high")


def _said(gain: dict) -> str:
    if gain["low"] > 0:
        return "the model that ships is better"
    return "the baseline is better" if gain["high"] < 0 else "no difference is shown"


def _shipped(card: Card) -> str:
    names, chosen = card.modalities, card.baselines.chosen
    listed = f"{', '.join(names[:-1])} and {names[-1]}" if names[1:] else names[0]
    if chosen in ("", "fused"):
        return f"the {'fused ' if names[1:] else ''}model of {listed}"
    if chosen in names:
        return f"the model of {listed}"
    return f"the linear model of {listed}" if chosen == "linear" else f"the {chosen} models of {listed}"


def _baseline(best: dict) -> str:
    if best["kind"] == "constant":
        return f"{best['name']} for every row"
    what = "all modalities" if best["name"] == "all" else best["name"]
    return f"a {'linear model' if best['kind'] == 'linear' else 'model'} of {what}"
