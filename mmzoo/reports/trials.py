"""Repeated trainings in a card: cross-validation, tuning, the fusion gain along a setting; as Markdown."""

from collections.abc import Mapping, Sequence

from mmzoo import tasks
from mmzoo.artifacts.card import Card
from mmzoo.tasks.format import escaped, table
from mmzoo.tasks.task import Metric


def show_deviation(metric: Metric, value: float) -> str:
    """Format the standard deviation of a metric: of a fraction in points."""
    return f"{100 * value:.2f}" if metric.counts_examples else f"{value:.2g}"


def fold_rows(section: Mapping, metric: Metric) -> list[list[str]]:
    """Return a row for each model of a `cross_validation`, the best linear model last.

    A row has the model's name, the mean over the folds, the standard deviation, and the score of each fold.
    """
    models, linear = section["models"], section["linear"]
    lines = dict(zip([next(iter(models)), *(f"{name} only" for name in [*models][1:])], models.values(), strict=True))
    if linear:
        best = (max if metric.higher_is_better else min)(linear, key=lambda name: linear[name]["mean"])
        lines["linear baseline" + (f", {best}" if len(models) > 1 else "")] = linear[best]
    return [
        [
            name,
            metric.show(one["mean"]),
            show_deviation(metric, one["deviation"]),
            *(metric.show(value) for value in one["folds"]),
        ]
        for name, one in lines.items()
    ]


def fold_words(card: Card) -> str:
    """Return how the folds of a card's `cross_validation` were made."""
    section = card.cross_validation
    low, high = min(section["rows"]), max(section["rows"])
    rows = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    group = f", and all rows of one {section['group']} are in one fold" if section["group"] else ""
    own = section.get("own")
    last = f"The model in the folder is from fold {own}." if own else "The model in the folder is from none of them."
    words = (
        f"Each of {section['folds']} folds, {rows} rows, was the test of models trained from scratch on the others"
        f"{group}. {last}"
    )
    if card.tuning:
        words += " The settings were tuned on rows that these tests contain: the scores are slightly optimistic."
    return words


def cross_validation(card: Card) -> str:
    """Return the scores over folds, "" where the card has none."""
    section = card.cross_validation
    if not section:
        return ""
    metric = tasks.load(card.task).primary
    rows = [[name, f"{mean} ± {deviation}", *folds] for name, mean, deviation, *folds in fold_rows(section, metric)]
    head = ["", "mean ± standard deviation", *(f"fold {fold}" for fold in range(1, section["folds"] + 1))]
    title = f"## Cross-validation: {metric.label} over {section['folds']} folds"
    return f"{title}\n\n{escaped(fold_words(card))}\n\n{table(head, rows)}"


def mean_of_folds(card: Card) -> str:
    """Return the score of the first model of a card's `cross_validation`, as a table of models shows it."""
    metric = tasks.load(card.task).primary
    _, mean, deviation, *_ = fold_rows(card.cross_validation, metric)[0]
    return f"{metric.label} {mean} ± {deviation}, mean of {card.cross_validation['folds']} folds"


def show_loss(loss: float | None) -> str:
    """Format a validation loss, `none` where a trial has none."""
    return "none" if loss is None else f"{loss:.4f}"


def tuning_words(card: Card) -> str:
    """Return the outcome of a card's `tuning`."""
    found = card.tuning
    best, first = found["best"], found["defaults"]
    asked = f" of {found['asked']}, for which there was time," if found["trials"] < found["asked"] else ""
    words = (
        f"{found['trials']} trials{asked} of {found['epochs']} epochs at most were compared by their lowest validation "
        f"loss; {found['pruned']} were pruned. "
    )
    if best["trial"] == 1:
        return f"{words}None was better than the defaults, {show_loss(first['val_loss'])}."
    return (
        f"{words}The best, trial {best['trial']}, has {show_loss(best['val_loss'])}, the defaults "
        f"{show_loss(first['val_loss'])}. The recipe has its settings."
    )


def tuning(card: Card) -> str:
    """Return the settings that tuning chose, "" where there was none."""
    found = card.tuning
    if not found:
        return ""
    best, first = found["best"]["values"], found["defaults"]["values"]
    rows = [[f"`{name}`", f"{value}", f"{best[name]}"] for name, value in first.items()]
    return f"## Tuning\n\n{tuning_words(card)} All are in `tuning.csv`.\n\n{table(['', 'default', 'best'], rows)}"


def gain_curve(card: Card, plots: Sequence[str]) -> str:
    """Return the fusion gain along a field of the config, "" where it was not measured."""
    curve = card.gain_curve
    if not curve:
        return ""
    points = curve["points"]
    names = [name for name in points[0] if isinstance(points[0][name], list)]
    rows = [[f"{p['value']:g}", *(f"{p[n][0]:.1f} ± {p[n][1]:.1f}" for n in names), p["seeds"]] for p in points]
    heads = {"average": "average of the two", "gain": "fusion gain", "average_gain": "gain of the average"}
    text = (
        f"## Fusion gain along {curve['field']}, on {curve['config']['source']}\n\nTest accuracy in percent, mean ± "
        "standard deviation over the seeds. Gains, in points, are over the better unimodal model of each seed. The "
        f"average is the mean of the unimodal probabilities. Command: `{curve['command']}`.\n\n"
    )
    text += table([curve["field"], *(heads.get(name, name) for name in names), "seeds"], rows)
    return text + ("\n\n![Fusion gain](gain_curve.png)" if "gain_curve.png" in plots else "")
