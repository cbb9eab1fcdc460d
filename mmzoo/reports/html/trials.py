"""Cross-validation and tuning in a report."""

from mmzoo import tasks
from mmzoo.artifacts.card import Card
from mmzoo.reports.html.svg import optimization, shown_table
from mmzoo.reports.trials import fold_rows, fold_words, show_loss, tuning_words

LISTED = 10  # trials


def fold_table(card: Card) -> dict:
    """Return the table of scores over folds, {} where there are none."""
    section = card.cross_validation
    if not section:
        return {}
    metric = tasks.load(card.task).primary
    head = ["model", f"{metric.label}, mean", "standard deviation"]
    head += [f"fold {fold}" for fold in range(1, section["folds"] + 1)]
    return shown_table(f"Cross-validation. {fold_words(card)}", head, fold_rows(section, metric))


def trial_table(card: Card) -> dict:
    """Return the table of the best trials and of the defaults, {} where there are none."""
    found = card.tuning
    if not found:
        return {}
    trials = [*enumerate(found["history"], 1)]
    order = sorted(trials, key=lambda entry: (bool(entry[1]["pruned"]), entry[1]["val_loss"] or 0))
    kept = order[:LISTED] + [entry for entry in trials[:1] if entry not in order[:LISTED]]
    lines = []
    for number, trial in kept:
        name = f"{number}, the defaults" if number == 1 else str(number)
        values = [str(value) for value in trial["values"].values()]
        loss = "" if trial["val_loss"] is None else show_loss(trial["val_loss"])
        lines.append([name, loss, *values, str(trial["epochs"]), f"{trial['seconds']:.1f}", trial["pruned"]])
    caption = f"{tuning_words(card)} All are in tuning.csv."
    if len(trials) > len(kept):
        caption += f" The table has the best {LISTED}, and the defaults."
    names = [name.replace("_", " ") for name in trials[0][1]["values"]]
    head = ["trial", "validation loss", *names, "epochs", "seconds", "pruned"]
    return shown_table(caption, head, lines)


def trial_drawings(card: Card) -> list[dict]:
    """Return the chart of the validation losses of the trials, in their order."""
    found = card.tuning
    if not found:
        return []
    losses = [None if trial["pruned"] else trial["val_loss"] for trial in found["history"]]
    caption = "Trials in their order: the line is the lowest validation loss so far; pruned trials have a tick."
    return [{"title": "Tuning", "caption": caption, "svg": optimization(losses)}]
