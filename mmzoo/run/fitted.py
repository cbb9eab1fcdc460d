"""`mmzoo.fit` and the model that it returns, by the conventions of scikit-learn where they fit."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import BadInputError
from mmzoo.data.table import from_frame, read_table, root_of
from mmzoo.data.table_source import class_name, target_labels, target_numbers
from mmzoo.metrics.labels import told_labels
from mmzoo.metrics.regression import number_scores
from mmzoo.run.evaluate import evaluate, recipe_of
from mmzoo.run.export import export_folder
from mmzoo.run.fit_request import Request
from mmzoo.run.fit_table import fit_table
from mmzoo.run.folder import read_card
from mmzoo.run.predict import answers, predict


def fit(table: str | Path, target: str, out: str | Path = "", **options: Any) -> "Fitted":
    """Train a model that tells the column `target` of a table, as `mmzoo fit` does; `options` are its flags.

    Raises:
        BadInputError: the table, a column, a file or the folder cannot be used.
        TypeError: an option is not one of `mmzoo.run.fit_request.Request`.
    """
    return Fitted(fit_table(table, target, out, replace(Request(), **options)))


class Fitted:
    """The model in a folder that `fit` wrote; `classes_` are its answers, none of a number, `card` what is known of it.

    Tables are paths, or DataFrames whose relative paths start in the folder `root`, by default the current one.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.card = read_card(folder)
        self.classes_ = np.array(self.card["labels"])
        self._source = recipe_of(self.folder, self.card)[0].SOURCE

    def predict(self, table: Any, root: str | Path = ".") -> np.ndarray:
        """Return the class of each row, or its number, `(N,)`; of labels `(N, K)`, 1 for each of `classes_` told."""
        if self._source.kind == "number":
            return self._answers(table, root)[:, 0]
        if self._source.kind == "labels":
            return told_labels(self._answers(table, root)).astype(int)
        return self.classes_[self.predict_proba(table, root).argmax(axis=1)]

    def predict_proba(self, table: Any, root: str | Path = ".") -> np.ndarray:
        """Return the probability of each of `classes_` for each row, `(N, K)`.

        Raises:
            BadInputError: the model tells a number.
        """
        if self._source.kind == "number":
            raise BadInputError(f"predict_proba: expected a model of classes. Received: {self.folder}, of numbers")
        return self._answers(table, root)

    def _answers(self, table: Any, root: str | Path) -> np.ndarray:
        return answers(self.folder, *_frame(table, root))[0]

    def predict_table(self, table: Any, root: str | Path = ".") -> Any:
        """Return the table as a DataFrame, with the prediction and, of a class, its confidence."""
        return predict(self.folder, *_frame(table, root))

    def score(self, table: Any, y: Any, root: str | Path = ".") -> float:
        """Return the share of rows whose class in `y` `(N,)` is the one predicted, or the R² of numbers.

        Of labels it is the share of rows of which all are right; `y` are cells as the table has them.
        """
        if self._source.kind == "number":
            return number_scores(self.predict(table, root), target_numbers(list(y), "y"))["r2"]
        if self._source.kind == "labels":
            there = target_labels(list(y), self._source.classes, self._source.separator)
            return float(np.mean((self.predict(table, root) == there).all(axis=1)))
        return float(np.mean(self.predict(table, root) == np.array([class_name(label) for label in y])))

    def evaluate(self) -> dict:
        """Score all artifacts on the test rows again; see `mmzoo evaluate`."""
        return evaluate(self.folder)

    def export(self) -> Path:
        """Write all artifacts again from model.keras; return the folder."""
        export_folder(self.folder)
        return self.folder


def _frame(table: Any, root: str | Path) -> tuple[Any, Path]:
    if isinstance(table, str | Path):
        return read_table(table), root_of(table)
    return from_frame(table), Path(root)
