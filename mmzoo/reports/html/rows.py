"""Rows of a table in a report: columns, splits, duplicates and the inputs of a row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.data.tables.column_types import form_of
from mmzoo.data.tables.features import Category, Date, Number, to_numbers, to_years
from mmzoo.data.tables.read import resolve
from mmzoo.data.tables.rows import is_file, kind_of, name_of
from mmzoo.errors import BadInputError
from mmzoo.reports.html.media import curves, film_strip, picture, sound
from mmzoo.reports.html.svg import shown_table

EXAMPLES, MISTAKES = 6, 12
LETTERS, CELLS = 600, 10  # of a text, and numbers of a row, that are shown
LISTED = 40  # classes
BAD = 20  # rows left out that are named
KINDS = {Number: "number", Category: "category", Date: "date"}


@dataclass(frozen=True)
class Context:
    """The contents of a report; `frame` has the rows with a target, its index their places in the table."""

    card: Card
    source: Any
    frame: Any
    root: Path
    splits: Mapping[str, Any]
    sample_rate: int

    @property
    def rows(self):
        return next(iter(self.splits.values())).rows

    @property
    def shipped(self) -> list[str]:
        """Return the modalities that the model takes."""
        return [*self.card.modalities] or [name for name, _ in self.source.inputs]

    def number(self, row: int) -> int:
        """Return the number in the table, from 1 on, of one of the rows with a target."""
        return int(self.frame.index[row]) + 1


def column_rows(context: Context) -> dict:
    """Return the table of the columns: role, filled fraction by split, and contents."""
    used = {name: [] for name in context.frame}
    filled = {name: np.array([cell is not None for cell in context.frame[name]], bool) for name in context.frame}
    for i, (modality, columns) in enumerate(context.source.inputs):
        for column in columns:
            name = name_of(column)
            kind = KINDS.get(type(column), kind_of(modality))
            used[name].append(kind if kind == modality else f"{kind}, in {modality}")
            if is_file(modality):  # what is named may not be there
                filled[name] = context.rows.present[:, i]
    for role in ("target", "split", "group", "time"):
        if getattr(context.source, role) in used:
            used[getattr(context.source, role)].append(f"the {role}")
    lines, left_out = [], dict(context.source.left_out)
    for name in context.frame:
        cells = [cell for cell in context.frame[name] if cell is not None]
        shares = [_whole_percent(filled[name][examples.index]) for examples in context.splits.values()]
        role = "; ".join(used[name]) or ": ".join(["not used", *filter(None, [left_out.get(name)])])
        lines.append([name, role, *shares, f"{len(set(map(str, cells))):,}", _about(cells, role.split(",")[0])])
    head = ["column", "used as", *(f"filled, {split}" for split in context.splits), "distinct", "mean or most frequent"]
    return shown_table(
        "Columns. Filled is a cell with something in it, or, of a column of files, a file that is there.",
        head,
        lines,
    )


def _whole_percent(there: np.ndarray) -> str:
    return f"{100 * there.mean():.0f} %" if len(there) else ""


def _about(cells: list, kind: str) -> str:
    """Return the mean and the range of numbers, the range of dates, or the most frequent value of others."""
    if kind in ("number", "date"):
        values = (to_numbers if kind == "number" else to_years)(cells, form_of(kind, cells))
        values, cells = values[np.isfinite(values)], [c for c, v in zip(cells, values, strict=True) if np.isfinite(v)]
        if not len(values):
            return ""
        if kind == "date":
            return f"{cells[values.argmin()]} to {cells[values.argmax()]}"
        return f"{values.mean():.4g} ± {values.std():.4g}, from {values.min():.4g} to {values.max():.4g}"
    often = Counter(str(cell) for cell in cells).most_common(1)
    frequent = f"{_cut(often[0][0], 60)} ({100 * often[0][1] / len(cells):.2g} %)" if often and often[0][1] > 1 else ""
    length = f"{np.mean([len(str(cell)) for cell in cells]):.0f} letters on average" if kind == "text" else ""
    return "; ".join(part for part in (length, frequent) if part)


def notes(context: Context, lost: int) -> list[str]:
    """Return notes on omitted rows and duplicates; `lost` rows have no target."""
    lines = []
    if lost:
        count = len(context.frame) + lost
        lines.append(f"{lost:,} of the {count:,} rows of the table have no {context.source.target}, and are left out.")
    if bad := context.rows.bad:
        lines.append(f"{len(bad):,} rows are left out because a file of theirs cannot be read.")
    if context.card.baselines.linear_rows:
        lines.append(context.card.baselines.linear_rows)
    if context.card.duplicates == {}:
        lines.append("No picture, sound, video, series or text is in two splits.")
    return lines


def duplicate_rows(context: Context) -> dict:
    """Return the table of duplicates across splits."""
    found = context.card.duplicates or {}
    lines = [[m, f"{one['exact']:,}", f"{one['near']:,}", "\n".join(one["first"])] for m, one in found.items()]
    caption = (
        "Rows of which an input is in another split, too. Where it gives the answer away, test scores are too high."
    )
    return shown_table(caption, ["input", "the same", "nearly", "such as"], lines)


def skipped_rows(context: Context) -> dict:
    """Return the table of the first rows that could not be decoded, and why."""
    bad = list(context.rows.bad.items())
    lines = [[context.number(row), why.replace(f"{context.root}/", "")] for row, why in bad[:BAD]]
    return shown_table(f"Rows left out{f', the first {BAD}' if len(bad) > BAD else ''}.", ["row", "why"], lines)


def has_input(context: Context) -> np.ndarray:
    """Return `(N,)` bool: whether a test row has anything that the model takes."""
    takes = [i for i, (modality, _) in enumerate(context.source.inputs) if modality in context.shipped]
    return context.rows.present[context.splits["test"].index][:, takes].any(axis=1)


def row_inputs(context: Context, row: int, modalities: Sequence[str]) -> dict:
    """Return what a report shows of a row: `pictures`, `sounds`, `texts` and the `cells` of numbers and categories."""
    shown: dict[str, Any] = {"number": context.number(row), "pictures": [], "sounds": [], "texts": []}
    cells: list[tuple[str, str]] = []
    for i, (modality, columns) in enumerate(context.source.inputs):
        if modality not in modalities:
            continue
        for column in columns:
            kind, name = kind_of(modality), name_of(column)
            cell = context.frame[name].iloc[row]
            if kind == "tabular":
                cells.append((name, "" if cell is None else _cut(str(cell), 60)))
            elif kind == "text":
                shown["texts"].append({"name": name, "text": "" if cell is None else _cut(str(cell), LETTERS)})
            elif kind == "series":
                there = context.rows.present[row, i]
                drawn = curves(np.asarray(context.rows.arrays[modality][row])) if there else {"uri": ""}
                shown["pictures"].append({"name": name, **drawn})
            else:
                path = resolve(cell, context.root) if context.rows.present[row, i] else None
                shown["sounds" if kind == "audio" else "pictures"].append(
                    {"name": name, **_medium(context, kind, path)}
                )
    return {**shown, "cells": cells[:CELLS], "more": max(0, len(cells) - CELLS)}


def _medium(context: Context, kind: str, path: Path | None) -> dict:
    """Return the picture, the sound or the film strip of the video at `path`, or that there is none."""
    try:
        if path is not None:
            makers = {"image": picture, "video": film_strip}
            return makers[kind](path) if kind in makers else sound(path, context.sample_rate)
    except BadInputError:  # gone since it was decoded
        pass
    return {"uri": ""}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
