"""Linear models on the features of a published network: the answers of a teacher, and an estimate of its worth."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

STRENGTHS = (1e-2, 1e-1)  # C of the logistic regression, 1 / alpha of the ridge regression; chosen on validation
STEPS, TOLERANCE = 100, 1e-3  # of the optimizer
FOLDS = 5  # the answer for a training row comes from a model that has not seen it
Splits = Mapping[str, np.ndarray]  # of train and validation


def probe_answers(features: Splits, targets: Splits, kind: str, count: int) -> tuple[dict[str, np.ndarray], float]:
    """Return the answers `(N, K)` float32 of a linear model on `features` `(N, F)`, and its quality on validation.

    Args:
        features: of the splits `train` and `validation`.
        targets: class indices `(N,)`, 0 and 1 for each of K labels `(N, K)`, or numbers `(N,)`.
        kind: `class`, `labels` or `number`. Answers are probabilities of classes or labels, or numbers `(N, 1)`.
        count: K, the number of classes or labels, or 1.

    Returns:
        answers by split, those for training rows from `FOLDS` models on the others; and a quality that is higher for a
        better model: accuracy of classes or labels, or the negative mean absolute error.
    """
    mean, deviation = features["train"].mean(axis=0), features["train"].std(axis=0)
    scaled = {split: (rows - mean) / np.maximum(deviation, 1e-6) for split, rows in features.items()}
    given = scaled["train"], targets["train"], scaled["validation"]
    found = {strength: _answers(*given, kind, count, strength) for strength in STRENGTHS}
    qualities = {
        strength: float(qualities_of(answers, targets["validation"], kind).mean())
        for strength, answers in found.items()
    }
    best = max(qualities, key=qualities.__getitem__)
    answers = np.zeros((len(scaled["train"]), count), np.float32)
    folds = np.arange(len(answers)) % FOLDS
    for fold in np.unique(folds) if len(answers) > FOLDS else ():
        others = folds != fold
        answers[~others] = _answers(given[0][others], given[1][others], given[0][~others], kind, count, best)
    return {"train": answers, "validation": found[best]}, qualities[best]


def _answers(
    features: np.ndarray, targets: np.ndarray, asked: np.ndarray, kind: str, count: int, strength: float
) -> np.ndarray:
    """Return the answers `(N, K)` for the rows `asked` of a model fitted on `features`."""
    from sklearn.linear_model import LogisticRegression, Ridge

    if kind == "number":
        return Ridge(1 / strength).fit(features, targets).predict(asked).reshape(-1, 1).astype(np.float32)
    answers = np.zeros((len(asked), count), np.float32)
    columns = targets.T if kind == "labels" else [targets]
    for i, column in enumerate(columns):
        known, place = np.unique(column.astype(int), return_inverse=True)
        shares = np.ones((len(asked), 1))  # of a single class
        if len(known) > 1:
            model = LogisticRegression(C=strength, max_iter=STEPS, tol=TOLERANCE)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a model that has not converged answers, too
                shares = model.fit(features, place).predict_proba(asked)
        if kind == "class":
            answers[:, known] = shares
        elif known[-1] == 1:
            answers[:, i] = shares[:, -1]
    return answers


def qualities_of(answers: np.ndarray, targets: np.ndarray, kind: str) -> np.ndarray:
    """Return the quality of each answer `(N,)`: 1 or 0 for a class, the share of right labels, minus the error."""
    if kind == "number":
        return -np.abs(answers[:, 0] - targets)
    if kind == "class":
        return (answers.argmax(axis=1) == targets).astype(float)
    return ((answers > 0.5) == (targets > 0.5)).mean(axis=1)


def answers_of(recipe: Any) -> int:
    """Return the number of answers: of the classes or labels, or one number."""
    return max(1, len(recipe.source.classes))


def scaled_targets(targets: np.ndarray, recipe: Any) -> np.ndarray:
    """Return targets of a `TableRecipe` as `probe_answers` takes them: numbers are standardized."""
    return (targets - recipe.mean) / recipe.deviation if recipe.source.kind == "number" else targets
