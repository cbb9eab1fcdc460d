"""Reading of tables (CSV, TSV, JSON Lines, Parquet, folders) as DataFrames of text, numbers, lists and None."""

import codecs
import csv
import decimal
import functools
import json
import os
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmzoo.data.tables.formats import number_form
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

ABSENT = frozenset(("", "NaN", "nan", "NAN", "NaT", "None", "null", "NULL", "N/A", "n/a", "#N/A", "<NA>", "\\N"))
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
METADATA = ("metadata.jsonl", "metadata.csv")
SPLITS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("validation", "val", "valid", "dev"), "validation"
)
MOST_CELLS = 100_000_000  # of a Parquet file, which may be of a few bytes
NAMED = 5  # bad rows listed in a message
_BOMS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NOT_WINDOWS = b"\x81\x8d\x8f\x90\x9d"
_SYSTEM_FILES = ("Thumbs.db", "desktop.ini", "__MACOSX")


def read_table(path: str | Path, target: str = "") -> "pd.DataFrame":
    """Read a table as a DataFrame of text, numbers, lists and None.

    Cells are `str`, int or float, `list`, or None.
    `path` is a file with one of the extensions `ENDINGS`; a folder with metadata.jsonl or metadata.csv and files; or a
    folder of class folders. Class folders give the columns `file` and `label`, and `split` if they are in folders
    train, validation, test. Text is UTF-8, UTF-16 with a byte order mark, or Windows-1252, which gives a warning. A
    .csv without a comma in its header is split at semicolons or tabs. Cells of text files stay text: "007" is not 7.

    None is a missing cell: only spaces, or an entry of `ABSENT` in exactly that spelling ("none" may be a class). "NA"
    is missing except in a column whose other cells are codes of two to five capital letters (Namibia, North America).
    In the column `target`, unless it holds numbers or lists, only empty cells are missing: None and nan are classes.
    True and False become text, dates become ISO text, objects a list of [key, value].

    Raises:
        BadInputError: the file is missing or has an unknown extension; there are no rows or columns; a column name is
            repeated; a row has too few or too many cells; text cannot be decoded; a line is no JSON object; Parquet is
            unreadable. The message is one line. It counts rows of data from 1, and lines of the file from 1, the
            header.
    """
    path = Path(path).expanduser()
    try:
        if not path.exists():
            raise BadInputError(f"{path}: expected a table. Received: no such file or folder")
        if path.is_dir():
            return _read_folder(path, target)
        ending = path.suffix.lower()
        if ending not in ENDINGS:
            raise BadInputError(
                f"{path}: expected {' '.join(ENDINGS)} or a folder. Received: {ending or 'no extension'}"
            )
        readers = {".parquet": _read_parquet, ".jsonl": _read_json, ".ndjson": _read_json}
        return _frame(path, *readers.get(ending, _read_csv)(path), target)
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable table. Received: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise BadInputError(
            f"{path}: expected {error.encoding}, according to its byte order mark. Received: {error.reason}"
        ) from None


def from_frame(frame: "pd.DataFrame", where: str | Path = "table", target: str = "") -> "pd.DataFrame":
    """Convert a DataFrame to the cell types of `read_table`.

    The index is renumbered.
    Error messages begin with `where`. For `target` see `read_table`.

    Raises:
        BadInputError: as `read_table`.
    """
    columns = [frame.iloc[:, i].tolist() for i in range(frame.shape[1])]
    return _frame(where, [str(name) for name in frame.columns], columns, target)


def root_of(path: str | Path) -> Path:
    """Return the absolute base folder of relative paths in the table `path`."""
    path = Path(path).expanduser().absolute()
    return path if path.is_dir() else path.parent


def resolve(cell: object, folder: str | Path) -> Path:
    """Resolve the path in a cell, relative to `folder`.

    Absolute paths, ~ and backslashes are accepted. Where there is no such file, but one whose path differs in letter
    case or in its Unicode form only, the result is this file.
    """
    path = as_written(cell, folder)
    return path if os.path.lexists(path) else _alike(path) or path


def as_written(cell: object, folder: str | Path) -> Path:
    """Return the path in a cell as `resolve`, whether a file is there or not."""
    text = str(cell).strip()
    if "\\" in text and not os.path.lexists(os.path.join(folder, text)):
        text = text.replace("\\", "/")
    try:
        return Path(folder) / Path(text).expanduser()
    except RuntimeError:  # ~ of an unknown user
        return Path(folder) / text


def _alike(path: Path) -> Path | None:
    """Return the only path that equals `path` but for letter case and Unicode form."""
    if path.parent == path:
        return None
    parent = path.parent if os.path.isdir(path.parent) else _alike(path.parent)
    if parent is None:
        return None
    try:
        names = _folded(str(parent), os.stat(parent).st_mtime_ns).get(_fold(path.name), ())
    except OSError:
        return None
    return parent / names[0] if len(names) == 1 else None


@functools.lru_cache(maxsize=256)
def _folded(folder: str, changed: int) -> dict[str, list[str]]:
    """Return the names in a folder by their folded form; `changed` is the time of its last change."""
    found: dict[str, list[str]] = {}
    for name in os.listdir(folder):
        found.setdefault(_fold(name), []).append(name)
    return found


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_absent(cell: object) -> bool:
    """Return whether a cell is missing: None, NaN, or an `ABSENT` text."""
    if isinstance(cell, str):
        return cell.strip() in ABSENT
    return cell is None or (isinstance(cell, float) and cell != cell)


def abbreviated(items: Sequence, shown: int = NAMED) -> str:
    """Join the first `shown` items for a message.

    The number of other items is appended.
    """
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(str(item) for item in items[:shown]) + more


def _frame(where: str | Path, names: Sequence[str], columns: Sequence[list], target: str = "") -> "pd.DataFrame":
    """Build a DataFrame from cleaned names and cells."""
    import pandas as pd

    names = [str(name).strip() or f"unnamed {i}" for i, name in enumerate(names, 1)]
    if not names:
        raise BadInputError(f"{where}: expected a table of rows and columns. Received: an empty one")
    if repeated := [repr(name) for name, count in Counter(names).items() if count > 1]:
        raise BadInputError(
            f"{where}: expected distinct column names. Received: {abbreviated(repeated)} more than once"
        )
    if not columns[0]:
        raise BadInputError(f"{where}: expected rows of data. Received: only {len(names)} column names")
    cleaned = {}
    for name, cells in zip(names, columns, strict=True):
        try:
            read = _without_na([_cell(cell) for cell in cells])
            read = _with_class_names(read, cells) if name == target else read
            cleaned[name] = pd.Series(read, dtype=object)
        except UnicodeDecodeError:
            problem = "expected text, numbers or lists. Received: bytes: write them to files and give their paths"
            raise BadInputError(f"{where}: column {name!r}: {problem}") from None
    return pd.DataFrame(cleaned)


def _cell(value: Any) -> str | int | float | list | None:
    """Convert one cell to text, number, list or None."""
    if isinstance(value, bytes):
        value = value.decode()  # text in older Parquet files
    if is_absent(value):
        return None
    if isinstance(value, str) or type(value) in (int, float):
        return value
    if isinstance(value, list | tuple):
        return [_cell(item) for item in value]
    if isinstance(value, dict):
        return [[key, _cell(item)] for key, item in value.items()]
    if hasattr(value, "total_seconds"):
        return _cell(value.total_seconds())
    if hasattr(value, "tolist"):  # NumPy's
        return _cell(value.tolist())
    if isinstance(value, decimal.Decimal):
        return float(value)
    text = str(value)  # ISO for a date, True or False for a bool
    return None if is_absent(text) else text


def _without_na(cells: list) -> list:
    """Replace "NA" by None unless the column holds other codes."""
    if not any(isinstance(cell, str) and cell.strip() == "NA" for cell in cells):
        return cells
    others = {str(cell).strip() for cell in cells if cell is not None} - {"NA"}
    if others and all(re.fullmatch("[A-Z]{2,5}", other) for other in others):
        return cells
    return [None if isinstance(cell, str) and cell.strip() == "NA" else cell for cell in cells]


def _with_class_names(read: list, cells: list) -> list:
    """Put the texts of `ABSENT` back as classes, unless the other cells are numbers or lists."""
    others = [cell for cell in read if cell is not None]
    if any(isinstance(cell, list) for cell in others) or number_form(others) is not None:
        return read
    return [
        cell.strip() if one is None and isinstance(cell, str) and cell.strip() else one
        for one, cell in zip(read, cells, strict=True)
    ]


def _read_csv(path: Path) -> tuple[list[str], list[list]]:
    """Read the names and text columns of a CSV or TSV file."""
    encoding = _encoding(path)
    with open(path, encoding=encoding, newline="") as file:
        limit = csv.field_size_limit(2**31 - 1)  # the default of 128 KB is too small for long texts
        try:
            delimiter = _delimiter(path, file.readline())
            file.seek(0)
            return _rows(path, csv.reader(file, delimiter=delimiter, strict=True))
        finally:
            csv.field_size_limit(limit)


def _rows(path: Path, reader: Any) -> tuple[list[str], list[list]]:
    """Read rows into columns and report all rows of wrong length together."""
    names, columns, bad, row, line = [], [], [], 0, 1
    try:
        for cells in reader:
            line, first = reader.line_num + 1, line
            if len(cells) < 2 and not "".join(cells).strip() and (not cells or len(names) != 1):
                continue  # a blank line
            if not names:
                names, columns = cells, [[] for _ in cells]
                if "\0" in "".join(names):
                    raise BadInputError(f"{path}: expected text. Received: binary, or UTF-16 without byte order mark")
                continue
            row += 1
            if len(cells) != len(names):
                bad.append(f"row {row} (line {first}) with {len(cells)}")
            for column, cell in zip(columns, cells, strict=False):
                column.append(cell)
    except csv.Error as error:
        raise BadInputError(
            f"{path}: expected closed quotes around whole cells. Received: row {row + 1} (line {line}): {error}"
        ) from None
    if bad:
        raise BadInputError(f"{path}: expected {len(names)} cells in each row. Received: {abbreviated(bad)}")
    return names, columns


def _delimiter(path: Path, header: str) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in ",;\t"}
    return next((mark for mark, count in counts.items() if count > 1), ",")


def _read_json(path: Path) -> tuple[list[str], list[list]]:
    """Read a file of one JSON object per line.

    Names are in order of appearance. Lone surrogates become U+FFFD.
    """
    columns, bad, row = {}, [], 0
    with open(path, encoding=_encoding(path), newline="\n") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line, object_pairs_hook=_object)
                if not isinstance(record, dict):
                    raise ValueError(f"{type(record).__name__}, not an object")
                record = _without_lone_surrogates(record) if "\\u" in line else record
            except (ValueError, RecursionError) as error:
                bad.append(f"line {number}: {' '.join(str(error).split())}")
                continue
            for name, value in record.items():
                cells = columns.setdefault(name, [])
                cells.extend([None] * (row - len(cells)))
                cells.append(value)
            row += 1
    if bad:
        raise BadInputError(f"{path}: expected one JSON object per line. Received: {abbreviated(bad)}")
    for cells in columns.values():
        cells.extend([None] * (row - len(cells)))
    return list(columns), list(columns.values())


def _without_lone_surrogates(record: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(record, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{abbreviated([repr(name) for name in found if names.count(name) > 1])} more than once")
    return found


def _read_parquet(path: Path) -> tuple[list[str], list[list]]:
    """Read the names and columns of a Parquet file.

    The unnamed index of pandas is dropped.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        if (cells := file.metadata.num_rows * file.metadata.num_columns) > MOST_CELLS:
            raise ValueError(f"{cells:,} cells, more than {MOST_CELLS:,}")
        table = file.read()
        kept = [i for i, name in enumerate(table.column_names) if not re.fullmatch(r"__index_level_\d+__", name)]
        return [table.column_names[i] for i in kept], [table.column(i).to_pylist() for i in kept]
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path}: expected a readable Parquet file. Received: {reason}") from None


def _encoding(path: Path) -> str:
    """Detect the encoding of a text file.

    Mixed and unknown encodings raise BadInputError.
    """
    bad, good, other = [], False, False
    with open(path, "rb") as file:
        start = file.read(4)
        if marked := [name for mark, name in _BOMS if start.startswith(mark)]:
            return marked[0]
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                good |= not line.isascii() and bool(line.decode())
            except UnicodeDecodeError:
                bad.append(f"line {number}")
                other |= any(byte in line for byte in _NOT_WINDOWS)
    if not bad:
        return "utf-8-sig"
    if good or other:
        known = "one encoding, UTF-8" if good else "UTF-8, UTF-16 with byte order mark, or Windows-1252"
        raise BadInputError(f"{path}: expected text in {known}. Received: other bytes in {abbreviated(bad)}")
    warnings.warn(f"{path}: read as Windows-1252, as it is not UTF-8: {abbreviated(bad)}", stacklevel=4)
    return "cp1252"


def _read_folder(folder: Path, target: str) -> "pd.DataFrame":
    """Read a folder's metadata file or its class folders."""
    import pandas as pd

    if found := [name for name in METADATA if (folder / name).is_file()]:
        if len(found) > 1:
            raise BadInputError(f"{folder}: expected one table. Received: {' and '.join(found)}")
        frame = read_table(folder / found[0], target)
        if "file_name" not in frame:
            names = abbreviated([repr(name) for name in frame])
            raise BadInputError(f"{folder / found[0]}: expected a column 'file_name'. Received: {names}")
        return frame
    tops = _folders(folder)
    splits = [top for top in tops if top.name.lower() in SPLITS and _folders(top)]
    if splits and len(splits) < len(tops):
        others = [top.name for top in tops if top not in splits]
        raise BadInputError(
            f"{folder}: expected class folders in train, validation, test. Received: {abbreviated(others)}"
        )
    if not splits and all(top.name.lower() in SPLITS for top in tops):
        received = f"{abbreviated([top.name for top in tops])} without class folders" if tops else "no folder in it"
        raise BadInputError(f"{folder}: expected {' or '.join(METADATA)}, or class folders. Received: {received}")
    rows = []
    for label in [label for top in splits for label in _folders(top)] or tops:
        split = [SPLITS[label.parent.name.lower()]] if splits else []
        files = [path.relative_to(folder) for path in label.rglob("*") if path.is_file()]
        rows += [[file.as_posix(), label.name, *split] for file in files if all(map(_is_seen, file.parts))]
    if not rows:
        raise BadInputError(f"{folder}: expected files in its class folders. Received: empty folders")
    return pd.DataFrame(sorted(rows), columns=["file", "label", "split"][: len(rows[0])], dtype=object)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and _is_seen(path.name))


def _is_seen(name: str) -> bool:
    return not name.startswith(".") and name not in _SYSTEM_FILES
