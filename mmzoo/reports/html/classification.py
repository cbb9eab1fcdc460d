"""The report of a classifier."""

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.metrics.calibration import confidence_bins, risk_coverage
from mmzoo.metrics.classification import wilson_interval
from mmzoo.reports.html.rows import EXAMPLES, MISTAKES, Context, has_input, row_inputs
from mmzoo.reports.html.scores import (
    baseline_lines,
    curves,
    gain_lines,
    listed_counts,
    model_line,
    per_class,
    score_rows,
    shapley_rows,
)
from mmzoo.reports.html.svg import confusion_matrix, coverage, reliability, shown_table
from mmzoo.tasks.classification import ACCURACY
from mmzoo.tasks.comparison import full_metrics
from mmzoo.tasks.format import percent

ANSWERED = (0.8, 0.5)  # shares of the rows whose accuracy is written
CONFUSED = 8  # pairs of classes that are listed


def parts(context: Context, predictions: np.ndarray) -> dict:
    """Return the parts of the report; `predictions` `(N, C)` are probabilities for the test rows."""
    source, card = context.source, context.card
    caption = (
        f"Accuracy on {card.scores.n:,} test rows by available modalities; what a row lacks stays missing. Macro F1, "
        "the mean over classes, and calibration error are of this model."
    )
    others = {"macro_f1": "macro F1", "ece": "calibration error"}
    return {
        "asked": f"{source.target}",
        "question": f"Target: {source.target}, one of {len(source.classes)} classes",
        "summary": [*_summary(context), *gain_lines(card)],
        "classes": _class_rows(context),
        "examples": examples(context),
        "scores": score_rows(card, others, caption, lambda value: "" if value is None else value),
        "shapley": shapley_rows(context, lambda value: f"{100 * value:+.2f}", "points"),
        "per_class": per_class(card),
        "drawings": drawings(context, predictions),
        "curves": "Learning, confusion, confidence",
        "confused": confused_rows(card),
        "python": [
            'print(model.predict("new.csv"))  # the class of each row',
            'print(model.predict_proba("new.csv"))  # the probability of each of model.classes_',
        ],
        "answer": "label",
        **mistakes(context, predictions),
    }


def _summary(context: Context) -> list[str]:
    """Return the accuracy with its interval, the majority class and the baselines."""
    card, test = context.card, context.splits["test"].labels
    accuracy = full_metrics(card.scores).get("accuracy")
    if accuracy is None:
        return []
    line = f"{model_line(context)}; its accuracy on the test rows is {percent(accuracy)}"
    if len(test):
        low, high = (percent(share) for share in wilson_interval(accuracy, len(test)))
        majority = percent(np.bincount(test).max() / len(test))
        line += f" (95 % interval {low} to {high}); the majority class has {majority}"
    return [f"{line}.", *baseline_lines(card.baselines, ACCURACY, lambda value: f", {_compared(value, accuracy)}")]


def _compared(other: float, own: float) -> str:
    points = 100 * (other - own)
    return "the same" if abs(points) < 0.005 else f"{abs(points):.2f} points {'higher' if points > 0 else 'lower'}"


def _class_rows(context: Context) -> dict:
    names = context.source.classes
    counts = np.stack([np.bincount(e.labels, minlength=len(names)) for e in context.splits.values()], axis=1)
    target = context.source.target
    return listed_counts(f"Rows by {target} and split", target, names, counts, counts.sum(axis=0), context.splits)


def examples(context: Context) -> list[dict]:
    """Return a training row of each of the first `EXAMPLES` classes, each the one with the most inputs."""
    split, own = next(iter(context.splits.items()))
    there, found = context.rows.present[own.index].sum(axis=1), []
    for label, name in enumerate(context.source.classes):
        (rows,) = np.nonzero(own.labels == label)
        if len(rows) and len(found) < EXAMPLES:
            best = own.index[rows[there[rows].argmax()]]
            known = [modality for modality, _ in context.source.inputs]
            found.append({**row_inputs(context, best, known), "label": name, "split": split})
    return found


def drawings(context: Context, predictions: np.ndarray) -> list[dict]:
    """Return learning curves, the confusion matrix, and accuracy by confidence."""
    card = context.card
    found = curves(card.history, {"loss": "Loss", "accuracy": "Accuracy"})
    if matrix := card.scores.details.get("confusion"):
        caption = "Rows are the true classes, columns the predicted ones; the shade is the fraction of the row."
        svg = confusion_matrix(matrix, context.source.classes)
        found.append({"title": "Confusion matrix", "caption": caption, "svg": svg})
    if len(predictions):
        bins = confidence_bins(predictions, context.splits["test"].labels)
        error = float(bins[:, 0] @ np.abs(bins[:, 1] - bins[:, 2]) / bins[:, 0].sum())
        caption = (
            "A bar below its dot: the model is overconfident; above: underconfident. The numbers are test rows. "
            f"Calibration error {percent(error)}."
        )
        found.append({"title": "Accuracy by confidence", "caption": caption, "svg": reliability(bins)})
        found.append(_coverage(predictions, context.splits["test"].labels))
    return found


def _coverage(predictions: np.ndarray, labels: np.ndarray) -> dict:
    """Return the drawing of the accuracy where the least confident rows are left unanswered."""
    share, accuracy = risk_coverage(predictions, labels)
    points = [f"{percent(accuracy[-1])} of all rows"]
    for part in ANSWERED:
        (within,) = np.nonzero(share <= part)
        if len(within):
            last = within[-1]
            points.append(f"{percent(accuracy[last])} of the most confident {100 * share[last]:.0f} %")
    caption = (
        f"Accuracy of the rows that are answered if the least confident ones are left to a person: {', '.join(points)}."
    )
    return {"title": "Accuracy by coverage", "caption": caption, "svg": coverage(share, accuracy)}


def confused_rows(card: Card) -> dict:
    """Return the table of the most frequent confusions."""
    matrix, labels = np.array(card.scores.details.get("confusion") or []), card.labels
    if not labels or matrix.shape != (len(labels), len(labels)):
        return {}
    wrong = matrix * (1 - np.eye(len(labels), dtype=int))
    order = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSED]
    lines = []
    for true, predicted in (divmod(int(place), len(labels)) for place in order):
        if count := wrong[true, predicted]:
            lines.append([labels[true], labels[predicted], f"{count:,}", percent(count / matrix[true].sum())])
    return shown_table("The most frequent confusions.", ["true", "predicted", "rows", "of the true class"], lines)


def mistakes(context: Context, predictions: np.ndarray) -> dict:
    """Return `mistakes`, the most confident errors on the test rows, and in `mistaken` their number."""
    test, names = context.splits["test"], context.source.classes
    if not len(predictions):
        return {"mistakes": [], "mistaken": ""}
    predicted, confidence = predictions.argmax(axis=1), predictions.max(axis=1)
    given = has_input(context)
    (wrong,) = np.nonzero(predicted != test.labels)
    seen = wrong[given[wrong]]  # of a row without any input there is nothing to show
    worst = seen[np.argsort(-confidence[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(context, test.index[i], context.shipped),
            "predicted": names[predicted[i]],
            "label": names[test.labels[i]],
            "said": f"confidence {percent(confidence[i])}, {percent(predictions[i, test.labels[i]])} for the truth",
        }
        for i in worst
    ]
    total = len(predictions)
    words = f"{len(wrong):,} of {total:,} test rows ({percent(len(wrong) / total)}) are predicted wrong"
    empty = f"; {len(wrong) - len(seen):,} of them have no input at all" if len(wrong) > len(seen) else ""
    shown = f". Below are the {len(found)} most confident" if len(seen) > len(found) else ""
    return {"mistakes": found, "mistaken": f"{words}{empty}{shown}."}
