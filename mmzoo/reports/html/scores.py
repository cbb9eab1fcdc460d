"""What a report tells of scores: in words, by what is present, by class, and drawn."""

import numpy as np

from mmzoo.metrics.calibration import confidence_bins
from mmzoo.reports.html.rows import LISTED as LISTED_CLASSES
from mmzoo.reports.html.rows import Told
from mmzoo.reports.html.svg import confusion_matrix, learning_curve, optimization, reliability, shown_table
from mmzoo.reports.readme import gain
from mmzoo.reports.trials import fold_rows, fold_words, told_loss, tuning_words
from mmzoo.tasks.format import percent
from mmzoo.tasks.subsets import shapley
from mmzoo.training.checkpoint import best_epoch

CONFUSED = 8  # pairs of classes that are listed
ALL = "all inputs"
LISTED_TRIALS = 10


def reached(told: Told) -> list[str]:
    """Return what the model reaches, beside the best model of one modality and the best linear one."""
    card, accuracy, test = told.card, _full(told.card), told.splits["test"].labels
    if accuracy is None:
        return []
    size = f" ({card['parameters']:,} parameters)" if "parameters" in card else ""
    names = told.shipped
    joined = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    lines = [f"The folder holds a model of {joined}{size}, which is right on {percent(accuracy)} of the test rows"]
    if len(test):
        low, high = (percent(share) for share in _interval(accuracy, len(test)))
        often = percent(np.bincount(test).max() / len(test))
        lines[0] += f" (95 % interval {low} to {high}); the most frequent class alone is right on {often}"
    lines[0] += "."
    for what, found in (("model of one modality", card.get("baselines")), ("linear model", card.get("peers"))):
        scored = {name: one["accuracy"] for name, one in (found or {}).items() if "accuracy" in one}
        if scored:
            best = max(scored, key=scored.get)
            of, share = f"of {ALL}" if best == "all" else best, percent(scored[best])
            lines.append(f"The best {what}, {of}, is right on {share}, {_beside(scored[best], accuracy)}.")
    if average := (card.get("average") or {}).get("accuracy"):
        share = f"{percent(average)}, {_beside(average, accuracy)}"
        lines.append(f"The plain average of the models of one modality is right on {share}.")
    return lines


def _full(card: dict) -> float | None:
    """Return the test accuracy of the model with all that it takes."""
    return next((one["accuracy"] for one in card.get("scores", {}).get("subsets", {}).values()), None)


def _interval(share: float, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a `share` of `count` draws.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    square = 1.96**2 / count
    middle = (share + square / 2) / (1 + square)
    half = 1.96 * np.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return middle - half, middle + half


def _beside(other: float, own: float) -> str:
    points = 100 * (other - own)
    return "the same" if abs(points) < 0.005 else f"{abs(points):.2f} points {'more' if points > 0 else 'less'}"


def gain_words(card: dict) -> list[str]:
    """Return what joining modalities gains, and whether that can be told from nothing."""
    accuracy, found = _full(card), card.get("fusion_gain")
    if "fused" in card and accuracy is not None:
        return nothing_gained(card, f"is right on {percent(card['fused'])}")
    if not found:
        return []
    points, interval = abs(found["points"]), f"95 % interval {found['low']:+.2f} to {found['high']:+.2f}"
    if found["low"] > 0:
        return [f"Joining modalities gains {points:.2f} points over {found['over']} alone ({interval})."]
    if found["high"] < 0:
        return [
            f"Joining modalities loses {points:.2f} points to {found['over']} alone ({interval}): that model is better."
        ]
    told = f"Joining modalities makes {found['points']:+.2f} points of difference to {found['over']} alone ({interval})"
    return [f"{told}: as the interval holds 0, no gain is shown."]


def nothing_gained(card: dict, reached: str) -> list[str]:
    """Return what is said where one modality is shipped: what a model of all `reached`, and its gain on the test."""
    told = (
        f"A model of all inputs together was trained, too, and {reached}; on the validation rows it was no better than "
        "the one in the folder, so that joining modalities gains nothing."
    )
    return [told, *([f"On the test rows its gain: {gain(card)}."] if gain(card) else [])]


def score_rows(card: dict) -> dict:
    """Return the table of accuracies by what is present, beside those of models trained on that alone."""
    scores = card.get("scores", {})
    subsets, together = scores.get("subsets") or {}, {ALL: card["fused"]} if "fused" in card else {}
    own = {name: one["accuracy"] for name, one in subsets.items()}
    single = together | {name: one["accuracy"] for name, one in (card.get("baselines") or {}).items()}
    linear = {name: one["accuracy"] for name, one in (card.get("peers") or {}).items() if "accuracy" in one}
    if "all" in linear:
        linear[ALL if together or not own else next(iter(own))] = linear.pop("all")
    lines = []
    for name in dict.fromkeys([*own, *single, *linear]):
        more = (percent(subsets.get(name, {}).get(key)) for key in ("macro_f1", "ece"))
        lines.append([name, own.get(name, ""), single.get(name, ""), linear.get(name, ""), *more])
    head = ["given", "this model", "one trained on that", "a linear model", "F1", "calibration error"]
    caption = (
        f"Accuracy on {scores.get('n', 0):,} test rows with these modalities alone; what a row lacks by itself stays "
        "missing. F1, the mean over classes, and calibration error are this model's."
    )
    return shown_table(caption, head, lines)


def shapley_rows(told: Told) -> dict:
    """Return the table of what each modality adds."""
    values = {name: one["accuracy"] for name, one in told.card.get("scores", {}).get("subsets", {}).items()}
    found = shapley(values, told.shipped) if len(told.shipped) > 1 else {}
    lines = [[name, f"{100 * value:+.2f}"] for name, value in found.items()]
    if lines:
        lines.append(["together", f"{100 * sum(found.values()):+.2f}"])
    caption = (
        "Shapley values: the points of accuracy that a modality adds, the mean over all orders in which they may come. "
        "They add up to the accuracy with all less that with none."
    )
    return shown_table(caption, ["modality", "points"], lines)


def per_class(card: dict, what: str = "class", several: str = "classes") -> dict:
    """Return the table of precision and recall by class, or by another word for it."""
    rows = card.get("scores", {}).get("per_class") or []
    caption, lines = f"By {what}, with all that a row has.", []
    if len(rows) > LISTED_CLASSES:
        caption = f"The {LISTED_CLASSES} {several} of lowest F1, of {len(rows)}, with all that a row has."
        rows = sorted(rows, key=lambda row: row["f1"])[:LISTED_CLASSES]
    for row in rows:
        shares = (percent(row[key]) for key in ("precision", "recall", "f1"))
        lines.append([row["label"], *shares, f"{row['support']:,}"])
    return shown_table(caption, [what, "precision", "recall", "F1", "rows"], lines)


def drawings(told: Told, answers: np.ndarray) -> list[dict]:
    """Return the learning curves, the confusion matrix, and the accuracy by confidence of `answers` `(N, C)`."""
    history, found = told.card.get("history") or {}, []
    for key in ("loss", "accuracy"):
        if history.get(f"val_{key}"):
            found.append(curve_drawing(history, key, key.capitalize()))
    if matrix := told.card.get("scores", {}).get("confusion"):
        caption = "Rows are the true classes, columns what was told; the shade is the share of the row."
        svg = confusion_matrix(matrix, told.source.classes)
        found.append({"title": "Confusion matrix", "caption": caption, "svg": svg})
    if len(answers):
        bins = confidence_bins(answers, told.splits["test"].labels)
        error = float(bins[:, 0] @ np.abs(bins[:, 1] - bins[:, 2]) / bins[:, 0].sum())
        caption = (
            "A bar that ends below its dot: the model is too sure of itself; above: it could be surer. The numbers are "
            f"test rows. Calibration error {percent(error)}."
        )
        found.append({"title": "Accuracy by confidence", "caption": caption, "svg": reliability(bins)})
    return found


def curve_drawing(history: dict, key: str, title: str) -> dict:
    """Return the drawing of `key` by epoch, with its validation values in words."""
    values = history[f"val_{key}"]
    best = best_epoch(history, f"val_{key}") if history.get("val_loss") else 0
    first, kept = f"{values[0]:.3g} in the first epoch", f"{values[best]:.3g} in epoch {best + 1}"
    caption = f"Validation: {first}, {kept}, whose weights were kept."
    return {"title": title, "caption": caption, "svg": learning_curve(history, key, history.get("baselines") or {})}


def confused_rows(card: dict) -> dict:
    """Return the table of the pairs of classes that are taken for another most often."""
    matrix, labels = np.array(card.get("scores", {}).get("confusion") or []), card.get("labels") or []
    if not labels or matrix.shape != (len(labels), len(labels)):
        return {}
    wrong = matrix * (1 - np.eye(len(labels), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED]
    lines = []
    for true, answer in (divmod(int(place), len(labels)) for place in order):
        if count := wrong[true, answer]:
            lines.append([labels[true], labels[answer], f"{count:,}", percent(count / matrix[true].sum())])
    return shown_table("The most frequent confusions.", ["true", "told", "rows", "of the true class"], lines)


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
    kept = order[:LISTED_TRIALS] + [entry for entry in trials[:1] if entry not in order[:LISTED_TRIALS]]
    lines = []
    for number, trial in kept:
        name = f"{number}, the defaults" if number == 1 else str(number)
        values = [str(value) for value in trial["values"].values()]
        loss = "" if trial["val_loss"] is None else told_loss(trial["val_loss"])
        lines.append([name, loss, *values, str(trial["epochs"]), f"{trial['seconds']:.1f}", trial["pruned"]])
    caption = f"{tuning_words(card)} All are in tuning.csv."
    if len(trials) > len(kept):
        caption += f" These are the best {LISTED_TRIALS}, and the defaults."
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
