"""Rows of a table that are in two splits: what a model has seen in training says little of it in the test."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from mmzoo.data.decode.text import decode_bytes
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.duplicates import exact_duplicates, fingerprint, near_duplicates
from mmzoo.data.tables.rows import kind_of, release_pages
from mmzoo.data.tables.sound_fingerprint import spectrogram_image


def duplicates(splits: Mapping[str, Examples]) -> dict[str, dict]:
    """Return `{modality: {"exact": rows, "near": rows, "first": [...]}}` of those with rows in two splits.

    What was decoded is compared, so that a copy under another name counts.
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
        content = _content(kind, stored, places, there)
        alike, near = near_duplicates("image" if kind == "video" else kind, content, names, digests)
        listed = [*listed, *alike]
        release_pages(stored)
        if listed:
            first = [f"{c.kind}: row {rows.numbers[places[c.first_row]]} ({c.first_split})" for c in listed[:5]]
            second = [f"row {rows.numbers[places[c.second_row]]} ({c.second_split})" for c in listed[:5]]
            first = [f"{one}, {other}" for one, other in zip(first, second, strict=True)]
            found[modality] = {"exact": exact, "near": near, "first": first}
    return found


def told_duplicates(found: Mapping[str, dict]) -> str:
    """Return the lines that say what `duplicates` found."""
    if not found:
        return "no picture, sound, video or text is in two splits"
    told = [f"{m}: {one['exact']} rows exactly, {one['near']} nearly; {one['first'][0]}" for m, one in found.items()]
    return "\n".join(["what is in two splits (--group keeps in one what belongs together):", *told])


def _digest(array: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).digest()


def _content(kind: str, stored: np.ndarray, places: np.ndarray, there: np.ndarray) -> Sequence:
    """Return what `near_duplicates` compares of each row: a video is a picture of frames, a sound of its spectrum."""
    if kind == "text":
        return _Texts(stored, places, there)
    picture = spectrogram_image if kind == "audio" else np.asarray
    rows = tqdm(zip(places, there, strict=True), f"comparing {kind}s", len(places), delay=5, mininterval=1)
    return [fingerprint(picture(stored[row])) if here else None for row, here in rows]


@dataclass(frozen=True)
class _Texts(Sequence):
    """The texts of rows, each decoded when it is asked for: all of them need not fit into memory."""

    stored: np.ndarray
    places: np.ndarray
    there: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> str | None:
        return decode_bytes(self.stored[self.places[row]]) if self.there[row] else None
