"""The report of a multi-label model."""

import numpy as np

from mmzoo.metrics.labels import THRESHOLD, predicted_labels
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
from mmzoo.tasks.comparison import full_metrics
from mmzoo.tasks.format import percent
from mmzoo.tasks.multilabel import COLUMNS, MICRO_F1, constant_name

NONE = "no label"


def parts(context: Context, predictions: np.ndarray) -> dict:
    """Return the parts of the report; `predictions` `(N, K)` are probabilities for the test rows."""
    source, card = context.source, context.card
    caption = (
        f"Micro F1 on {card.scores.n:,} test rows by available modalities; what a row lacks stays missing. The last "
        "columns are of this model."
    )
    others = {key: head for key, head in COLUMNS.items() if key != "micro_f1"}
    constant = constant_name(card.baselines.constant) if card.baselines.constant else ""
    return {
        "asked": f"{source.target}",
        "question": f"Target: {source.target}, any of {len(source.classes)} labels",
        "summary": [*_summary(context), *gain_lines(card)],
        "classes": _label_rows(context),
        "examples": _examples(context),
        "scores": score_rows(card, others, caption, lambda value: "" if value is None else value, constant),
        "shapley": shapley_rows(context, lambda value: f"{100 * value:+.2f}", "points"),
        "per_class": per_class(card, "label", "labels"),
        "drawings": curves(card.history, {"loss": "Loss", "micro_f1": "Micro F1"}),
        "curves": "Learning",
        "confused": {},
        "python": [
            'print(model.predict("new.csv"))  # 1 for each of model.classes_ that is predicted for a row',
            'print(model.predict_proba("new.csv"))  # their probabilities',
        ],
        "answer": "labels",
        **worst_rows(context, np.asarray(predictions)),
    }


def _summary(context: Context) -> list[str]:
    """Return the scores, the constant prediction and the baselines."""
    card, full = context.card, full_metrics(context.card.scores)
    if not full:
        return []
    line = (
        f"{model_line(context)}; its micro F1 on the test rows is {percent(full['micro_f1'])}, its exact match "
        f"{percent(full['exact'])}"
    )
    if constant := card.baselines.constant:
        line += f". Predicting {constant_name(constant)} for every row has {percent(constant['micro_f1'])}"
    return [f"{line}.", *baseline_lines(card.baselines, MICRO_F1)]


def _label_rows(context: Context) -> dict:
    names = [*context.source.classes, NONE]
    marked = [np.asarray(examples.labels) for examples in context.splits.values()]
    counts = np.stack([np.append(one.sum(axis=0), (one.sum(axis=1) == 0).sum()) for one in marked], axis=1).astype(int)
    caption = f"Rows by label in {context.source.target} and split; a row can have several"
    return listed_counts(caption, "label", names, counts, [len(one) for one in marked], context.splits)


def _examples(context: Context) -> list[dict]:
    """Return a training row of each of the first `EXAMPLES` labels, each the one with the most inputs."""
    split, own = next(iter(context.splits.items()))
    there, found, taken = context.rows.present[own.index].sum(axis=1), [], set()
    for label in range(len(context.source.classes)):
        mine = [i for i in np.flatnonzero(own.labels[:, label]) if i not in taken]
        if mine and len(found) < EXAMPLES:
            best = max(mine, key=lambda i: there[i])
            taken.add(best)
            shown = row_inputs(context, own.index[best], [modality for modality, _ in context.source.inputs])
            found.append({**shown, "label": _names(context, own.labels[best] > 0), "split": split})
    return found


def _names(context: Context, marked: np.ndarray) -> str:
    return ", ".join(context.source.classes[k] for k in np.flatnonzero(marked)) or NONE


def worst_rows(context: Context, predictions: np.ndarray) -> dict:
    """Return `mistakes`, the test rows farthest from their labels, and in `mistaken` how many have a wrong label."""
    if not len(predictions):
        return {"mistakes": [], "mistaken": ""}
    threshold = context.card.scores.details.get("threshold", THRESHOLD)
    test, said = context.splits["test"], predicted_labels(predictions, threshold)
    there = np.asarray(test.labels) > 0
    wrong = (said != there).sum(axis=1)
    (seen,) = np.nonzero(has_input(context) & (wrong > 0))
    far = np.abs(predictions - there).sum(axis=1)
    worst = seen[np.argsort(-far[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(context, test.index[i], context.shipped),
            "predicted": _names(context, said[i]),
            "label": _names(context, there[i]),
            "said": f"{wrong[i]} of {len(context.source.classes)} wrong",
        }
        for i in worst
    ]
    count = int((wrong > 0).sum())
    words = f"{count:,} of {len(wrong):,} test rows ({percent(count / len(wrong))}) have a wrong label"
    shown = f". Below are the {len(found)} farthest from the truth" if len(seen) > len(found) else ""
    return {"mistakes": found, "mistaken": f"{words}{shown}."}
