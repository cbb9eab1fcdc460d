"""Messages on a table's cells: missing files, unreadable numbers, unknown categories and cut texts."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.tables.features import Category, Date, Number, read_column
from mmzoo.data.tables.formats import Lookup, is_plain, to_number
from mmzoo.data.tables.read import as_written, resolve
from mmzoo.data.tables.rows import is_file, kind_of, name_of, texts
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd


def cell_notes(
    frame: "pd.DataFrame", root: str | Path, inputs: Mapping[str, Sequence], text_bytes: int, training: bool = False
) -> list[str]:
    """Return a line for each kind of cell that is missing, cut or read in a special way, with its count.

    Args:
        frame: rows of a table; None is a missing cell.
        root: the folder of relative paths.
        inputs: `{modality: columns}`, as in `decode_rows`.
        text_bytes: length from which on texts are cut; 0 if they are not.
        training: whether the rows are those from which a model learns: categories are then known, and formats of
            numbers are listed.

    Raises:
        BadInputError: none of the files of a column is there.
    """
    lines = []
    for modality, columns in inputs.items():
        if is_file(modality):
            lines += _files(frame[name_of(columns[0])], root)
        elif kind_of(modality) == "text":
            lines += _lengths(frame, columns, text_bytes) if text_bytes else []
        else:
            for column in columns:
                lines += _values(frame[column.name], column, training)
    return lines


def _files(cells: "pd.Series", root: str | Path) -> list[str]:
    """Return lines on files that are missing, or found under another spelling."""
    given = [(row, str(cell).strip()) for row, cell in enumerate(cells) if cell is not None]
    found = [(row, text, resolve(text, root)) for row, text in given]
    missing = [(row, text) for row, text, path in found if not os.path.isfile(path)]
    if given and len(missing) == len(given):
        first = f"{missing[0][1]!r}, the first of {len(missing)} missing files"
        raise BadInputError(f"column {cells.name!r}: expected files in {root}. Received: {first}")
    other = [(row, text) for row, text, path in found if path != as_written(text, root)]
    lines = [_line(cells, missing, len(given), "files are missing")]
    lines.append(_line(cells, other, len(given), "files have another letter case or Unicode form"))
    return [line for line in lines if line]


def _lengths(frame: "pd.DataFrame", columns: Sequence[str], text_bytes: int) -> list[str]:
    lengths = np.array([0 if text is None else len(text.encode("utf-8", "replace")) for text in texts(frame, columns)])
    cut, count = int((lengths > text_bytes).sum()), int((lengths > 0).sum())
    if not cut:
        return []
    share = f"{cut:,} of {count:,} texts ({100 * cut / count:.2g} %)"
    return [f"{', '.join(columns)}: {share} are longer than {text_bytes} bytes, the longest {lengths.max():,}: cut"]


def _values(cells: "pd.Series", column: Number | Category | Date, training: bool) -> list[str]:
    given = [(row, cell) for row, cell in enumerate(cells) if cell is not None]
    if isinstance(column, Category):
        place = Lookup(column.values)
        unknown = [] if training else [(row, cell) for row, cell in given if place(cell) is None]
        return [line] if (line := _line(cells, unknown, len(given), "cells are not among the known categories")) else []
    numbers = read_column(column, [cell for _, cell in given])
    bad = [one for one, number in zip(given, numbers, strict=True) if not np.isfinite(number)]
    what = "numbers" if isinstance(column, Number) else "dates"
    lines = [_line(cells, bad, len(given), f"cells are no {what} and count as missing")]
    if training and isinstance(column, Number):
        lines.append(_format(cells, given, column))
    return [line for line in lines if line]


def _format(cells: "pd.Series", given: list[tuple[int, object]], column: Number) -> str:
    """Return a line on a decimal comma, thousands separators, currencies or percent signs."""
    texts_given = [cell for _, cell in given if isinstance(cell, str) and not is_plain(cell)]
    special = [cell for cell in texts_given if to_number(cell, column.decimal) is not None]
    if not special:
        return ""
    shown = f"{special[0]} is {to_number(special[0], column.decimal):g}"
    return f"{cells.name}: numbers with a decimal {'comma' if column.decimal else 'point'}: {shown}"


def _line(cells: "pd.Series", rows: list[tuple[int, object]], count: int, what: str) -> str:
    """Return `column: 3 of 72 WHAT: 'first' in row 5`, or "" without rows."""
    if not rows:
        return ""
    place, first = rows[0]
    row = int(cells.index[place]) + 1
    return f"{cells.name}: {len(rows):,} of {count:,} {what}: first {str(first)[:40]!r} in row {row}"
