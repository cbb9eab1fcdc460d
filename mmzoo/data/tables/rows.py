"""Decoding of a table's rows into cached files, from which batches are read without loading all into memory.

Images, waveforms and texts become arrays of one size per modality. Decoding errors are reported together, by row.
"""

import hashlib
import json
import logging
import mmap
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm.auto import tqdm

from mmzoo.data.decode.text import FIRST_BYTE, encode_bytes
from mmzoo.data.tables.features import empty_cells, feature_names, features, spread
from mmzoo.data.tables.features import present as any_cell
from mmzoo.data.tables.media import MediaReader
from mmzoo.data.tables.read import resolve
from mmzoo.data.tables.text_counts import TextCounts, read_counts, write_counts
from mmzoo.device import text_hash
from mmzoo.device.media import PADDED_END
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
VERSION = 3  # of the cached files; another version decodes again
CHUNK = 256  # files decoded between two updates of the progress bar
CELL_ROWS = 10_000  # rows of cells in memory at a time
TEXT_ROWS = 1000  # texts counted at a time
SHOWN = 5  # bad rows listed in a message
THREADS = 4
FILES = {"image": np.uint8, "audio": np.int16, "video": np.uint8, "series": np.float32}  # kinds of files, as stored


@dataclass(frozen=True)
class Sizes:
    """Hold the sizes of a row's tensors.

    Images are `(image_size, image_size, 3)`, waveforms `(samples,)`. Texts are `(text_bytes,)`, or `(32768,)` where
    `text_encoder` is `hash`. Videos are vertical strips of square frames, `(frames * frame_size, frame_size, 3)`. A
    series has the sizes of its column, see `mmzoo.data.tables.series.Series`.
    """

    image_size: int  # pixels
    sample_rate: int  # Hz
    samples: int  # of a waveform, cropped or padded with silence
    text_bytes: int
    frames: int = 8
    frame_size: int = 64  # pixels
    text_encoder: str = "conv"  # or hash: the input is hashed counts in place of bytes

    @property
    def hashed(self) -> bool:
        """Return whether texts are hashed counts."""
        return self.text_encoder == "hash"

    @property
    def longest_text(self) -> int:
        """Return the length from which on texts are cut, in bytes; 0 if they are not."""
        return 0 if self.hashed else self.text_bytes

    def shapes(self, modalities: Sequence[str], inputs: Mapping[str, Sequence]) -> dict[str, tuple[int, ...]]:
        """Return `{modality: shape}` of one example; `inputs` is `{modality: columns}`."""
        side = self.image_size
        length = text_hash.SIZE if self.hashed else self.text_bytes
        known = {"image": (side, side, 3), "audio": (self.samples,), "text": (length,)}
        known["video"] = (self.frames * self.frame_size, self.frame_size, 3)
        known["tabular"] = (len(feature_names(inputs.get("tabular", ()))),)
        known |= {name: column.shape for name, column in series_of(inputs).items()}
        return _of_each(modalities, known)

    def units(self, modalities: Sequence[str], inputs: Mapping[str, Sequence]) -> dict[str, str]:
        """Return `{input: unit and range}` for the card."""
        text = text_hash.UNIT if self.hashed else "UTF-8 bytes + 3, 0 behind the text"
        known = {"image": "RGB, 0 to 255", "text": text}
        known["video"] = f"RGB, {self.frames} evenly spaced frames from top to bottom, 0 to 255"
        known["audio"] = f"waveform at {self.sample_rate} Hz, -1 to 1, {PADDED_END}"
        known["tabular"] = ", ".join(feature_names(inputs.get("tabular", ())))
        known |= {name: column.unit for name, column in series_of(inputs).items()}
        return _of_each(modalities, known) | {"present": "1 there, 0 missing"}

    def ranges(self, modalities: Sequence[str], inputs: Mapping[str, Sequence]) -> dict[str, tuple[float, float]]:
        """Return `{input: (lowest, highest)}`, the ranges for verification."""
        highest = text_hash.MOST if self.hashed else FIRST_BYTE + 255
        known = {"image": (0, 255), "video": (0, 255), "audio": (-1.0, 1.0), "text": (0, highest)}
        known["tabular"] = spread(inputs.get("tabular", ()))
        known |= {name: column.range for name, column in series_of(inputs).items()}
        return _of_each(modalities, known) | {"present": (0.0, 1.0)}


@dataclass(frozen=True)
class Rows:
    """Hold all rows of a table.

    Attributes:
        arrays: `{modality: (N, ...)}` on disk, the model's inputs.
        present: `(N, M)` bool, the available modalities of each row.
        bad: `{row: reason}` of the rows that cannot be decoded.
        numbers: `(N,)` row numbers in the table, from 1.
        empty: result of `empty_cells` for the columns of `tabular`.
        texts: `{modality: byte ids (N, text_bytes)}` on disk, of texts whose input is hashed counts.
        notes: a line on each column of series: what was cut, padded and interpolated.
    """

    arrays: dict[str, np.ndarray | TextCounts]
    present: np.ndarray
    bad: dict[int, str]
    numbers: np.ndarray
    empty: tuple[np.ndarray, np.ndarray] | None = None
    texts: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def readable(self) -> dict[str, np.ndarray]:
        """Return `arrays`, with byte ids in place of hashed counts."""
        return self.arrays | self.texts


def kind_of(modality: str) -> str:
    """Return the kind of a modality: image, audio, video, series, text or tabular.

    The kind precedes the first underscore: `image_front` is an `image`.
    """
    return modality.split("_")[0]


def _of_each(modalities: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{modality: value}`; `known` has values by kind, and of series by modality."""
    return {name: known[name if name in known else kind_of(name)] for name in modalities}


def series_of(inputs: Mapping[str, Sequence]) -> dict[str, Any]:
    """Return `{modality: Series}` of the series of `inputs`, `{modality: columns}`."""
    return {name: columns[0] for name, columns in inputs.items() if kind_of(name) == "series"}


def name_of(column: Any) -> str:
    """Return the name of a column, given by itself or by its description."""
    return column if isinstance(column, str) else column.name


def rows_of(array: np.ndarray | TextCounts, index: np.ndarray) -> np.ndarray:
    """Read rows of an array on disk, releasing its memory pages."""
    found = np.asarray(array[index])
    release_pages(array)
    return found


def release_pages(array: np.ndarray | TextCounts) -> None:
    """Release the memory pages of an array on disk.

    The system may still cache them.
    """
    for part in (array.buckets, array.counts) if isinstance(array, TextCounts) else (array,):
        if isinstance(part.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            part.base.madvise(mmap.MADV_DONTNEED)


def decode_rows(
    frame: "pd.DataFrame", root: str | Path, inputs: Mapping[str, tuple], sizes: Sizes, skip_bad: bool = False
) -> Rows:
    """Decode the rows of a table, or load them from cache.

    The cache key covers the table and its files. A missing file means that the row lacks the modality.

    Args:
        frame: a table from `mmzoo.data.tables.read.read_table`, or part of its rows; None is a missing cell.
        root: the folder of relative paths.
        inputs: `{modality: columns}`: column names, for `tabular` results of `features.fit_feature`, and for series a
            result of `series.fit_series`.
        sizes: the sizes of the tensors.
        skip_bad: record rows that cannot be decoded in `bad` and mark them absent in `present`.

    Raises:
        BadInputError: an existing file cannot be decoded, and `skip_bad` is not set.
    """
    place, numbers = cache_folder() / _digest(frame, root, inputs, sizes), np.asarray(frame.index) + 1
    if not place.is_dir():
        _decode(frame, Path(root), inputs, sizes, place)
    try:
        cached = _load(place, len(frame), inputs, sizes)
    except Exception as error:  # of any kind: a cached file may be damaged in any way
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        logger.warning(f"{place}: cached rows are damaged and decoded again ({reason})")
        shutil.rmtree(place, ignore_errors=True)
        _decode(frame, Path(root), inputs, sizes, place)
        cached = _load(place, len(frame), inputs, sizes)
    arrays, written, present, bad, notes = cached
    if bad and not skip_bad:
        shown = "; ".join(f"row {numbers[row]}: {why}" for row, why in [*bad.items()][:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise BadInputError(f"table: expected readable files (`skip_bad` skips such rows). Received: {shown}{more}")
    empty = empty_cells(inputs["tabular"]) if "tabular" in inputs else None
    return Rows(arrays, present, bad, numbers, empty, written, notes)


def _load(place: Path, count: int, inputs: Mapping[str, tuple], sizes: Sizes) -> tuple:
    """Open the decoded rows in `place`: arrays, byte ids of hashed texts, presence, bad rows and notes.

    Raises:
        Exception: of any kind; a file is missing, damaged, or of another table.
    """
    bad = {int(row): why for row, why in json.loads((place / "bad.json").read_text(encoding="utf-8")).items()}
    notes = tuple(json.loads((place / "notes.json").read_text(encoding="utf-8")))
    if not all(isinstance(text, str) for text in [*bad.values(), *notes]) or not {*bad} <= {*range(count)}:
        raise ValueError("reasons and notes that are no texts")
    present = np.load(place / "present.npy")
    arrays: dict[str, Any] = {name: np.load(place / f"{name}.npy", mmap_mode="r") for name in inputs}
    written = {name: arrays[name] for name in inputs if sizes.hashed and kind_of(name) == "text"}
    arrays |= {name: read_counts(place, name) for name in written}
    for name in inputs:
        kind = FILES.get(kind_of(name), np.float32 if kind_of(name) == "tabular" else np.uint16)
        length = (sizes.text_bytes,) if name in written else sizes.shapes([name], inputs)[name]
        array = written.get(name, arrays[name])
        if (array.shape, array.dtype) != ((count, *length), np.dtype(kind)):
            raise ValueError(f"{name} of {array.dtype} {array.shape}")
    if (present.shape, present.dtype) != ((count, len(inputs)), np.dtype(bool)):
        raise ValueError(f"presence of {present.dtype} {present.shape}")
    if any(len(arrays[name].ends) != count + 1 for name in written):
        raise ValueError("counts of other texts")
    return arrays, written, present, bad, notes


def texts(frame: "pd.DataFrame", columns: Sequence[str]) -> list[str | None]:
    """Return each row's text, or None.

    A single column is used directly. Several columns give a line `column: cell` per available cell.
    """
    if len(columns) == 1:
        return [None if cell is None else str(cell) for cell in frame[columns[0]]]
    rows = zip(*(frame[name] for name in columns), strict=True)
    lines = ([f"{name}: {cell}" for name, cell in zip(columns, row, strict=True) if cell is not None] for row in rows)
    return ["\n".join(row) or None for row in lines]


def cache_folder(name: str = "tables") -> Path:
    """Return the cache folder `name`.

    MMZOO_CACHE_DIR overrides the folder in the user's cache.
    """
    given = os.environ.get("MMZOO_CACHE_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmzoo" / name


def _digest(frame: "pd.DataFrame", root: str | Path, inputs: Mapping[str, tuple], sizes: Sizes) -> str:
    """Return the cache key of a table.

    It is a digest of cells, tensor sizes, file sizes and times.
    """
    digest = hashlib.sha256(repr((VERSION, str(Path(root).absolute()), dict(inputs), sizes)).encode())
    for modality, columns in inputs.items():
        for column in columns:
            cells = frame[name_of(column)]
            digest.update(modality.encode())
            for start in range(0, len(cells), CELL_ROWS):
                part = cells.iloc[start : start + CELL_ROWS]
                stamps = (
                    [file_stamp(cell, root, status=True) for cell in part] if is_file(modality) else map(repr, part)
                )
                digest.update("\0".join(["", *stamps]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24]


def is_file(modality: str) -> bool:
    """Return whether the cells of a modality are paths."""
    return kind_of(modality) in FILES


def file_stamp(cell: object, root: str | Path, status: bool = False) -> str:
    """Return the path in a cell with the size and time of its file, as a text.

    With `status` also the time of the last change of its status: nobody can set it to an earlier one, so it shows other
    content of the same size and time.
    """
    if cell is None:
        return ""
    try:
        found = resolve(cell, root).stat()
    except (OSError, ValueError):  # ValueError: a null character
        return f"{cell} missing"
    return f"{cell} {found.st_size} {found.st_mtime_ns}{f' {found.st_ctime_ns}' if status else ''}"


def _decode(frame: "pd.DataFrame", root: Path, inputs: Mapping[str, tuple], sizes: Sizes, place: Path) -> None:
    work = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        present = np.zeros((len(frame), len(inputs)), bool)
        bad: dict[int, str] = {}
        notes: list[str] = []
        for i, (modality, columns) in enumerate(inputs.items()):
            file = work / f"{modality}.npy"
            if is_file(modality):
                shape, read = (
                    sizes.shapes([modality], inputs)[modality],
                    MediaReader(kind_of(modality), sizes, columns[0]),
                )
                array = np.lib.format.open_memmap(file, "w+", FILES[kind_of(modality)], (len(frame), *shape))
                present[:, i] = _decode_files(frame[name_of(columns[0])].tolist(), root, modality, read, array, bad)
                notes += read.notes()
            else:
                present[:, i] = _cells(frame, kind_of(modality), columns, sizes, file)
                if sizes.hashed and kind_of(modality) == "text":
                    write_counts(_in_parts(frame, columns), work, modality)
        present[list(bad)] = False
        np.save(work / "present.npy", present)
        (work / "bad.json").write_text(json.dumps({row: bad[row] for row in sorted(bad)}), encoding="utf-8")
        (work / "notes.json").write_text(json.dumps(notes), encoding="utf-8")
        try:
            os.replace(work, place)
        except OSError:
            if not place.is_dir():
                raise
            # another process was first, with the same rows
    except OSError as error:
        raise BadInputError(f"MMZOO_CACHE_DIR: cannot write decoded rows to {place.parent}: {error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _cells(frame: "pd.DataFrame", kind: str, columns: Sequence, sizes: Sizes, file: Path) -> np.ndarray:
    """Write cells of text or features to the array `file`.

    Returns which rows have any cell.
    """
    shape, dtype = (
        ((len(feature_names(columns)),), np.float32) if kind == "tabular" else ((sizes.text_bytes,), np.uint16)
    )
    array = np.lib.format.open_memmap(file, "w+", dtype, (len(frame), *shape))
    available = np.zeros(len(frame), bool)
    for start in range(0, len(frame), CELL_ROWS):
        part, rows = frame.iloc[start : start + CELL_ROWS], slice(start, start + CELL_ROWS)
        if kind == "tabular":
            cells = {column.name: part[column.name].tolist() for column in columns}
            array[rows], available[rows] = features(columns, cells), any_cell(columns, cells)
        else:
            row_texts = texts(part, columns)
            array[rows] = encode_bytes([text or "" for text in row_texts], sizes.text_bytes)
            available[rows] = [text is not None for text in row_texts]
    array.flush()
    release_pages(array)
    return available


def _in_parts(frame: "pd.DataFrame", columns: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(frame), TEXT_ROWS):
        yield [text or "" for text in texts(frame.iloc[start : start + TEXT_ROWS], columns)]


def _decode_files(
    cells: list, root: Path, modality: str, reader: MediaReader, array: np.memmap, bad: dict[int, str]
) -> np.ndarray:
    """Decode the files of a column into `array`.

    Returns which rows have a decodable file.
    Errors are recorded in `bad`.
    """
    available = np.zeros(len(cells), bool)

    def read(row: int) -> np.ndarray | str | None:
        try:
            if cells[row] is None or not (path := resolve(cells[row], root)).is_file():
                return None
            return reader.read(path)
        except (BadInputError, OSError) as error:  # OSError: a name that is too long, a folder that is closed
            return str(error)

    with ThreadPoolExecutor(THREADS) as pool, _bar(len(cells), modality) as bar:
        for rows in _chunks(len(cells)):
            for row, found in zip(rows, pool.map(read, rows), strict=True):
                if isinstance(found, str):
                    bad[row] = found
                elif found is not None:
                    array[row], available[row] = found, True
            bar.update(len(rows))
    array.flush()
    release_pages(array)
    return available


def _bar(size: int, modality: str) -> tqdm:
    seconds = 0.5 if sys.stderr.isatty() else 15  # a log file needs fewer updates
    return tqdm(total=size, desc=f"reading {modality}", unit="row", mininterval=seconds)


def _chunks(size: int) -> Iterator[range]:
    for start in range(0, size, CHUNK):
        yield range(start, min(start + CHUNK, size))
