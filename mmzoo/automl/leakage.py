"""Detection of leakage: duplicate rows in several splits of a table, which inflate test scores."""

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

NEAR = {"image": "image", "video": "image", "audio": "audio", "text": "text"}  # kinds whose near duplicates are found


def duplicates(splits: Mapping[str, Examples]) -> dict[str, dict]:
    """Find duplicate rows across splits, by modality.

    Decoded content is compared, so that a copy under another file name counts.

    Returns:
        `{modality: {"exact": rows, "near": rows, "first": [...]}}` of modalities with duplicates. `first` describes up
        to five pairs: row numbers, from 1, and splits.
    """
    rows, places = splits["train"].rows, np.concatenate([examples.index for examples in splits.values()])
    names = np.repeat([*splits], [len(examples.index) for examples in splits.values()])
    found = {}
    for i, (modality, stored) in enumerate(rows.readable.items()):
        kind, available = kind_of(modality), rows.present[places, i]
        if kind == "tabular":
            continue
        digests = [_digest(stored[row]) if there else None for row, there in zip(places, available, strict=True)]
        listed, exact = exact_duplicates(digests, names)
        near_listed, near = [], 0
        if kind in NEAR:
            content = _content(kind, stored, places, available)
            near_listed, near = near_duplicates(NEAR[kind], content, names, digests)
        listed = [*listed, *near_listed]
        release_pages(stored)
        if listed:
            first = [f"{c.kind}: row {rows.numbers[places[c.first_row]]} ({c.first_split})" for c in listed[:5]]
            second = [f"row {rows.numbers[places[c.second_row]]} ({c.second_split})" for c in listed[:5]]
            first = [f"{one}, {other}" for one, other in zip(first, second, strict=True)]
            found[modality] = {"exact": exact, "near": near, "first": first}
    return found


def format_duplicates(found: Mapping[str, dict]) -> str:
    """Format the result of `duplicates` as lines of text."""
    if not found:
        return "no duplicate images, audio, videos, series or texts across splits"
    lines = [
        f"{name}: {one['exact']} exact, {one['near']} near duplicates; {one['first'][0]}" for name, one in found.items()
    ]
    return "\n".join(["duplicate rows across splits (`group` keeps related rows in one split):", *lines])


def _digest(array: np.ndarray) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(array), digest_size=16).digest()


def _content(kind: str, stored: np.ndarray, places: np.ndarray, available: np.ndarray) -> Sequence:
    """Return each row's content for `near_duplicates`: texts, or fingerprints of images.

    A video is an image of its frames, audio an image of its spectrogram.
    """
    if kind == "text":
        return _Texts(stored, places, available)
    to_image = spectrogram_image if kind == "audio" else np.asarray
    rows = tqdm(zip(places, available, strict=True), f"comparing {kind}s", len(places), delay=5, mininterval=1)
    return [fingerprint(to_image(stored[row])) if there else None for row, there in rows]


@dataclass(frozen=True)
class _Texts(Sequence):
    """Decode the texts of rows on demand.

    All texts together may not fit into memory.
    """

    stored: np.ndarray
    places: np.ndarray
    available: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> str | None:
        return decode_bytes(self.stored[self.places[row]]) if self.available[row] else None
