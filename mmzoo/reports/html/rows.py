"""What a report tells of the rows of a table: its columns and splits, some examples, and the worst mistakes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.data.tables.column_types import date_order
from mmzoo.data.tables.features import Category, Date, Number, to_numbers, to_years
from mmzoo.data.tables.read import resolve
from mmzoo.data.tables.rows import is_file, kind_of
from mmzoo.errors import BadInputError
from mmzoo.reports.html.media import film_strip, picture, sound
from mmzoo.reports.html.svg import shown_table
from mmzoo.tasks.format import percent

EXAMPLES, MISTAKES = 6, 12
LETTERS, CELLS = 600, 10  # of a text, and numbers of a row, that are shown
LISTED = 40  # classes
BAD = 20  # rows left out that are named
KINDS = {Number: "number", Category: "category", Date: "date"}


@dataclass(frozen=True)
class Told:
    """What a report is written from; `frame` has the rows with a target, its index their places in the table."""

    card: dict
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
        known = [entry["name"] for entry in self.card.get("inputs", [])] or [name for name, _ in self.source.inputs]
        return [name for name in known if name != "present"]

    def number(self, row: int) -> int:
        """Return the number in the table, from 1 on, of one of the rows with a target."""
        return int(self.frame.index[row]) + 1


def column_rows(told: Told) -> dict:
    """Return the table of the columns: how each is used, how full it is in each split, and what is in it."""
    used = {name: [] for name in told.frame}
    filled = {name: np.array([cell is not None for cell in told.frame[name]], bool) for name in told.frame}
    for i, (modality, columns) in enumerate(told.source.inputs):
        for column in columns:
            name = column if isinstance(column, str) else column.name
            kind = KINDS.get(type(column), kind_of(modality))
            used[name].append(kind if kind == modality else f"{kind}, in {modality}")
            if is_file(modality):  # what is named may not be there
                filled[name] = told.rows.present[:, i]
    for role in ("target", "split", "group", "time"):
        if getattr(told.source, role) in used:
            used[getattr(told.source, role)].append(f"the {role}")
    lines, left_out = [], dict(told.source.left_out)
    for name in told.frame:
        cells = [cell for cell in told.frame[name] if cell is not None]
        shares = [_whole_percent(filled[name][examples.index]) for examples in told.splits.values()]
        role = "; ".join(used[name]) or ": ".join(["not used", *filter(None, [left_out.get(name)])])
        lines.append([name, role, *shares, f"{len(set(map(str, cells))):,}", _about(cells, role.split(",")[0])])
    head = ["column", "used as", *(f"filled, {split}" for split in told.splits), "distinct", "mean or most frequent"]
    return shown_table(
        "Columns. Filled is a cell with something in it, or, of pictures, sounds and videos, a file.", head, lines
    )


def _whole_percent(there: np.ndarray) -> str:
    return f"{100 * there.mean():.0f} %" if len(there) else ""


def _about(cells: list, kind: str) -> str:
    """Return the mean and the range of numbers, the range of dates, or the most frequent value of others."""
    if kind in ("number", "date"):
        values = to_numbers(cells) if kind == "number" else to_years(cells, date_order(cells) or "day")
        values, cells = values[np.isfinite(values)], [c for c, v in zip(cells, values, strict=True) if np.isfinite(v)]
        if not len(values):
            return ""
        if kind == "date":
            return f"{cells[values.argmin()]} to {cells[values.argmax()]}"
        return f"{values.mean():.4g} ± {values.std():.4g}, from {values.min():.4g} to {values.max():.4g}"
    often = Counter(str(cell) for cell in cells).most_common(1)
    told = f"{_cut(often[0][0], 60)} ({100 * often[0][1] / len(cells):.2g} %)" if often and often[0][1] > 1 else ""
    length = f"{np.mean([len(str(cell)) for cell in cells]):.0f} letters on average" if kind == "text" else ""
    return "; ".join(part for part in (length, told) if part)


def class_rows(told: Told) -> dict:
    """Return the table of rows by class and split, of at most `LISTED` classes the most frequent."""
    names = told.source.classes
    counts = np.stack([np.bincount(e.labels, minlength=len(names)) for e in told.splits.values()], axis=1)
    order = np.argsort(-counts.sum(axis=1), kind="stable")
    kept = sorted(order[:LISTED])
    lines = [["all", *(f"{n:,}" for n in counts.sum(axis=0))]]
    lines += [[names[i], *(f"{n:,}" for n in counts[i])] for i in kept]
    more = f"; the {LISTED} most frequent of {len(names)} classes" if len(names) > LISTED else ""
    return shown_table(f"Rows by {told.source.target} and split{more}.", [told.source.target, *told.splits], lines)


def notes(told: Told, lost: int) -> list[str]:
    """Return what is to be said of rows that are not in a split, and of duplicates; `lost` rows have no target."""
    lines = []
    if lost:
        count = len(told.frame) + lost
        lines.append(f"{lost:,} of the {count:,} rows of the table have no {told.source.target}, and are left out.")
    if bad := told.rows.bad:
        lines.append(f"{len(bad):,} rows are left out because a file of theirs cannot be read.")
    if told.card.get("peer_rows"):
        lines.append(told.card["peer_rows"])
    if told.card.get("duplicates") == {}:
        lines.append("No picture, sound, video or text is in two splits.")
    return lines


def duplicate_rows(told: Told) -> dict:
    """Return the table of what is in two splits, as the card tells it."""
    found = told.card.get("duplicates") or {}
    lines = [[m, f"{one['exact']:,}", f"{one['near']:,}", "\n".join(one["first"])] for m, one in found.items()]
    caption = (
        "Rows of which an input is in another split, too. Where it gives the answer away, test scores are too high."
    )
    return shown_table(caption, ["input", "the same", "nearly", "such as"], lines)


def skipped_rows(told: Told) -> dict:
    """Return the table of the first rows that could not be decoded, and why."""
    bad = list(told.rows.bad.items())
    lines = [[told.number(row), why.replace(f"{told.root}/", "")] for row, why in bad[:BAD]]
    return shown_table(f"Rows left out{f', the first {BAD}' if len(bad) > BAD else ''}.", ["row", "why"], lines)


def examples(told: Told) -> list[dict]:
    """Return a row of each of the first `EXAMPLES` classes, of training rows that with the most inputs."""
    split, own = next(iter(told.splits.items()))
    there, found = told.rows.present[own.index].sum(axis=1), []
    for label, name in enumerate(told.source.classes):
        (mine,) = np.nonzero(own.labels == label)
        if len(mine) and len(found) < EXAMPLES:
            best = own.index[mine[there[mine].argmax()]]
            known = [modality for modality, _ in told.source.inputs]
            found.append({**row_inputs(told, best, known), "label": name, "split": split})
    return found


def mistakes(told: Told, answers: np.ndarray) -> dict:
    """Return `mistakes`, the surest wrong `answers` `(N, C)` on the test rows, and in `mistaken` of how many."""
    test, names = told.splits["test"], told.source.classes
    if not len(answers):
        return {"mistakes": [], "mistaken": ""}
    answer, sure = answers.argmax(axis=1), answers.max(axis=1)
    given = has_input(told)
    (wrong,) = np.nonzero(answer != test.labels)
    seen = wrong[given[wrong]]  # of a row without any input there is nothing to show
    worst = seen[np.argsort(-sure[seen], kind="stable")][:MISTAKES]
    found = [
        {
            **row_inputs(told, test.index[i], told.shipped),
            "told": names[answer[i]],
            "label": names[test.labels[i]],
            "said": f"confidence {100 * sure[i]:.1f} %, {100 * answers[i, test.labels[i]]:.1f} % for the truth",
        }
        for i in worst
    ]
    told_wrong = f"{len(wrong):,} of {len(answers):,} test rows ({percent(len(wrong) / len(answers))}) are told wrong"
    empty = f"; {len(wrong) - len(seen):,} of them have no input at all" if len(wrong) > len(seen) else ""
    shown = f". Here are the {len(found)} of which the model was surest" if len(seen) > len(found) else ""
    return {"mistakes": found, "mistaken": f"{told_wrong}{empty}{shown}."}


def has_input(told: Told) -> np.ndarray:
    """Return `(N,)` bool: whether a test row has anything that the model takes."""
    takes = [i for i, (modality, _) in enumerate(told.source.inputs) if modality in told.shipped]
    return told.rows.present[told.splits["test"].index][:, takes].any(axis=1)


def row_inputs(told: Told, row: int, modalities: Sequence[str]) -> dict:
    """Return what a report shows of a row: `pictures`, `sounds`, `texts` and the `cells` of numbers and categories."""
    shown: dict[str, Any] = {"number": told.number(row), "pictures": [], "sounds": [], "texts": []}
    cells: list[tuple[str, str]] = []
    for i, (modality, columns) in enumerate(told.source.inputs):
        if modality not in modalities:
            continue
        for column in columns:
            kind, name = kind_of(modality), column if isinstance(column, str) else column.name
            cell = told.frame[name].iloc[row]
            if kind == "tabular":
                cells.append((name, "" if cell is None else _cut(str(cell), 60)))
            elif kind == "text":
                shown["texts"].append({"name": name, "text": "" if cell is None else _cut(str(cell), LETTERS)})
            else:
                path = resolve(cell, told.root) if told.rows.present[row, i] else None
                shown["sounds" if kind == "audio" else "pictures"].append({"name": name, **_medium(told, kind, path)})
    return {**shown, "cells": cells[:CELLS], "more": max(0, len(cells) - CELLS)}


def _medium(told: Told, kind: str, path: Path | None) -> dict:
    """Return the picture, the sound or the film strip of the video at `path`, or that there is none."""
    try:
        if path is not None:
            makers = {"image": picture, "video": film_strip}
            return makers[kind](path) if kind in makers else sound(path, told.sample_rate)
    except BadInputError:  # gone since it was decoded
        pass
    return {"uri": ""}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
