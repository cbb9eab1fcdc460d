"""The rows of a large table that linear models get: of each split so many as fit into memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mmzoo.data.table_batches import Examples
from mmzoo.data.table_rows import kind_of, rows_of
from mmzoo.data.text import decode_bytes

ROWS = {"train": 50_000, "validation": 20_000, "test": 20_000}
TEXT = 8_000_000  # bytes of the texts of a split: what counts their runs of characters holds 60 times as much


@dataclass(frozen=True)
class Chosen:
    """The rows `index` of an `array` on disk, read as they are sliced; sounds, int16, as float32 in [-1, 1]."""

    array: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, part: slice) -> np.ndarray:
        rows = rows_of(self.array, self.index[part])
        return rows.astype(np.float32) / 32768 if rows.dtype == np.int16 else rows

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.index), *self.array.shape[1:])


def peer_examples(splits: Mapping[str, Examples], seed: int = 0) -> dict[str, Examples]:
    """Return of each split at most `ROWS` rows, drawn by `seed`, and fewer where texts are long."""
    arrays = next(iter(splits.values())).rows.arrays
    longest = max([array.shape[1] for name, array in arrays.items() if kind_of(name) == "text"], default=1)
    return {name: _some(examples, min(ROWS[name], TEXT // longest), seed) for name, examples in splits.items()}


def _some(examples: Examples, count: int, seed: int) -> Examples:
    size = len(examples.index)
    if size <= count:
        return examples
    kept = np.sort(np.random.default_rng(seed).choice(size, count, replace=False))
    return replace(examples, index=examples.index[kept], labels=examples.labels[kept])


def peer_input(modality: str, array: np.ndarray, index: np.ndarray, sample_rate: int):
    """Return the rows `index` of a decoded modality as `table_peers.peer_scores` takes them."""
    chosen, kind = Chosen(array, index), kind_of(modality)
    if kind == "audio":
        return chosen, sample_rate
    if kind == "text":
        return [decode_bytes(array[row]) or None for row in index]
    return chosen if kind in ("image", "video") else chosen[:]


def told_peer_rows(few: Mapping[str, Examples], splits: Mapping[str, Examples]) -> str:
    """Return the sentence that says which rows linear models got, or nothing where they got all."""
    counts = [
        f"{len(few[n].index):,} of {len(splits[n].index):,} {n}"
        for n in few
        if len(few[n].index) < len(splits[n].index)
    ]
    return f"Linear models were given {', '.join(counts)} rows." if counts else ""
