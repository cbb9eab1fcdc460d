"""What a table's target becomes in a recipe, and how rows and scores of it are told."""

from collections.abc import Mapping

import numpy as np

from mmzoo import BadInputError
from mmzoo.data.columns import infer_target
from mmzoo.data.table_batches import Examples
from mmzoo.data.table_features import fit_feature
from mmzoo.data.table_source import Source, class_name, target_numbers
from mmzoo.metrics.classification import scores as class_scores
from mmzoo.metrics.regression import number_scores
from mmzoo.run.fit_request import Request
from mmzoo.run.main_score import main_score
from mmzoo.run.readme_numbers import figure

IMBALANCE = 3  # of the largest class to the smallest, from which on rare classes weigh more
SHOWN = 8  # classes whose rows are counted in a line
SCORES = {"accuracy": "accuracy", "mae": "mean absolute error"}  # by which models are compared


def kind_of_target(frame, target: str, request: Request) -> str:
    """Return "class" or "number".

    Raises:
        BadInputError: `target` cannot be learned, or the request does not fit it.
    """
    kind = infer_target(frame, target, request.task)
    if kind == "labels":
        raise BadInputError(f"--target: expected a class or a number. Received: {target}, of labels, not fitted yet")
    if kind != "class" and request.balance:
        raise BadInputError(f"--balance: expected a target of classes. Received: {target}, a {kind}")
    return kind


def strata(kind: str, cells: list, target: str) -> np.ndarray:
    """Return what `split_rows` spreads evenly, of the rows whose `cells` have a target."""
    return target_numbers(cells, target) if kind == "number" else np.array([class_name(cell) for cell in cells])


def recipe_values(kind: str, target: str, spread: np.ndarray, training: np.ndarray, balance: bool) -> dict:
    """Return what a recipe says of its target, see `fit_recipe.TARGETS`.

    `spread` `(N,)` is what `strata` returns, and `training` `(N,)` bool says which rows train.
    """
    if kind == "number":
        found = fit_feature("number", target, spread[training].tolist())
        return {"kind": kind, "classes": (), "mean": found.mean, "deviation": found.deviation}
    classes = tuple(sorted(set(spread.tolist())))
    weight = class_weight(np.searchsorted(classes, spread[training]), len(classes))
    if weight and not balance:
        print("the largest class has over three times the rows of the smallest: --balance weighs rare classes more")
    return {"kind": kind, "classes": classes, "class_weight": weight if balance else ()}


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
            counts = np.bincount(examples.labels, minlength=len(source.classes)).tolist()
            pairs = list(zip(source.classes, counts, strict=True))[:SHOWN]
            shown = ", ".join(f"{label} {count}" for label, count in pairs)
            shown += " ..." if len(source.classes) > SHOWN else ""
        lines.append(f"{name:<12}{len(examples.labels):>8} rows: {shown}")
    return "\n".join(lines)


def constant_scores(splits: Mapping[str, Examples], source: Source) -> dict:
    """Return what the median of the training rows scores as the answer for every test row; nothing of classes."""
    if source.kind != "number":
        return {}
    value = float(np.median(splits["train"].labels))
    truth = splits["test"].labels
    return {"constant": {"value": value, **number_scores(np.full(len(truth), value), truth)}}


def target_scores(answers: np.ndarray, labels: np.ndarray, source: Source) -> dict[str, object]:
    """Return the scores of what a model of a recipe answers, `(N, ...)`, on rows with `labels` `(N,)`."""
    if source.kind == "number":
        return number_scores(answers.reshape(-1), labels)
    return class_scores(answers, labels, source.classes)


def main_value(found: Mapping[str, float]) -> float:
    """Return the one of the scores that were `found` by which models are compared."""
    return found[main_score(found)]


def quality(history: Mapping[str, list]) -> float:
    """Return the validation score of the epoch whose weights were kept, that of the lowest loss; more is better."""
    kept = int(np.argmin(history["val_loss"]))
    return -history["val_mae"][kept] if "val_mae" in history else history["val_accuracy"][kept]


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
        rows[f"{figure(constant['value'])} for every row"] = main_value(constant)
    key = main_score(first)
    shown = {name: f"{value:.2%}" if key == "accuracy" else figure(value) for name, value in rows.items()}
    return "\n".join(["", f"test {SCORES[key]}", *(f"{name:<40}{score:>8}" for name, score in shown.items())])
