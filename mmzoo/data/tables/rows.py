"""The rows of a table decoded once into files, from which batches are read: what is on disk need not fit into memory.

Pictures, sounds and texts become arrays of one size each. What cannot be decoded is reported together, by row.
"""

import hashlib
import json
import mmap
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from mmzoo.data.decode.audio import fit_length, read_audio, to_int16
from mmzoo.data.decode.image import read_image
from mmzoo.data.decode.text import FIRST_BYTE, encode_bytes
from mmzoo.data.decode.video import import_av, read_frames
from mmzoo.data.tables.features import empty_cells, feature_names, features, spread
from mmzoo.data.tables.features import present as any_cell
from mmzoo.data.tables.read import resolve
from mmzoo.errors import BadInputError

VERSION = 1  # of the files; another version decodes again
CHUNK = 256  # files decoded between two looks at the bar
TOLD = 10_000  # rows of cells at a time
SHOWN = 5  # bad rows of a message
THREADS = 4


@dataclass(frozen=True)
class Sizes:
    """What the tensors of a row are: pictures `(image_size, image_size, 3)`, sounds `(samples,)`, texts `(length,)`.

    Videos are strips of square frames from top to bottom, `(frames * frame_size, frame_size, 3)`.
    """

    image_size: int  # pixels
    sample_rate: int  # Hz
    samples: int  # of a sound, cut or with silence behind it
    text_bytes: int
    frames: int = 8
    frame_size: int = 64  # pixels

    def shapes(self, modalities: Sequence[str], columns: Sequence) -> dict[str, tuple[int, ...]]:
        """Return `{modality: shape}` of one example; `columns` are those of `tabular`."""
        side = self.image_size
        known = {"image": (side, side, 3), "audio": (self.samples,), "text": (self.text_bytes,)}
        known["video"] = (self.frames * self.frame_size, self.frame_size, 3)
        known["tabular"] = (len(feature_names(columns)),)
        return {name: known[kind_of(name)] for name in modalities}

    def units(self, modalities: Sequence[str], columns: Sequence) -> dict[str, str]:
        """Return `{input: unit and range}`, as a card prints it."""
        known = {"image": "RGB, 0 to 255", "text": "UTF-8 bytes + 3, 0 behind the text"}
        known["video"] = f"RGB, {self.frames} evenly spaced frames from top to bottom, 0 to 255"
        known["audio"] = f"waveform at {self.sample_rate} Hz, -1 to 1"
        known["tabular"] = ", ".join(feature_names(columns))
        return {name: known[kind_of(name)] for name in modalities} | {"present": "1 there, 0 missing"}

    def ranges(self, modalities: Sequence[str], columns: Sequence) -> dict[str, tuple[float, float]]:
        """Return `{input: (lowest, highest)}` of the values that verification draws."""
        known = {"image": (0, 255), "video": (0, 255), "audio": (-1.0, 1.0), "text": (0, FIRST_BYTE + 255)}
        known["tabular"] = spread(columns)
        return {name: known[kind_of(name)] for name in modalities} | {"present": (0.0, 1.0)}


@dataclass(frozen=True)
class Rows:
    """All rows of a table: `arrays` `{modality: (N, ...)}` on disk, `present` `(N, M)` bool, `bad` `{row: why}`.

    `numbers` `(N,)` are those of the rows in the table, from 1 on; `empty` is what `empty_cells` tells of the columns
    of `tabular`.
    """

    arrays: dict[str, np.ndarray]
    present: np.ndarray
    bad: dict[int, str]
    numbers: np.ndarray
    empty: tuple[np.ndarray, np.ndarray] | None = None


def kind_of(modality: str) -> str:
    """Return `image`, `audio`, `video`, `text` or `tabular` of a modality: `image_front` is an `image`."""
    return modality.split("_")[0]


def rows_of(array: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the rows `index` of an array on disk, without keeping the pages in memory that they were read from."""
    found = np.asarray(array[index])
    let_go(array)
    return found


def let_go(array: np.ndarray) -> None:
    """Give back the memory of the pages that were read of an array on disk; the system still may have them."""
    if isinstance(array.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.base.madvise(mmap.MADV_DONTNEED)


def decode_rows(frame, root: str | Path, inputs: Mapping[str, tuple], sizes: Sizes, skip_bad: bool = False) -> Rows:
    """Return the rows of the table `frame`, decoded now or by an earlier call with the same table and files.

    Args:
        frame: a table as `mmzoo.data.tables.read.read_table` returns it, or some of its rows; a missing cell is None.
        root: the folder from which its paths start.
        inputs: `{modality: columns}`: names of columns, and of `tabular` what `table_features.fit_feature` returns.
        sizes: the tensors.
        skip_bad: whether rows that cannot be decoded are left out of `present` and told in `bad`.

    Raises:
        BadInputError: files that are there cannot be decoded, and `skip_bad` is not set. A file that is not there is
            a modality that the row does not have.
    """
    place, numbers = cache_folder() / _digest(frame, root, inputs, sizes), np.asarray(frame.index) + 1
    if not place.is_dir():
        _decode(frame, Path(root), inputs, sizes, place)
    bad = {int(row): why for row, why in json.loads((place / "bad.json").read_text(encoding="utf-8")).items()}
    if bad and not skip_bad:
        shown = "; ".join(f"row {numbers[row]}: {why}" for row, why in [*bad.items()][:SHOWN])
        more = f"; and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        raise BadInputError(f"table: expected files that decode (`skip_bad` leaves them out). Received: {shown}{more}")
    arrays = {modality: np.load(place / f"{modality}.npy", mmap_mode="r") for modality in inputs}
    empty = empty_cells(inputs["tabular"]) if "tabular" in inputs else None
    return Rows(arrays, np.load(place / "present.npy"), bad, numbers, empty)


def texts(frame, columns: Sequence[str]) -> list[str | None]:
    """Return the text of each row: its one column, or a line `column: cell` for each that is there."""
    if len(columns) == 1:
        return [None if cell is None else str(cell) for cell in frame[columns[0]]]
    rows = zip(*(frame[name] for name in columns), strict=True)
    lines = ([f"{name}: {cell}" for name, cell in zip(columns, row, strict=True) if cell is not None] for row in rows)
    return ["\n".join(told) or None for told in lines]


def cache_folder(name: str = "tables") -> Path:
    """Return where decoded tables are kept, or what else has a `name`: MMZOO_CACHE_DIR, or in the user's cache."""
    own = os.environ.get("MMZOO_CACHE_DIR")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmzoo" / name


def _digest(frame, root, inputs, sizes) -> str:
    """Return a name for what is decoded: of the cells, the sizes, and the files' sizes and times."""
    digest = hashlib.sha256(repr((VERSION, str(Path(root).absolute()), dict(inputs), sizes)).encode())
    for modality, columns in inputs.items():
        for column in columns:
            cells = frame[column if isinstance(column, str) else column.name]
            digest.update(modality.encode())
            for start in range(0, len(cells), TOLD):
                part = cells.iloc[start : start + TOLD]
                told = [_file_stamp(cell, root) for cell in part] if is_file(modality) else map(repr, part)
                digest.update("\0".join(["", *told]).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:24]


def is_file(modality: str) -> bool:
    """Return whether the cells of a modality are paths."""
    return kind_of(modality) in ("image", "audio", "video")


def _file_stamp(cell, root) -> str:
    if cell is None:
        return ""
    try:
        found = resolve(cell, root).stat()
    except OSError:
        return f"{cell} missing"
    return f"{cell} {found.st_size} {found.st_mtime_ns}"


def _decode(frame, root, inputs, sizes, place) -> None:
    work = place.with_name(f".{place.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        present = np.zeros((len(frame), len(inputs)), bool)
        bad: dict[int, str] = {}
        for i, (modality, columns) in enumerate(inputs.items()):
            file = work / f"{modality}.npy"
            if is_file(modality):
                present[:, i] = _decode_files(frame[columns[0]].tolist(), root, modality, sizes, file, bad)
            else:
                present[:, i] = _cells(frame, kind_of(modality), columns, sizes, file)
        present[list(bad)] = False
        np.save(work / "present.npy", present)
        (work / "bad.json").write_text(json.dumps({row: bad[row] for row in sorted(bad)}), encoding="utf-8")
        os.replace(work, place)
    except OSError as error:
        raise BadInputError(
            f"MMZOO_CACHE_DIR: expected room for decoded rows in {place.parent}. Received: {error}"
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _cells(frame, kind, columns, sizes, file) -> np.ndarray:
    """Write what cells say to the array `file`, some rows at a time; return which rows say anything."""
    shape, dtype = (
        ((len(feature_names(columns)),), np.float32) if kind == "tabular" else ((sizes.text_bytes,), np.uint16)
    )
    array = np.lib.format.open_memmap(file, "w+", dtype, (len(frame), *shape))
    there = np.zeros(len(frame), bool)
    for start in range(0, len(frame), TOLD):
        part, rows = frame.iloc[start : start + TOLD], slice(start, start + TOLD)
        if kind == "tabular":
            cells = {column.name: part[column.name].tolist() for column in columns}
            array[rows], there[rows] = features(columns, cells), any_cell(columns, cells)
        else:
            told = texts(part, columns)
            array[rows] = encode_bytes([text or "" for text in told], sizes.text_bytes)
            there[rows] = [text is not None for text in told]
    array.flush()
    let_go(array)
    return there


def _decode_files(cells, root, modality, sizes, file, bad) -> np.ndarray:
    """Write the decoded files of a column to the array `file`; return which are there, and tell of others in `bad`."""
    kind, side = kind_of(modality), sizes.frame_size
    shape, dtype = sizes.shapes([modality], ())[modality], np.int16 if kind == "audio" else np.uint8
    if kind == "video":
        import_av()  # that it is not installed is said once, and not of each row
    array = np.lib.format.open_memmap(file, "w+", dtype, (len(cells), *shape))
    there = np.zeros(len(cells), bool)

    def read(row):
        if cells[row] is None or not (path := resolve(cells[row], root)).is_file():
            return None
        try:
            if kind == "image":
                return read_image(path, 3, (sizes.image_size, sizes.image_size))
            if kind == "video":
                return read_frames(path, sizes.frames, (side, side)).reshape(shape)
            waveform = read_audio(path, sizes.sample_rate)
        except BadInputError as error:
            return str(error)
        return fit_length(to_int16(waveform), sizes.samples)

    with ThreadPoolExecutor(THREADS) as pool, _bar(len(cells), modality) as bar:
        for rows in _chunks(len(cells)):
            for row, found in zip(rows, pool.map(read, rows), strict=True):
                if isinstance(found, str):
                    bad[row] = found
                elif found is not None:
                    array[row], there[row] = found, True
            bar.update(len(rows))
    array.flush()
    let_go(array)
    return there


def _bar(size: int, modality: str) -> tqdm:
    seconds = 0.5 if sys.stderr.isatty() else 15  # a log file has no use for every half second
    return tqdm(total=size, desc=f"reading {modality}", unit="row", mininterval=seconds)


def _chunks(size: int) -> Iterator[range]:
    for start in range(0, size, CHUNK):
        yield range(start, min(start + CHUNK, size))
