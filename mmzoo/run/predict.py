"""The verb `predict`: what the model of a folder that `fit` wrote tells of the rows of another table."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mmzoo import BadInputError
from mmzoo.data.table_batches import as_inputs
from mmzoo.data.table_rows import Rows, decode_rows
from mmzoo.run.evaluate import ARTIFACTS, recipe_of
from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import artifact as find
from mmzoo.run.folder import read_card

ROWS = 1000  # in memory at a time


def predict(folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False):
    """Return the table `frame` with a column `predicted TARGET` and one `confidence`, 0 to 1.

    Arguments and errors as `probabilities`; the prediction of a row that is left out is empty.
    """
    shares, bad = probabilities(folder, frame, root, artifact, skip_bad)
    card = read_card(folder)
    module, _ = recipe_of(folder, card)
    name = f"predicted {module.SOURCE.target}"
    told = frame.assign(**{name: [card["labels"][k] for k in shares.argmax(axis=1)], "confidence": shares.max(axis=1)})
    told["confidence"] = told["confidence"].round(4)
    told.loc[bad, [name, "confidence"]] = None
    return told


def probabilities(
    folder: str | Path, frame, root: str | Path, artifact: str = "keras", skip_bad: bool = False
) -> tuple[np.ndarray, list[int]]:
    """Return the probabilities of the classes `(N, K)` of the rows of a table, and the rows that were left out.

    Args:
        folder: what `fit` wrote.
        frame: a table as `mmzoo.data.table.read_table` returns it. A column of the training table that is not there,
            an empty cell and a missing file are modalities that are absent.
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
    return answer_rows(predictor(file), rows, np.arange(len(frame)), config.modalities), sorted(rows.bad)


def answer_rows(
    answer: Callable[[Arrays], Arrays], rows: Rows, index: np.ndarray, modalities: Sequence[str]
) -> np.ndarray:
    """Return the probabilities `(N, K)` that the model `answer` tells of the rows `index`, few of them at a time."""
    parts = [index[start : start + ROWS] for start in range(0, len(index), ROWS)]
    return np.concatenate([answer(as_inputs(rows, part, modalities))["probabilities"] for part in parts])


def write_answers(told, out: str | Path) -> None:
    """Write the table `told` as CSV to `out`, whole or not at all.

    Raises:
        BadInputError: `out` cannot be written.
    """
    out = Path(out)
    temporary = out.with_name(f".{out.name}.tmp")
    try:
        told.to_csv(temporary, index=False)
        os.replace(temporary, out)
    except OSError as error:
        raise BadInputError(f"--out: expected a file that can be written. Received: {out} ({error.strerror})") from None
