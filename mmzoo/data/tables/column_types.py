"""Inference of column types (image, audio, video, series, text, category, number, date) and of the target's kind."""

import difflib
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category, combining, east_asian_width

from mmzoo.data.decode.sniff import kind_of_file
from mmzoo.data.tables.formats import (
    LARGEST,
    date_order,
    is_code,
    is_placeholder,
    number_form,
    numbers_of,
    to_date,
    to_number,
)
from mmzoo.data.tables.read import ABSENT, abbreviated, is_absent, resolve
from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)
KINDS = ("image", "audio", "video", "series", "text", "category", "number", "date")
TARGETS = ("class", "number", "labels")
UNSUPPORTED = "files of an unsupported format"
FILES = {
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    "audio": (".wav", ".flac", ".ogg"),
    "video": (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"),
    "series": (".csv", ".tsv", ".npy", ".parquet"),
    UNSUPPORTED: (".mp3", ".m4a", ".aac", ".opus", ".wma", ".heic", ".avif", ".svg", ".pdf"),
}
IDENTIFIER = "an identifier: distinct in every row"
LENGTH = 64  # maximum characters of a category, identifier or label; longer cells are text
SNIFFED = 50  # cells that are tried as paths of files
PATH = 260  # maximum characters of a path
ENDING = 8  # characters of the longest ending of a file
_ID = re.compile(r"(?i:(?:^|[\W_])(?:id|index|key)$|^unnamed \d+$)|[a-z]I[dD]$")
_CODES = re.compile(r"(?i:(?:^|[\W_])(?:zip|zipcode|zip.?code|postal|post.?code|postal.?code|plz|code|cd)$)|[a-z]Code$")


@dataclass(frozen=True)
class Column:
    """Hold the name and kind of a column.

    The kind is one of `KINDS`. `form` is "," for numbers with a decimal comma, and the first part of dates, day or
    month.
    """

    name: str
    kind: str
    form: str = ""


def infer_columns(
    frame: "pd.DataFrame", root: str | Path, given: Mapping[str, str] | None = None, ignore: Sequence[str] = ()
) -> tuple[list[Column], list[tuple[str, str]]]:
    """Infer the kind of each column of a table.

    The kind depends on the cells that are not empty, not on their order. The first matching rule counts:
    - lists, or a single value: skipped
    - image, audio, video, series: over half of the cells have an extension in `FILES`, and one file exists; or over
      half are files that can be opened, whatever their extension. Web addresses are skipped
    - number: all cells are finite decimals, see `number_form`, without leading zeros, which codes have. Whole numbers
      are an identifier, and skipped, if all are distinct and they are consecutive or the column's name ends in id,
      index or key. Whole numbers are a category if there are at most 10 distinct ones, and at most 5 % of the number
      of rows; or if they repeat in a column named as an identifier or a code, such as zip
    - date: see `date_order`
    - Cells such as `?`, `-` and `unknown` are missing cells of a column whose other cells, the majority, are numbers
      or dates
    - category: True and False; or at most 20 distinct texts; or at most 5 % of the number of rows (at most 1000) with
      at most 3 words on average; or at most 1000 codes, single words with a digit. Each occurs twice on average, and
      none exceeds 64 characters
    - identifier, skipped: all texts are distinct, none exceeds 64 characters, none has a space or a letter of a script
      without capitals, such as Chinese and Thai, whose sentences have no spaces
    - text

    Args:
        frame: the table.
        root: base folder of relative paths.
        given: `{name: kind}` that overrides inference.
        ignore: names of columns to skip.

    Returns:
        the columns, and the skipped columns as `(name, reason)`.

    Raises:
        BadInputError: a column or kind is unknown, all files of a column are missing, or cells do not match `given`.
    """
    given = dict(given or {})
    for name in [*given, *ignore]:
        _expect_known(name, list(frame), "column")
    columns, left_out = [], []
    for name in frame:
        cells = [cell for cell in frame[name] if not is_absent(cell)]
        if name in given and name not in ignore:
            _check_given(frame[name], given[name], root)
        found = "ignored" if name in ignore else given.get(name) or _kind_of(name, cells, root)
        if cells and found in KINDS:
            columns.append(Column(name, found, form_of(found, cells)))
        else:
            left_out.append((name, found if cells or found == "ignored" else "all cells empty"))
    return columns, left_out


def infer_target(frame: "pd.DataFrame", target: str, kind: str = "") -> str:
    """Infer the target's kind: "class", "number" or "labels".

    A cell of "labels" holds several labels.
    `kind` overrides inference. Rows without a target are ignored, see `labeled_rows`. Labels are lists, or texts with a
    `label_separator`. Numbers are classes if there are two distinct ones, or at most 20 whole ones with 5 rows each on
    average. Other texts are classes.

    Raises:
        BadInputError: the column or kind is unknown, there is no target or only one value, a class has a single row, or
            a cell is no number.
    """
    _expect_known(target, list(frame), "target")
    _expect_known(kind or "class", TARGETS, f"kind of target {target!r}")
    where, cells = f"target {target!r}", [cell for cell in frame[target] if _is_given(cell)]
    if not cells:
        raise _wrong(where, "a value in some rows", f"{len(frame)} rows, all empty")
    texts = Counter(str(cell).strip() for cell in cells)
    separator, form = label_separator(cells), number_form(cell for cell in cells if not isinstance(cell, list))
    values = None if form is None else numbers_of(cells, form)
    lists = [cell for cell in cells if isinstance(cell, list)]
    if any(isinstance(part, list) for cell in lists for part in cell) or (lists and kind not in ("", "labels")):
        raise _wrong(where, kind or "lists of labels", f"lists such as {_shown(lists[0])}")
    if not kind and not lists and not separator and values is not None:
        discrete = 5 * len(values) <= min(100, len(cells)) and all(float(value).is_integer() for value in values)
        kind = "class" if discrete or len(values) == 2 else "number"
        if kind == "number" and _repeats(values, len(cells)):
            known = f"{len(values)} distinct whole numbers are predicted as a number"
            logger.info(f"{where}: {known}; `task` class predicts them as classes")
        if len(values) > 1 and _kind_of_number(target, values, len(cells)) == IDENTIFIER:
            raise _wrong(where, "classes or a quantity (for a quantity, set the kind to number)", IDENTIFIER)
    kind = kind or ("labels" if lists or separator else "class")
    if kind == "number":
        _refuse_rows(frame[target], where, "a number in every cell", lambda cell: to_number(cell, form or ""))
    if kind == "labels":
        texts = Counter(label for cell in cells for label in to_labels(cell, separator))
    if len(texts) < 2:
        raise _wrong(where, f"at least two values ({kind})", f"only {_shown(*texts)}" if texts else "no value")
    if kind == "class" and len(texts) == len(cells):
        raise _wrong(where, "repeated classes", f"{len(cells)} distinct values: an identifier or text")
    if kind == "class" and (single := [_shown(text) for text in sorted(texts) if texts[text] == 1]):
        expected = "at least two rows of each class (merge or drop smaller classes)"
        raise _wrong(where, expected, f"one row of {abbreviated(single)}")
    if names := sorted(text for text in texts if kind == "class" and text in ABSENT):
        are = "is a class" if len(names) == 1 else "are classes"
        logger.info(f"{where}: {', '.join(names)} {are}; only an empty cell is a missing {target}")
    return kind


def labeled_rows(frame: "pd.DataFrame", target: str) -> tuple["pd.DataFrame", int]:
    """Return the rows with a target, and the number of others.

    The rows keep their index.
    """
    _expect_known(target, list(frame), "target")
    kept = [_is_given(cell) for cell in frame[target]]
    return frame[kept], len(kept) - sum(kept)


def _is_given(cell: object) -> bool:
    """Return whether a cell of a target is not empty; None and nan may be classes, see `read_table`."""
    return bool(cell.strip()) if isinstance(cell, str) else not is_absent(cell)


def label_separator(cells: Sequence) -> str:
    """Detect the separator of labels in `cells`: ";", "|" or "".

    A separator requires that the parts occur twice on average, at least one part occurs in two different cells, and no
    part exceeds 64 characters.
    """
    texts = Counter(cell for cell in cells if isinstance(cell, str))
    for mark in (mark for mark in ";|" if any(mark in text for text in texts)):
        parts = [(label, count) for text, count in texts.items() for label in to_labels(text, mark)]
        cells_of = Counter(label for label, _ in parts)
        twice = 2 * len(cells_of) <= sum(count for _, count in parts)
        shared = any(count > 1 for count in cells_of.values())
        if twice and shared and all(len(label) <= LENGTH for label in cells_of):
            return mark
    return ""


def to_labels(cell: object, separator: str = "") -> list[str]:
    """List the distinct labels of a cell.

    A cell is a list, a text split at `separator`, or one label.
    """
    parts = cell if isinstance(cell, list) else str(cell).split(separator) if separator else [cell]
    return list(dict.fromkeys(str(part).strip() for part in parts if not is_absent(part)))


def column_table(
    columns: Sequence[Column], left_out: Sequence[tuple[str, str]], frame: "pd.DataFrame", root: str | Path = ""
) -> str:
    """Format the columns, and the skipped columns, as terminal tables.

    The table gives kind, percentage of filled cells, number of distinct values and an example. A cell with the path of
    a file is filled if the file is there.
    """
    rows = [("column", "kind", "filled", "distinct", "example")]
    for column in columns:
        cells = [cell for cell in frame[column.name] if not is_absent(cell)]
        there = [cell for cell in cells if column.kind not in FILES or os.path.isfile(resolve(cell, root))]
        filled, distinct = 100 * len(there) / max(1, len(frame)), len({str(cell).strip() for cell in cells})
        rows.append((column.name, column.kind, f"{filled:.0f} %", distinct, cells[0] if cells else ""))
    return "\n".join(_aligned(rows) + (["", *_aligned([("skipped", "reason"), *left_out])] if left_out else []))


def _kind_of(name: str, cells: list, root: str | Path) -> str:
    """Return one of `KINDS`, or the reason to skip the column."""
    if any(isinstance(cell, list) for cell in cells):
        return "lists"
    texts = Counter(str(cell).strip() for cell in cells)
    if len(texts) < 2:
        return "one value"
    if kind := _kind_of_files(name, cells, root):
        return kind
    known = _without_placeholders(cells)
    if (form := number_form(known)) is not None:
        return _kind_of_number(name, numbers_of(known, form), len(known))
    if date_order(known):
        return "date"
    is_short, words = max(map(len, texts)) <= LENGTH, sum(len(text.split()) for text in texts) / len(texts)
    few = len(texts) <= 20 or (len(texts) <= min(1000, 0.05 * len(cells)) and words <= 3)
    few |= len(texts) <= 1000 and any(map(is_code, texts)) and all(map(_is_word_with_digit, texts))
    if {text.lower() for text in texts} == {"true", "false"} or (is_short and few and 2 * len(texts) <= len(cells)):
        return "category"
    codes = all(len(text.split()) == 1 and all(category(sign) != "Lo" for sign in text) for text in texts)
    return IDENTIFIER if is_short and len(texts) == len(cells) and codes else "text"


def _kind_of_files(name: str, cells: list, root: str | Path) -> str:
    """Return the kind of a column of paths, the reason to skip it, or "" if it holds none."""
    dotted = [text for text in map(str, cells) if "." in text.rstrip()[-ENDING:-1]]
    for kind, endings in FILES.items():
        paths = [text for text in dotted if text.rstrip()[-ENDING:].lower().endswith(endings)]
        if 2 * len(paths) > len(cells):
            if 2 * sum("://" in path for path in paths) > len(paths):
                return "web addresses: only files are read"
            if kind == "series":
                return _kind_of_tables(name, paths, root)
            if kind in KINDS:
                _expect_file(name, paths, root)
            return kind
    distinct = [text for text in dict.fromkeys(str(cell).strip() for cell in cells) if _may_be_path(text)]
    some = distinct[:: max(1, len(distinct) // SNIFFED)]
    files = [path for text in some if os.path.isfile(path := resolve(text, root))]
    if not files or 2 * len(files) <= len(some) or 2 * len(distinct) <= len({*map(str, cells)}):
        return ""
    return Counter(kind_of_file(path) or UNSUPPORTED for path in files).most_common(1)[0][0]


def _kind_of_tables(name: str, paths: list[str], root: str | Path) -> str:
    """Return `series` if a CSV, NPY or Parquet file opens as such; "" if there is none, and names repeat."""
    distinct = [*dict.fromkeys(paths)]
    files = [path for text in distinct if os.path.isfile(path := resolve(text, root))]
    if not files and 2 * len(distinct) <= len(paths):
        return ""
    _expect_file(name, distinct, root)
    return "series" if any(kind_of_file(file) == "series" for file in files[:SNIFFED]) else UNSUPPORTED


def _may_be_path(text: str) -> bool:
    return 0 < len(text) <= PATH and text.isprintable() and "://" not in text and not text.endswith(".")


def _is_word_with_digit(text: str) -> bool:
    return len(text.split()) == 1 and any(sign.isdecimal() for sign in text)


def _without_placeholders(cells: list) -> list:
    """Return the cells without those that mark missing numbers, if most cells remain, and of two values."""
    known = [cell for cell in cells if not is_placeholder(cell)]
    return known if 2 * len(known) > len(cells) and len({str(cell).strip() for cell in known}) > 1 else cells


def form_of(kind: str, cells: list) -> str:
    """Return the decimal mark of a column of numbers, or the first part of its dates, from all of its cells."""
    if kind == "number":
        readable = [c for c in cells if to_number(c) is not None or to_number(c, ",") is not None]
        return number_form(readable) or ""
    if kind == "date":
        known = [cell for cell in cells if to_date(cell, "day") or to_date(cell, "month")]
        return date_order(known) or "day"
    return ""


def _kind_of_number(name: str, values: set, count: int) -> str:
    if (large := max(map(abs, values)) > LARGEST) or len(values) == 1:
        return "numbers beyond 1e19" if large else "one value"
    whole = all(float(value).is_integer() for value in values)
    rising = count > 2 and max(values) - min(values) == count - 1
    if whole and len(values) == count and (rising or _ID.search(name)):
        return IDENTIFIER
    coded = (_ID.search(name) or _CODES.search(name)) and len(values) < count
    return "category" if whole and (coded or len(values) <= min(10, 0.05 * count)) else "number"


def _repeats(values: set, count: int) -> bool:
    """Return whether numbers may be classes: at most 100 whole ones, of two rows each on average."""
    return 2 * len(values) <= min(200, count) and all(float(value).is_integer() for value in values)


def _check_given(series: "pd.Series", kind: str, root: str | Path) -> None:
    where, cells = f"column {series.name!r}", [cell for cell in series if not is_absent(cell)]
    _expect_known(kind, KINDS, f"kind of {where}")
    if any(isinstance(cell, list) for cell in cells):
        raise _wrong(where, kind, "lists")
    if kind in FILES and cells:
        _expect_file(series.name, cells, root)
    if kind in ("number", "date"):
        form = form_of(kind, cells)
        read = partial(to_number, decimal=form) if kind == "number" else partial(to_date, order=form)
        if 2 * sum(read(cell) is not None for cell in cells) <= len(cells):  # the others are missing cells
            _refuse_rows(series, where, f"a {kind} in most cells", read)


def _refuse_rows(series: "pd.Series", where: str, expected: str, read: Callable[[object], Any]) -> None:
    cells = [(index, cell) for index, cell in series.items() if not is_absent(cell)]
    if bad := [f"{_shown(cell)!r} in row {index + 1}" for index, cell in cells if read(cell) is None]:
        raise _wrong(where, expected, abbreviated(bad))


def _expect_known(name: str, names: Sequence[str], what: str) -> None:
    if name not in names:
        lower = {str(known).lower(): known for known in names}
        close = difflib.get_close_matches(str(name).lower(), lower, 1)
        meant = f", did you mean {lower[close[0]]!r}?" if close else ""
        raise _wrong(what, f"one of {abbreviated([*map(repr, names)])}", f"{name!r}{meant}")


def _expect_file(name: str, cells: list, root: str | Path) -> None:
    if not any(os.path.isfile(resolve(cell, root)) for cell in cells):
        missing = f"{_shown(cells[0])!r}, the first of {len(cells)} missing files"
        raise _wrong(f"column {name!r}", f"files in {root} (name it in `text` if it holds no paths)", missing)


def _wrong(where: str, expected: str, received: str) -> BadInputError:
    return BadInputError(f"{where}: expected {expected}. Received: {received}")


def _shown(cell: object) -> str:
    """Format a cell as a printable line of 40 terminal columns."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(cell)[:400]).split())
    end = next((end for end in range(len(text)) if _width(text[: end + 1]) > 40), None)
    return text if end is None else f"{text[: end - 1]}…"


def _width(text: str) -> int:
    """Count the terminal columns of a text.

    Wide characters take two columns, combining ones none.
    """
    return sum((east_asian_width(sign) in "WF") + 1 for sign in text if not combining(sign))


def _aligned(rows: Sequence[tuple]) -> list[str]:
    rows = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    padded = ([text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]
