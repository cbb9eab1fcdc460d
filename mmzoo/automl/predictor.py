"""Predictions of a model that `fit` trained, for the rows of another table."""

import difflib
import itertools
import json
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.artifacts.runtimes import predict_rows
from mmzoo.automl import targets
from mmzoo.automl.recipe import open_folder
from mmzoo.data.tables.formulas import without_formula
from mmzoo.data.tables.long_format import SERIES
from mmzoo.data.tables.notes import cell_notes
from mmzoo.data.tables.read import from_frame, read_table, root_of
from mmzoo.data.tables.rows import decode_rows, name_of
from mmzoo.data.tables.source import Source, gathered
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError

logger = logging.getLogger(__name__)


def predict(
    folder: str | Path | ModelFolder,
    table: Any,
    root: str | Path = ".",
    artifact: str = "keras",
    skip_bad: bool = False,
):
    """Return the table with a column `predicted TARGET`, and for a class its `confidence` in [0, 1].

    The table keeps its rows, index and columns; one with a row for each point in time, see `long_format`, becomes a row
    for each recording, in the order of first appearance. A prediction whose column exists already gets another name, as
    `confidence 2`. Labels are joined by the separator of the training table, or a list where it had lists. Arguments
    and errors are as in `predictions`; the prediction of a row that is left out is empty.

    Args:
        folder: a folder that `fit` wrote.
        table: a path, or what `to_frame` takes.
        root: the folder of relative paths, unless `table` is a path.
        artifact: the file that predicts; a key of `ARTIFACTS`.
        skip_bad: leave out rows with files that cannot be decoded.
    """
    opened = open_folder(folder)
    table = table if isinstance(table, str | Path) else to_frame(table)
    source = trained_source(opened)
    frame, root = frame_of(table, root, source)
    found, bad = predictions(opened, frame, root, artifact, skip_bad)
    predicted = frame if isinstance(table, str | Path) or source.id else table.copy()
    predicted = predicted.drop(columns=[SERIES]) if source.id else predicted
    for name, cells in targets.load(source.kind).cells(found, source).items():
        column = _free(name, predicted.columns)
        predicted[column] = pd.Series(cells, dtype=object if bad else None, index=predicted.index)
        if bad:
            predicted.iloc[bad, predicted.columns.get_loc(column)] = None
    return predicted


def trained_source(folder: ModelFolder) -> Source:
    """Return the source of the table that the model of a folder was trained on, with the model's threshold.

    Raises:
        BadInputError: the folder was not written by `fit`.
    """
    return replace(_source(folder), threshold=folder.experiment().export().threshold)


def _source(folder: ModelFolder) -> Source:
    if folder.recipe.source is None:
        raise BadInputError(
            f"{folder.path}: expected what `mmzoo fit` wrote. Received: the recipe {folder.card.recipe}"
        )
    return folder.recipe.source


def _free(name: str, taken: Collection) -> str:
    """Return `name`, or `name 2`, `name 3`, ..., the first that is not taken."""
    names = (name if i == 1 else f"{name} {i}" for i in itertools.count(1))
    free = next(one for one in names if one not in taken)
    if free != name:
        logger.warning(f"the table has a column {name!r}: the prediction is in {free!r}")
    return free


def predictions(
    folder: ModelFolder, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Return the predictions for the rows of a table, and the rows that were left out.

    Predictions are probabilities `(N, K)` of classes or labels, or numbers `(N, 1)` in the unit of the target.
    Missing columns, files and unreadable cells are logged with their count.

    Args:
        folder: a folder that `fit` wrote.
        frame: a table as `mmzoo.data.tables.read.read_table` returns it. A missing column, an empty cell and a missing
            file are missing modalities. A row without any gets the class prior, or the mean of the target.
        root: the folder that relative paths start from.
        artifact: the file that predicts; a key of `ARTIFACTS`.
        skip_bad: leave out rows with files that cannot be decoded.

    Raises:
        BadInputError: the folder was not written by `fit`, a file cannot be decoded, no file of a column is there, or
            no column is known.
    """
    source, config = _source(folder), folder.config()
    file = folder.artifact(ARTIFACTS[artifact])
    inputs = {name: columns for name, columns in source.inputs if name in config.modalities}
    wanted = _column_names(inputs.values())
    known = {*_column_names(columns for _, columns in source.inputs), source.target}
    known |= {name for name, _ in source.left_out}
    if not known & set(frame.columns):
        raise BadInputError(f"table: expected columns {', '.join(wanted)}. Received: {', '.join(frame.columns)}")
    full = _completed(frame, wanted)
    sizes = folder.recipe.sizes(config)
    for line in cell_notes(full, root, inputs, sizes.longest_text):
        logger.warning(line)
    rows = decode_rows(full, root, inputs, sizes, skip_bad)
    for line in rows.notes:
        logger.warning(line)
    if rows.bad:
        logger.warning(f"{len(rows.bad):,} of {len(frame):,} rows are left out: a file cannot be decoded")
    empty = int((~rows.present.any(axis=1)).sum()) - len(rows.bad)
    if empty:
        prior = "class prior" if targets.load(source.kind).probabilities else "mean of the training rows"
        logger.warning(f"{empty:,} of {len(frame):,} rows have no usable input: the prediction is the {prior}")
    output = targets.load(source.kind).task.outputs[0]
    found = predict_rows(folder.predictor(file.name), output, rows, np.arange(len(frame)), config.modalities)
    return found, sorted(rows.bad)


def _column_names(groups: Iterable[Sequence]) -> list[str]:
    return [name_of(column) for columns in groups for column in columns]


def _completed(frame, wanted: Sequence[str]):
    """Return the table with empty columns for those that are missing; log their names."""
    missing = [name for name in wanted if name not in frame]
    if not missing:
        return frame
    close = [(name, difflib.get_close_matches(name, map(str, frame.columns), 1)) for name in missing]
    shown = [f"{name} (did you mean {found[0]}?)" if found else name for name, found in close]
    logger.warning(f"columns that the table does not have, treated as missing: {', '.join(shown)}")
    full = frame.copy()
    for name in missing:
        full[name] = pd.Series([None] * len(full), dtype=object, index=full.index)
    return full


def write_predictions(table, out: str | Path, raw: bool = False) -> None:
    """Write a table as CSV to `out`, whole or not at all; lists are written as JSON.

    Unless `raw`, texts and names of columns that a spreadsheet would run are quoted, see `without_formula`.

    Raises:
        BadInputError: `out` cannot be written.
    """
    out = Path(out)
    table = table.map(lambda cell: json.dumps(cell, ensure_ascii=False) if isinstance(cell, list) else cell)
    if not raw:
        table = table.map(without_formula).rename(columns=without_formula)
    try:
        with replacing(out) as temporary:
            table.to_csv(temporary, index=False)
    except OSError as error:
        raise BadInputError(f"`out`: cannot write {out} ({error.strerror})") from None


def frame_of(table: Any, root: str | Path, source: Source | None) -> tuple[Any, Path]:
    """Return the cells of a table, see `read_table`, and the folder in which its paths start.

    Args:
        table: a path, or what `to_frame` takes.
        root: the folder, unless `table` is a path.
        source: of the trained model, which says whether rows are gathered; None of a folder that `fit` did not write.

    Raises:
        BadInputError: the table cannot be read, or its rows cannot be gathered.
    """
    by_path = isinstance(table, str | Path)
    frame, root = (read_table(table), root_of(table)) if by_path else (from_frame(to_frame(table)), Path(root))
    if source is None or not source.id:
        return frame, root
    found = gathered(source, frame)
    for line in found.notes:
        logger.warning(line)
    for name, why in found.left_out:
        if name not in dict(source.left_out):
            logger.warning(f"column {name}: left out: {why}")
    return found.frame, root


def to_frame(table: Any):
    """Return a DataFrame of a DataFrame, a Series (one row), a dict or a list of dicts.

    A dict has one value for each column, which is one row, or a list for each.

    Raises:
        BadInputError: `table` is something else, or columns differ in length.
    """
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, pd.Series):
        return table.to_frame().T
    try:
        if isinstance(table, Mapping):
            several = any(isinstance(cell, list | tuple | np.ndarray | pd.Series) for cell in table.values())
            return pd.DataFrame(dict(table)) if several else pd.DataFrame([dict(table)])
        if isinstance(table, list | tuple) and table and all(isinstance(row, Mapping) for row in table):
            return pd.DataFrame(list(table))
    except ValueError as error:
        raise BadInputError(f"table: expected columns of one length. Received: {error}") from None
    expected = "a path, a DataFrame, a Series, a dict or a list of dicts"
    raise BadInputError(f"table: expected {expected}. Received: {type(table).__name__}")
