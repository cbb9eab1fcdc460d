"""What a report tells of cross-validation and of tuning."""

from mmzoo.run.readme_trials import fold_rows, fold_words, told_loss, tuning_words
from mmzoo.run.report_parts import optimization, shown_table

LISTED = 10  # trials


def fold_table(card: dict) -> dict:
    """Return the table of scores over folds, nothing where there are none."""
    section = card.get("cross_validation")
    if not section:
        return {}
    head = ["model", f"mean {section['score']}", "standard deviation"]
    head += [f"fold {fold}" for fold in range(1, section["folds"] + 1)]
    return shown_table(f"Cross-validation. {fold_words(card)}", head, fold_rows(section))


def trial_table(card: dict) -> dict:
    """Return the table of the best trials and the first, that of the defaults; nothing where there are none."""
    found = card.get("tuning")
    if not found:
        return {}
    trials = [*enumerate(found["history"], 1)]
    order = sorted(trials, key=lambda entry: (bool(entry[1]["pruned"]), entry[1]["val_loss"] or 0))
    kept = order[:LISTED] + [entry for entry in trials[:1] if entry not in order[:LISTED]]
    lines = []
    for number, trial in kept:
        name = f"{number}, the defaults" if number == 1 else str(number)
        values = [str(value) for value in trial["values"].values()]
        loss = "" if trial["val_loss"] is None else told_loss(trial["val_loss"])
        lines.append([name, loss, *values, str(trial["epochs"]), f"{trial['seconds']:.1f}", trial["pruned"]])
    caption = f"{tuning_words(card)} All are in tuning.csv."
    if len(trials) > len(kept):
        caption += f" These are the best {LISTED}, and the defaults."
    names = [name.replace("_", " ") for name in trials[0][1]["values"]]
    head = ["trial", "validation loss", *names, "epochs", "seconds", "ended early"]
    return shown_table(caption, head, lines)


def trial_drawings(card: dict) -> list[dict]:
    """Return the drawing of the losses of the trials, one after another."""
    found = card.get("tuning")
    if not found:
        return []
    losses = [None if trial["pruned"] else trial["val_loss"] for trial in found["history"]]
    caption = "Trials one after another: the line is the lowest validation loss so far; what ended early has a tick."
    return [{"title": "Tuning", "caption": caption, "svg": optimization(losses)}]
