"""What a card tells of repeated trainings: cross-validation, tuning, the curve of a gain; as Markdown."""

from collections.abc import Mapping, Sequence

from mmzoo.tasks.format import table
from mmzoo.tasks.task import MAIN, told_deviation, told_score


def fold_rows(section: Mapping) -> list[list[str]]:
    """Return a line for each model of a card's `cross_validation`, the best linear one the last.

    Its name, the mean over the folds, the standard deviation, and its score on each fold. There may be no linear ones.
    """
    models, linear, score = section["models"], section["linear"], section["score"]
    lines = dict(zip([next(iter(models)), *(f"{name} alone" for name in [*models][1:])], models.values(), strict=True))
    if linear:
        best = (max if MAIN[score] else min)(linear, key=lambda name: linear[name]["mean"])
        lines["a linear model" + (f" of {best}" if len(models) > 1 else "")] = linear[best]
    return [
        [
            name,
            told_score(score, one["mean"]),
            told_deviation(score, one["deviation"]),
            *(told_score(score, value) for value in one["folds"]),
        ]
        for name, one in lines.items()
    ]


def fold_words(card: Mapping) -> str:
    """Return how the folds of a card's `cross_validation` were made, in words."""
    section = card["cross_validation"]
    low, high = min(section["rows"]), max(section["rows"])
    rows = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    group = f", and all rows of one {section['group']} are in one fold" if section["group"] else ""
    own = section.get("own")
    last = f"The model in the folder is that of fold {own}." if own else "The model in the folder is none of them."
    words = (
        f"Each of {section['folds']} folds, {rows} rows, was the test of models trained from scratch on the others"
        f"{group}. {last}"
    )
    if "tuning" in card:
        words += " The settings were tuned on rows that are in these tests, too: the scores are a little too good."
    return words


def cross_validation(card: Mapping) -> str:
    """Return the scores over folds, "" where the card has none."""
    section = card.get("cross_validation")
    if not section:
        return ""
    rows = [[name, f"{mean} ± {deviation}", *folds] for name, mean, deviation, *folds in fold_rows(section)]
    head = ["", "mean ± standard deviation", *(f"fold {fold}" for fold in range(1, section["folds"] + 1))]
    name = section["score"]
    return f"## Cross-validation: {name} over {section['folds']} folds\n\n{fold_words(card)}\n\n{table(head, rows)}"


def mean_of_folds(section: Mapping) -> str:
    """Return the score of the first model of a card's `cross_validation` as a table of models tells it."""
    _, mean, deviation, *_ = fold_rows(section)[0]
    return f"{section['score']} {mean} ± {deviation}, mean of {section['folds']} folds"


def told_loss(loss: float | None) -> str:
    """Return a validation loss as it is read, `none` where a trial has none."""
    return "none" if loss is None else f"{loss:.4f}"


def tuning_words(card: Mapping) -> str:
    """Return what came of a card's `tuning`, in words."""
    found = card["tuning"]
    best, first = found["best"], found["defaults"]
    asked = f" of {found['asked']}, for which there was time," if found["trials"] < found["asked"] else ""
    words = (
        f"{found['trials']} trials{asked} of {found['epochs']} epochs at most were compared by their lowest validation "
        f"loss; {found['pruned']} ended early. "
    )
    if best["trial"] == 1:
        return f"{words}None was better than the defaults, {told_loss(first['val_loss'])}."
    return (
        f"{words}The best, trial {best['trial']}, has {told_loss(best['val_loss'])}, the defaults "
        f"{told_loss(first['val_loss'])}. Its settings are those of the recipe."
    )


def tuning(card: Mapping) -> str:
    """Return the settings that were found, "" where none were tried."""
    found = card.get("tuning")
    if not found:
        return ""
    best, first = found["best"]["values"], found["defaults"]["values"]
    rows = [[f"`{name}`", f"{value}", f"{best[name]}"] for name, value in first.items()]
    return f"## Tuning\n\n{tuning_words(card)} All are in `tuning.csv`.\n\n{table(['', 'default', 'best'], rows)}"


def gain_curve(card: dict, plots: Sequence[str]) -> str:
    """Return the gain of fusion along a field of the config, where it was measured."""
    curve = card.get("gain_curve")
    if not curve:
        return ""
    points = curve["points"]
    names = [name for name in points[0] if isinstance(points[0][name], list)]
    rows = [[f"{p['value']:g}", *(f"{p[n][0]:.1f} ± {p[n][1]:.1f}" for n in names), p["seeds"]] for p in points]
    heads = {"average": "average of the two", "gain": "gain of fusion", "average_gain": "gain of the average"}
    text = (
        f"## The gain of fusion along {curve['field']}, on {curve['config']['source']}\n\nTest accuracy in percent, "
        "mean ± standard deviation over the seeds; the gains, in points, are over the better single modality of each "
        f"seed. The average is that of the single models' probabilities. Command: `{curve['command']}`.\n\n"
    )
    text += table([curve["field"], *(heads.get(name, name) for name in names), "seeds"], rows)
    return text + ("\n\n![Gain of fusion](gain_curve.png)" if "gain_curve.png" in plots else "")
