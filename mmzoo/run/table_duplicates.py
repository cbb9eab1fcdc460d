"""Rows of a table that are in two splits: what a model has seen in training says little of it in the test."""

import hashlib
from collections.abc import Mapping

import numpy as np

from mmzoo.data.duplicates import exact_duplicates, fingerprint, near_duplicates
from mmzoo.data.table_batches import Examples
from mmzoo.data.table_rows import kind_of
from mmzoo.data.text import decode_bytes


def duplicates(splits: Mapping[str, Examples]) -> dict[str, dict]:
    """Return `{modality: {"exact": rows, "near": rows, "first": [...]}}` of those with rows in two splits.

    What was decoded is compared, so that a copy under another name counts; near ones of pictures and texts alone.
    `first` names some: the two rows, from 1 on, and their splits.
    """
    rows, places = splits["train"].rows, np.concatenate([examples.index for examples in splits.values()])
    names = np.repeat([*splits], [len(examples.index) for examples in splits.values()])
    found = {}
    for i, (modality, stored) in enumerate(rows.arrays.items()):
        kind, there = kind_of(modality), rows.present[places, i]
        if kind == "tabular":
            continue
        digests = [_digest(stored[row]) if here else None for row, here in zip(places, there, strict=True)]
        listed, exact = exact_duplicates(digests, names)
        near = 0
        if content := _content(kind, stored, places, there):
            alike, near = near_duplicates(kind, content, names, digests)
            listed = [*listed, *alike]
        if listed:
            first = [f"{c.kind}: row {rows.numbers[places[c.first_row]]} ({c.first_split})" for c in listed[:5]]
            second = [f"row {rows.numbers[places[c.second_row]]} ({c.second_split})" for c in listed[:5]]
            first = [f"{one}, {other}" for one, other in zip(first, second, strict=True)]
            found[modality] = {"exact": exact, "near": near, "first": first}
    return found


def told_duplicates(found: Mapping[str, dict]) -> str:
    """Return the lines that say what `duplicates` found."""
    if not found:
        return "no picture, sound or text is in two splits"
    told = [f"{m}: {one['exact']} rows exactly, {one['near']} nearly; {one['first'][0]}" for m, one in found.items()]
    return "\n".join(["what is in two splits (--group keeps in one what belongs together):", *told])


def _digest(array: np.ndarray) -> bytes:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()


def _content(kind: str, stored: np.ndarray, places: np.ndarray, there: np.ndarray) -> list:
    """Return what `near_duplicates` compares of each row, nothing of sounds."""
    if kind not in ("image", "text"):
        return []
    of = fingerprint if kind == "image" else decode_bytes
    return [of(stored[row]) if here else None for row, here in zip(places, there, strict=True)]
