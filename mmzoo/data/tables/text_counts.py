"""Hashed counts of the texts of a table on disk, sparse; rows are read as dense arrays."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from mmzoo.device.text_hash import SIZE, sparse_counts

if TYPE_CHECKING:
    from scipy import sparse

PARTS = ("ends", "buckets", "counts")
KINDS = (np.uint16, np.uint8)  # of the last two


@dataclass(frozen=True, eq=False)
class TextCounts:
    """Hold the counts of N texts; an index, a slice or an array of indices reads dense uint8 rows `(..., 32768)`.

    `buckets` uint16 and `counts` uint8 from `ends[i]` to `ends[i + 1]` are of text i.
    """

    ends: np.ndarray
    buckets: np.ndarray
    counts: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Return the shape `(N, 32768)` of all rows."""
        return len(self.ends) - 1, SIZE

    @property
    def dtype(self) -> np.dtype:
        """Return the type of the rows, uint8."""
        return self.counts.dtype

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> np.ndarray:
        chosen = np.arange(len(self))[index]
        rows, places = self._places(chosen.reshape(-1))
        dense = np.zeros((chosen.size, SIZE), np.uint8)
        dense[rows, self.buckets[places]] = self.counts[places]
        return dense.reshape(*chosen.shape, SIZE)

    def matrix(self, index: np.ndarray) -> "sparse.csr_matrix":
        """Return the rows `index` as a sparse float32 matrix `(len(index), 32768)`."""
        from scipy import sparse

        rows, places = self._places(np.asarray(index))
        found = self.counts[places].astype(np.float32), (rows, self.buckets[places].astype(np.int32))
        return sparse.csr_matrix(found, (len(index), SIZE))

    def _places(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row of the result and the place in `buckets` of every count of the texts `index`."""
        starts, sizes = self.ends[index], self.ends[index + 1] - self.ends[index]
        before = np.cumsum(sizes) - sizes
        return np.repeat(np.arange(len(index)), sizes), np.arange(sizes.sum()) + np.repeat(starts - before, sizes)


def write_counts(texts: Iterable[Sequence[str]], folder: Path, name: str) -> None:
    """Count the texts, given in parts, into the files `NAME.PART.npy` of `folder`; one part is in memory at a time."""
    sizes, total = [np.zeros(1, np.int64)], 0
    with ExitStack() as stack:
        files = [stack.enter_context(open(folder / f"{name}.{part}.npy", "wb")) for part in PARTS[1:]]
        for file, kind in zip(files, KINDS, strict=True):
            _write_header(file, kind, 0)
        for part in texts:
            ends, *found = sparse_counts(part)
            for file, array in zip(files, found, strict=True):
                array.tofile(file)
            sizes.append(np.diff(ends))
            total += int(ends[-1])
        for file, kind in zip(files, KINDS, strict=True):
            file.seek(0)
            _write_header(file, kind, total)
    np.save(folder / f"{name}.{PARTS[0]}.npy", np.cumsum(np.concatenate(sizes)))


def _write_header(file: IO[bytes], kind: type[np.generic], length: int) -> None:
    """Write the header of a NumPy file of one axis; NumPy pads it, so that its size does not depend on `length`."""
    header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)


def read_counts(folder: Path, name: str) -> TextCounts:
    """Open the files that `write_counts` wrote.

    Raises:
        ValueError: they do not belong together.
    """
    ends, buckets, counts = (np.load(folder / f"{name}.{part}.npy", mmap_mode="r") for part in PARTS)
    whole = ends.ndim == buckets.ndim == counts.ndim == 1 and len(ends) and len(buckets) == len(counts) == ends[-1]
    if not whole or ends[0] or (np.diff(ends) < 0).any() or (len(buckets) and buckets.max() >= SIZE):
        raise ValueError(f"counts of {name} that do not fit one another")
    return TextCounts(ends, buckets, counts)
