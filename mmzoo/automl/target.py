"""What a table's target becomes in a recipe, and how rows and scores of it are told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mmzoo.automl.options import Request
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.column_types import infer_target, label_separator, to_labels
from mmzoo.data.tables.features import fit_feature
from mmzoo.data.tables.read import abbreviated
from mmzoo.data.tables.source import Source, class_name, target_labels, target_numbers
from mmzoo.errors import BadInputError
from mmzoo.metrics import labels
from mmzoo.metrics.classification import scores as class_scores
from mmzoo.metrics.regression import number_scores
from mmzoo.tasks.format import figure
from mmzoo.tasks.multilabel import told_constant
from mmzoo.tasks.task import main_score
from mmzoo.training.checkpoint import best_epoch

IMBALANCE = 3  # of the largest class to the smallest, from which on rare classes weigh more
SHOWN = 8  # classes whose rows are counted in a line
SCORES = {"accuracy": "accuracy", "mae": "mean absolute error", "micro_f1": "micro F1"}  # by which models are compared


@dataclass(frozen=True)
class Target:
    """A target by its `kind` and `name`; `spread` `(N,)` or `(N, K)` is what `split_rows` spreads evenly."""

    kind: str
    name: str
    spread: np.ndarray
    classes: tuple[str, ...] = ()
    separator: str = ""


def kind_of_target(frame, target: str, request: Request) -> str:
    """Return "class", "number" or "labels".

    Raises:
        BadInputError: `target` cannot be learned, or the request does not fit it.
    """
    kind = infer_target(frame, target, request.task)
    if kind != "class" and request.balance:
        told = {"number": "a number", "labels": "several labels"}[kind]
        raise BadInputError(f"--balance: expected a target of classes. Received: {target}, {told}")
    return kind


def read_target(kind: str, cells: list, name: str) -> Target:
    """Return the target in the `cells` of the rows that have one; labels of one row alone are left out, and told.

    Raises:
        BadInputError: a number is too large, or no label has two rows.
    """
    if kind == "number":
        return Target(kind, name, target_numbers(cells, name))
    if kind == "class":
        names = [class_name(cell) for cell in cells]
        return Target(kind, name, np.array(names), tuple(sorted(set(names))))
    separator = label_separator(cells)
    rows = Counter(label for cell in cells for label in to_labels(cell, separator))
    classes = tuple(sorted(label for label, count in rows.items() if count > 1))
    if single := sorted(set(rows) - set(classes)):
        if not classes:
            raise BadInputError(
                f"target {name!r}: expected labels of two rows or more. Received: {abbreviated(single)}"
            )
        print(f"left out: labels of one row alone, {abbreviated(single)}")
    return Target(kind, name, target_labels(cells, classes, separator), classes, separator)


def recipe_values(target: Target, training: np.ndarray, balance: bool) -> dict:
    """Return what a recipe says of its target, see `fit_recipe.TARGETS`; `training` `(N,)` bool: which rows train."""
    values = {"kind": target.kind, "classes": target.classes, "separator": target.separator}
    if target.kind == "number":
        found = fit_feature("number", target.name, target.spread[training].tolist())
        return values | {"mean": found.mean, "deviation": found.deviation}
    if target.kind == "labels":
        return values
    weight = class_weight(np.searchsorted(target.classes, target.spread[training]), len(target.classes))
    if weight and not balance:
        print("the largest class has over three times the rows of the smallest: --balance weighs rare classes more")
    return values | {"class_weight": weight if balance else ()}


def class_weight(labels: np.ndarray, num_classes: int) -> tuple[float, ...]:
    """Return the weight of each class, the square root of how rare it is, or none where classes are balanced."""
    counts = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    if counts.max() < IMBALANCE * counts.min():
        return ()
    weight = np.sqrt(counts.mean() / counts)
    weight /= np.average(weight, weights=counts)
    return tuple(round(float(one), 3) for one in weight)


def told_rows(splits: Mapping[str, Examples], source: Source) -> str:
    """Return a line for each split: its rows, and how many of each class, or between which numbers."""
    lines = []
    for name, examples in splits.items():
        if source.kind == "number":
            low, middle, high = (figure(x) for x in np.percentile(examples.labels, [0, 50, 100]))
            shown = f"{source.target} {low} to {high}, half of them up to {middle}"
        else:
            told = examples.labels
            counts = told.sum(axis=0) if told.ndim == 2 else np.bincount(told, minlength=len(source.classes))
            pairs = list(zip(source.classes, counts.astype(int).tolist(), strict=True))[:SHOWN]
            shown = ", ".join(f"{label} {count}" for label, count in pairs)
            shown += " ..." if len(source.classes) > SHOWN else ""
        lines.append(f"{name:<12}{len(examples.labels):>8} rows: {shown}")
    return "\n".join(lines)


def constant_scores(splits: Mapping[str, Examples], source: Source) -> dict:
    """Return what one answer for every test row scores, as `constant`; nothing of classes.

    It is the median of the training rows, or the labels that over half of them have.
    """
    if source.kind == "class":
        return {}
    training, truth = splits["train"].labels, splits["test"].labels
    if source.kind == "number":
        value = float(np.median(training))
        return {"constant": {"value": value, **number_scores(np.full(len(truth), value), truth)}}
    share = np.mean(training, axis=0)
    found = labels.label_scores(np.tile(share > 0.5, (len(truth), 1)), truth, source.classes)
    told = [name for name, often in zip(source.classes, share > 0.5, strict=True) if often]
    return {"constant": {"labels": told, **{key: found[key] for key in labels.SUMMARY}}}


def quality(history: Mapping[str, list]) -> float:
    """Return the validation score of the epoch whose weights were kept, the best; more is better."""
    key = next(key for key in SCORES if f"val_{key}" in history)
    value = history[f"val_{key}"][best_epoch(history, f"val_{key}")]
    return -value if key == "mae" else value


def target_scores(answers: np.ndarray, truth: np.ndarray, source: Source) -> dict[str, object]:
    """Return the scores of what a model of a recipe answers, `(N, ...)`, on rows whose targets are `truth`."""
    if source.kind == "number":
        return number_scores(answers.reshape(-1), truth)
    scored = labels.label_scores if source.kind == "labels" else class_scores
    return scored(answers, truth, source.classes)


def main_value(found: Mapping[str, float]) -> float:
    """Return the one of the scores that were `found` by which models are compared."""
    return found[main_score(found)]


def told_scores(card: dict) -> str:
    """Return the test scores of all models of a card, a line each."""
    shipped = "+".join(entry["name"] for entry in card["inputs"] if entry["name"] != "present")
    first = next(iter(card["scores"]["subsets"].values()))
    rows = {f"{shipped}, this model": main_value(first)}
    if "fused" in card:
        rows["all together"] = card["fused"]
    rows |= {f"{name} alone": main_value(one) for name, one in card.get("baselines", {}).items()}
    rows |= {f"{name}, a linear model": main_value(one) for name, one in card["peers"].items()}
    if constant := card.get("constant"):
        told = figure(constant["value"]) if "value" in constant else told_constant(constant)
        rows[f"{told} for every row"] = main_value(constant)
    key = main_score(first)
    shown = {name: figure(value) if key == "mae" else f"{value:.2%}" for name, value in rows.items()}
    return "\n".join(["", f"test {SCORES[key]}", *(f"{name:<40}{score:>8}" for name, score in shown.items())])
