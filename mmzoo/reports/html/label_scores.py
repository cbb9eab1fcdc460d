"""What a report tells of a model that tells several labels: its F1 in words, by what is present, and by label."""

import numpy as np

from mmzoo.metrics.labels import predicted_labels
from mmzoo.reports.html.rows import EXAMPLES, LISTED, MISTAKES, Told, has_input, row_inputs
from mmzoo.reports.html.scores import ALL, curve_drawing, nothing_gained, per_class
from mmzoo.reports.html.svg import shown_table
from mmzoo.tasks.format import percent
from mmzoo.tasks.multilabel import HEADS, told_constant, told_label_gain
from mmzoo.tasks.subsets import shapley

NONE = "none of them"


def label_parts(told: Told, answers: np.ndarray) -> dict:
    """Return what the report says of the `answers` `(N, K)` on the test rows, and of their scores."""
    source, card = told.source, told.card
    history, titles = card.get("history") or {}, {"loss": "Loss", "micro_f1": "Micro F1"}
    return {
        "asked": f"the labels in {source.target}",
        "question": f"The question was which labels in {source.target}, of {len(source.classes)}, a row",
        "summary": [*_reached(told), *_gain_words(card)],
        "classes": _label_rows(told),
        "examples": _examples(told),
        "scores": f1_rows(card),
        "shapley": _shapley_rows(told),
        "per_class": per_class(card, "label", "labels"),
        "drawings": [curve_drawing(history, key, title) for key, title in titles.items() if history.get(f"val_{key}")],
        "curves": "Learning",
        "confused": {},
        "judged": "micro F1",
        "python": [
            'print(model.predict("new.csv"))  # of each row, 1 for each of model.classes_ that it has',
            'print(model.predict_proba("new.csv"))  # and their probabilities',
        ],
        "answer": "labels",
        **worst_rows(told, np.asarray(answers)),
    }


def _reached(told: Told) -> list[str]:
    """Return what the model reaches, beside one answer for all, the best model of one modality and the best linear."""
    card, names = told.card, told.shipped
    full = next(iter(card.get("scores", {}).get("subsets", {}).values()), None)
    if full is None:
        return []
    size = f" ({card['parameters']:,} parameters)" if "parameters" in card else ""
    joined = " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    line = (
        f"The folder holds a model of {joined}{size}, whose micro F1 on the test rows is {percent(full['micro_f1'])}; "
        f"of {percent(full['exact'])} of them all labels are right"
    )
    if constant := card.get("constant"):
        line += f". To tell {told_constant(constant)} of every row has one of {percent(constant['micro_f1'])}"
    lines = [f"{line}."]
    for what, found in (("model of one modality", card.get("baselines")), ("linear model", card.get("peers"))):
        if found:
            best = max(found, key=lambda name: found[name]["micro_f1"])
            of = f"of {ALL}" if best == "all" else best
            lines.append(f"The best {what}, {of}, has one of {percent(found[best]['micro_f1'])}.")
    if average := card.get("average"):
        lines.append(f"The plain average of the models of one modality has {percent(average['micro_f1'])}.")
    return lines


def _gain_words(card: dict) -> list[str]:
    """Return whether joining modalities raises the score, and whether that can be told from nothing."""
    if "fused" in card:
        return nothing_gained(card, f"has {percent(card['fused'])}")
    if not (gain := card.get("fusion_gain")):
        return []
    told = f"Joining modalities: {told_label_gain(gain)}"
    if gain["low"] > 0:
        return [f"{told}."]
    return [f"{told}: that model is better." if gain["high"] < 0 else f"{told}; it holds 0: no gain is shown."]


def _label_rows(told: Told) -> dict:
    """Return the table of rows by label and split, of at most `LISTED` labels the most frequent."""
    names = [*told.source.classes, NONE]
    marked = [np.asarray(examples.labels) for examples in told.splits.values()]
    counts = np.stack([np.append(one.sum(axis=0), (one.sum(axis=1) == 0).sum()) for one in marked], axis=1).astype(int)
    lines = [["all", *(f"{len(one):,}" for one in marked)]]
    kept = sorted(np.argsort(-counts.sum(axis=1), kind="stable")[:LISTED])
    lines += [[names[i], *(f"{n:,}" for n in counts[i])] for i in kept if counts[i].any()]
    more = f"; the {LISTED} most frequent of {len(names)}" if len(names) > LISTED else ""
    caption = f"Rows by label in {told.source.target} and split; a row may have several{more}."
    return shown_table(caption, ["label", *told.splits], lines)


def _examples(told: Told) -> list[dict]:
    """Return a row of each of the first `EXAMPLES` labels, of training rows that with the most inputs."""
    split, own = next(iter(told.splits.items()))
    there, found, taken = told.rows.present[own.index].sum(axis=1), [], set()
    for label in range(len(told.source.classes)):
        mine = [i for i in np.flatnonzero(own.labels[:, label]) if i not in taken]
        if mine and len(found) < EXAMPLES:
            best = max(mine, key=lambda i: there[i])
            taken.add(best)
            shown = row_inputs(told, own.index[best], [modality for modality, _ in told.source.inputs])
            found.append({**shown, "label": _names(told, own.labels[best] > 0), "split": split})
    return found


def _names(told: Told, marked: np.ndarray) -> str:
    return ", ".join(told.source.classes[k] for k in np.flatnonzero(marked)) or NONE


def f1_rows(card: dict) -> dict:
    """Return the table of micro F1 by what is present, beside those of models trained on that alone."""
    scores = card.get("scores", {})
    subsets, together = scores.get("subsets") or {}, {ALL: card["fused"]} if "fused" in card else {}
    own = {name: one["micro_f1"] for name, one in subsets.items()}
    single = together | {name: one["micro_f1"] for name, one in (card.get("baselines") or {}).items()}
    linear = {name: one["micro_f1"] for name, one in (card.get("peers") or {}).items()}
    if "all" in linear:
        linear[ALL if together or not own else next(iter(own))] = linear.pop("all")
    lines = []
    for name in dict.fromkeys([*own, *single, *linear]):
        others = (percent(subsets.get(name, {}).get(key)) for key in list(HEADS)[1:])
        lines.append([name, own.get(name, ""), single.get(name, ""), linear.get(name, ""), *others])
    if constant := card.get("constant"):
        lines.append([f"{told_constant(constant)} for every row", constant["micro_f1"], *[""] * (1 + len(HEADS))])
    head = ["given", "this model", "one trained on that", "a linear model", *list(HEADS.values())[1:]]
    caption = (
        f"Micro F1 on {scores.get('n', 0):,} test rows with these modalities alone; what a row lacks by itself stays "
        "missing. The last columns are this model's."
    )
    return shown_table(caption, head, lines)


def _shapley_rows(told: Told) -> dict:
    """Return the table of what each modality adds."""
    values = {name: one["micro_f1"] for name, one in told.card.get("scores", {}).get("subsets", {}).items()}
    found = shapley(values, told.shipped) if len(told.shipped) > 1 else {}
    lines = [[name, f"{100 * value:+.2f}"] for name, value in found.items()]
    if lines:
        lines.append(["together", f"{100 * sum(found.values()):+.2f}"])
    caption = (
        "Shapley values: the points of micro F1 that a modality adds, the mean over all orders in which they may come. "
        "They add up to the micro F1 with all less that with none."
    )
    return shown_table(caption, ["modality", "points"], lines)


def worst_rows(told: Told, answers: np.ndarray) -> dict:
    """Return `mistakes`, the test rows farthest from their labels, and in `mistaken` how many have a wrong one."""
    if not len(answers):
        return {"mistakes": [], "mistaken": ""}
    test, said = told.splits["test"], predicted_labels(answers)
    there = np.asarray(test.labels) > 0
    wrong = (said != there).sum(axis=1)
    (seen,) = np.nonzero(has_input(told) & (wrong > 0))
    far = np.abs(answers - there).sum(axis=1)
    worst = seen[np.argsort(-far[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(told, test.index[i], told.shipped),
            "told": _names(told, said[i]),
            "label": _names(told, there[i]),
            "said": f"{wrong[i]} of {len(told.source.classes)} wrong",
        }
        for i in worst
    ]
    count = int((wrong > 0).sum())
    words = f"Of {count:,} of {len(wrong):,} test rows ({percent(count / len(wrong))}) a label is wrong"
    shown = f". Here are the {len(found)} that are farthest off" if len(seen) > len(found) else ""
    return {"mistakes": found, "mistaken": f"{words}{shown}."}
