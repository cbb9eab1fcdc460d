"""Predictions of a model that `fit` trained, for the rows of another table."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.artifacts.runtimes import predict_rows, predictor
from mmzoo.automl import targets
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.export import export_folder
from mmzoo.data.tables.read import from_frame, read_table, root_of
from mmzoo.data.tables.rows import decode_rows
from mmzoo.errors import BadInputError


def predict(folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False):
    """Return the table with a column `predicted TARGET`, and for a class its `confidence` in [0, 1].

    Labels are joined by the separator of the training table, or a list where it had lists. Arguments and errors are
    those of `predictions`; the prediction of a row that is left out is empty.
    """
    opened = ModelFolder.open(folder)
    found, bad = predictions(opened, frame, root, artifact, skip_bad)
    source = opened.recipe.SOURCE
    columns = targets.load(source.kind).cells(found, source)
    predicted = frame.assign(**columns)
    predicted.loc[bad, list(columns)] = None
    return predicted


def predictions(
    folder: ModelFolder, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Return the predictions for the rows of a table, and the rows that were left out.

    Predictions are probabilities `(N, K)` of classes or labels, or numbers `(N, 1)` in the unit of the target.

    Args:
        folder: a folder that `fit` wrote.
        frame: a table as `mmzoo.data.tables.read.read_table` returns it. A missing column, an empty cell and a missing
            file are missing modalities.
        root: the folder that relative paths start from.
        artifact: the file that predicts; a key of `ARTIFACTS`.
        skip_bad: leave out rows with files that cannot be decoded.

    Raises:
        BadInputError: the folder was not written by `fit`, a file cannot be decoded, or no column is known.
    """
    module, config = folder.recipe, folder.config()
    if not hasattr(module, "SOURCE"):
        raise BadInputError(
            f"{folder.path}: expected what `mmzoo fit` wrote. Received: the recipe {folder.card.recipe}"
        )
    file = folder.artifact(ARTIFACTS[artifact])
    inputs = {name: columns for name, columns in module.SOURCE.inputs if name in config.modalities}
    wanted = [c if isinstance(c, str) else c.name for columns in inputs.values() for c in columns]
    if not set(wanted) & set(frame.columns):
        raise BadInputError(f"table: expected columns {', '.join(wanted)}. Received: {', '.join(frame.columns)}")
    full = frame.assign(**{name: None for name in wanted if name not in frame})
    rows = decode_rows(full, root, inputs, module.sizes(config), skip_bad)
    output = targets.load(module.SOURCE.kind).task.outputs[0]
    found = predict_rows(predictor(file), output, rows, np.arange(len(frame)), config.modalities)
    return found, sorted(rows.bad)


def write_predictions(table, out: str | Path) -> None:
    """Write a table as CSV to `out`, whole or not at all; lists are written as JSON.

    Raises:
        BadInputError: `out` cannot be written.
    """
    out = Path(out)
    temporary = out.with_name(f".{out.name}.tmp")
    table = table.map(lambda cell: json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell)
    try:
        table.to_csv(temporary, index=False)
        os.replace(temporary, out)
    except OSError as error:
        raise BadInputError(f"--out: expected a file that can be written. Received: {out} ({error.strerror})") from None


def fit(table: str | Path, target: str, out: str | Path = "", **options: Any) -> "Fitted":
    """Train a model that predicts the column `target` of a table; `options` are the flags of `mmzoo fit`.

    Raises:
        BadInputError: the table, a column, a file or the folder cannot be used.
        TypeError: an option is not one of `mmzoo.automl.options.Request`.
    """
    return Fitted(fit_table(table, target, out, replace(Request(), **options)))


class Fitted:
    """The model of a folder that `fit` wrote.

    Tables are paths, or DataFrames whose relative paths start in the folder `root`, by default the current one.

    Attributes:
        folder: the folder.
        card: its `Card`.
        classes_: `(C,)` classes or labels; empty for a number.
    """

    def __init__(self, folder: str | Path):
        self._opened = ModelFolder.open(folder)
        self.folder, self.card = self._opened.path, self._opened.card
        self.classes_ = np.array(self.card.labels)
        self._source = self._opened.recipe.SOURCE
        self._target = targets.load(self._source.kind)

    def predict(self, table: Any, root: str | Path = ".") -> np.ndarray:
        """Return the class or the number of each row, `(N,)`; of labels `(N, K)`, 1 for each predicted label."""
        return self._target.predict(self._predictions(table, root), self._source)

    def predict_proba(self, table: Any, root: str | Path = ".") -> np.ndarray:
        """Return the probability of each of `classes_` for each row, `(N, K)`.

        Raises:
            BadInputError: the model predicts a number.
        """
        if not self._target.probabilities:
            raise BadInputError(f"predict_proba: expected a model of classes. Received: {self.folder}, of numbers")
        return self._predictions(table, root)

    def _predictions(self, table: Any, root: str | Path) -> np.ndarray:
        return predictions(self._opened, *_frame(table, root))[0]

    def predict_table(self, table: Any, root: str | Path = ".") -> Any:
        """Return the table as a DataFrame, with the prediction and, for a class, its confidence."""
        return predict(self.folder, *_frame(table, root))

    def score(self, table: Any, y: Any, root: str | Path = ".") -> float:
        """Return the accuracy for the classes `y` `(N,)`, the R² of numbers, or the exact-match fraction of labels.

        Labels `y` are cells as the table has them.
        """
        return self._target.score(self._predictions(table, root), y, self._source)

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
