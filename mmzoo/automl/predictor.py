"""Predictions of a model that `fit` trained, for the rows of another table."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.artifacts.runtimes import predict_rows, predictor
from mmzoo.automl import targets
from mmzoo.data.tables.read import from_frame, read_table, root_of
from mmzoo.data.tables.rows import decode_rows
from mmzoo.errors import BadInputError


def predict(folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False):
    """Return the table with a column `predicted TARGET`, and for a class its `confidence` in [0, 1].

    Labels are joined by the separator of the training table, or a list where it had lists. Arguments and errors are as
    in `predictions`; the prediction of a row that is left out is empty.
    """
    opened = ModelFolder.open(folder)
    found, bad = predictions(opened, frame, root, artifact, skip_bad)
    source = opened.recipe.source
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
    if module.source is None:
        raise BadInputError(
            f"{folder.path}: expected what `mmzoo fit` wrote. Received: the recipe {folder.card.recipe}"
        )
    file = folder.artifact(ARTIFACTS[artifact])
    inputs = {name: columns for name, columns in module.source.inputs if name in config.modalities}
    wanted = [c if isinstance(c, str) else c.name for columns in inputs.values() for c in columns]
    if not set(wanted) & set(frame.columns):
        raise BadInputError(f"table: expected columns {', '.join(wanted)}. Received: {', '.join(frame.columns)}")
    full = frame.assign(**{name: None for name in wanted if name not in frame})
    rows = decode_rows(full, root, inputs, module.sizes(config), skip_bad)
    output = targets.load(module.source.kind).task.outputs[0]
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
        raise BadInputError(f"`out`: cannot write {out} ({error.strerror})") from None


def frame_of(table: Any, root: str | Path = ".") -> tuple[Any, Path]:
    """Return the DataFrame of a table, a path or a DataFrame itself, and the folder in which its paths start."""
    if isinstance(table, str | Path):
        return read_table(table), root_of(table)
    return from_frame(table), Path(root)
