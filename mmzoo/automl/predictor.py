"""The verb `predict`: what the model of a folder that `fit` wrote tells of the rows of another table."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.card import recipe_of
from mmzoo.artifacts.folder import ARTIFACTS, read_card
from mmzoo.artifacts.folder import artifact as find
from mmzoo.artifacts.runtimes import predict_rows, predictor
from mmzoo.automl.fit import fit_table
from mmzoo.automl.options import Request
from mmzoo.commands.evaluate import evaluate
from mmzoo.commands.export import export_folder
from mmzoo.data.tables.read import from_frame, read_table, root_of
from mmzoo.data.tables.rows import decode_rows
from mmzoo.data.tables.source import Source, class_name, target_labels, target_numbers
from mmzoo.errors import BadInputError
from mmzoo.metrics.labels import told_labels
from mmzoo.metrics.regression import number_scores


def predict(folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False):
    """Return the table `frame` with a column `predicted TARGET`, and where that is a class one `confidence`, 0 to 1.

    Labels are joined by the separator that the table had, or a list where it had lists.

    Arguments and errors as `answers`; the prediction of a row that is left out is empty.
    """
    shares, bad = answers(folder, frame, root, artifact, skip_bad)
    card = read_card(folder)
    module, _ = recipe_of(folder, card)
    name = f"predicted {module.SOURCE.target}"
    if module.SOURCE.kind != "class":
        told = frame.assign(**{name: _cells(module.SOURCE, shares)})
        told.loc[bad, name] = None
        return told
    told = frame.assign(**{name: [card["labels"][k] for k in shares.argmax(axis=1)], "confidence": shares.max(axis=1)})
    told["confidence"] = told["confidence"].round(4)
    told.loc[bad, [name, "confidence"]] = None
    return told


def _cells(source: Source, answered: np.ndarray) -> list:
    """Return the cells that say what was `answered`, `(N, 1)` numbers or `(N, K)` probabilities of labels."""
    if source.kind == "number":
        return [float(f"{value:.7g}") for value in answered[:, 0]]
    told = [[source.classes[k] for k in np.flatnonzero(row)] for row in told_labels(answered)]
    return [source.separator.join(row) for row in told] if source.separator else told


def answers(
    folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Return what a model answers to the rows of a table, and the rows that were left out.

    Of classes and labels that are their probabilities `(N, K)`, of a number it is `(N, 1)` in its unit.

    Args:
        folder: what `fit` wrote.
        frame: a table as `mmzoo.data.tables.read.read_table` returns it. A column of the training table that is not
            there, an empty cell and a missing file are modalities that are absent.
        root: the folder from which its paths start.
        artifact: which of the folder's files answers; a key of `ARTIFACTS`.
        skip_bad: leave rows out whose files cannot be decoded.

    Raises:
        BadInputError: the folder is not one of `fit`, a file cannot be decoded, or no column is known.
    """
    card = read_card(folder)
    module, config = recipe_of(folder, card)
    if not hasattr(module, "SOURCE"):
        raise BadInputError(f"{folder}: expected what `mmzoo fit` wrote. Received: the recipe {card['recipe']}")
    file = find(folder, ARTIFACTS[artifact])
    inputs = {name: columns for name, columns in module.SOURCE.inputs if name in config.modalities}
    wanted = [c if isinstance(c, str) else c.name for columns in inputs.values() for c in columns]
    if not set(wanted) & set(frame.columns):
        raise BadInputError(f"table: expected columns {', '.join(wanted)}. Received: {', '.join(frame.columns)}")
    full = frame.assign(**{name: None for name in wanted if name not in frame})
    rows = decode_rows(full, root, inputs, module.sizes(config), skip_bad)
    return predict_rows(predictor(file), rows, np.arange(len(frame)), config.modalities), sorted(rows.bad)


def write_answers(told, out: str | Path) -> None:
    """Write the table `told` as CSV to `out`, whole or not at all; lists are written as JSON.

    Raises:
        BadInputError: `out` cannot be written.
    """
    out = Path(out)
    temporary = out.with_name(f".{out.name}.tmp")
    told = told.map(lambda cell: json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell)
    try:
        told.to_csv(temporary, index=False)
        os.replace(temporary, out)
    except OSError as error:
        raise BadInputError(f"--out: expected a file that can be written. Received: {out} ({error.strerror})") from None


def fit(table: str | Path, target: str, out: str | Path = "", **options: Any) -> "Fitted":
    """Train a model that tells the column `target` of a table, as `mmzoo fit` does; `options` are its flags.

    Raises:
        BadInputError: the table, a column, a file or the folder cannot be used.
        TypeError: an option is not one of `mmzoo.automl.options.Request`.
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
