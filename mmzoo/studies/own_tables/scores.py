"""Scores of answers, alike for all models of the study, with intervals by bootstrap of test rows."""

from collections.abc import Sequence

import numpy as np

from mmzoo.data.tables.column_types import to_labels

DRAWS, DRAWN = 1000, 100  # draws of a bootstrap, and those in memory at a time
IMBALANCE = 10  # largest class of training to the smallest, from which on F1 counts
MISSING = -1  # an answer that is no class
METRICS = {
    "class": ("accuracy", "weighted_f1", "macro_f1"),
    "number": ("mae", "r2"),
    "labels": ("micro_f1", "macro_f1"),
}


def primary(task: str, training: np.ndarray) -> str:
    """Return the metric that decides: weighted F1 of imbalanced classes, accuracy, MAE, or micro F1 of labels."""
    if task != "class":
        return METRICS[task][0]
    counts = np.bincount(training)
    return "weighted_f1" if counts.max() >= IMBALANCE * max(1, counts[counts > 0].min()) else "accuracy"


def encode(cells: Sequence, task: str, names: Sequence[str]) -> np.ndarray:
    """Return cells of a target as classes `(N,)`, numbers `(N,)` or labels `(N, K)`; an unknown class is -1."""
    if task == "number":
        return np.array([float(cell) for cell in cells])
    place = {name: k for k, name in enumerate(names)}
    if task == "class":
        return np.array([place.get(str(cell), MISSING) for cell in cells])
    rows = np.zeros((len(cells), len(names)), np.int64)
    for row, cell in enumerate(cells):
        for label in to_labels(cell, "|") if isinstance(cell, str) else []:
            if label in place:
                rows[row, place[label]] = 1
    return rows


def names_of(cells: Sequence, task: str) -> list[str]:
    """Return the classes or labels of a target, sorted; none of numbers."""
    if task == "labels":
        return sorted({label for cell in cells for label in to_labels(cell, "|")})
    return sorted(set(map(str, cells))) if task == "class" else []


def score(answers: np.ndarray, truth: np.ndarray, task: str) -> dict[str, float]:
    """Score answers `(N,)` or `(N, K)` against the truth: the `METRICS` of the task.

    Accuracy and F1 are in [0, 1]. A class or label without rows and answers does not count in the macro F1.
    """
    weights = np.ones((1, len(truth)))
    return {name: float(values[0]) for name, values in _weighted(answers, truth, task, weights).items()}


def interval(runs: Sequence[np.ndarray], truth: np.ndarray, task: str, metric: str) -> list[float]:
    """Return the 95 % interval of a metric, the mean of several `runs`, from 1000 bootstrap draws of rows.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentile interval).
    """
    return np.percentile(_draws(runs, truth, task, metric), [2.5, 97.5]).tolist()


def difference(
    runs: Sequence[np.ndarray], others: Sequence[np.ndarray], truth: np.ndarray, task: str, metric: str
) -> tuple[float, float]:
    """Return how much better the mean of `runs` is than the mean of `others`, and its standard error.

    The standard error is of a paired bootstrap of rows; the error of a metric counts as a loss.
    """
    sign = -1 if metric == "mae" else 1
    here, there = (np.mean([score(one, truth, task)[metric] for one in several]) for several in (runs, others))
    drawn = _draws(runs, truth, task, metric) - _draws(others, truth, task, metric)
    return sign * float(here - there), float(drawn.std(ddof=1))


def _draws(runs: Sequence[np.ndarray], truth: np.ndarray, task: str, metric: str) -> np.ndarray:
    """Return the mean metric of runs on 1000 draws of rows `(1000,)`: the same draws for all models of a table."""
    rng, count, found = np.random.default_rng(0), len(truth), []
    for _ in range(DRAWS // DRAWN):
        weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWN)
        found.append(np.mean([_weighted(one, truth, task, weights)[metric] for one in runs], axis=0))
    return np.concatenate(found)


def _weighted(answers: np.ndarray, truth: np.ndarray, task: str, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return each metric `(D,)` for weights of rows `(D, N)`."""
    if task == "number":
        total, error = weights.sum(axis=1), answers - truth
        mean = weights @ truth / total
        spread = weights @ np.square(truth) / total - np.square(mean)
        r2 = 1 - weights @ np.square(error) / total / np.maximum(spread, 1e-12)
        return {"mae": weights @ np.abs(error) / total, "r2": r2}
    if task == "class":
        count = max(int(truth.max()), int(answers.max())) + 1
        given, right = np.eye(count + 1)[truth][:, :count], (answers == truth)[:, None]
        said = np.eye(count + 1)[np.where(answers < 0, count, answers)][:, :count]
    else:
        given, said = truth.astype(float), answers.astype(float)
        right = said
    support, predicted, hits = weights @ given, weights @ said, weights @ (given * right)
    there = support + predicted
    f1 = 2 * hits / np.maximum(there, 1e-12)
    macro = f1.sum(axis=1) / np.maximum((there > 0).sum(axis=1), 1)
    if task == "labels":
        return {"micro_f1": 2 * hits.sum(axis=1) / np.maximum(there.sum(axis=1), 1e-12), "macro_f1": macro}
    share = support / support.sum(axis=1, keepdims=True)
    accuracy = hits.sum(axis=1) / support.sum(axis=1)
    return {"accuracy": accuracy, "weighted_f1": (share * f1).sum(axis=1), "macro_f1": macro}
