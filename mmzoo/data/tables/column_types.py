"""What each column of a table is, by its content: picture, sound, video, text, category, number, date; the target."""

import difflib
import math
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from unicodedata import category, combining, east_asian_width

from mmzoo.data.tables.read import LARGEST, is_absent, resolve, some
from mmzoo.errors import BadInputError

KINDS = ("image", "audio", "video", "text", "category", "number", "date")
TARGETS = ("class", "number", "labels")
FILES = {
    "image": (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    "audio": (".wav", ".flac", ".ogg"),
    "video": (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg"),
    "files of a format that is not read": (".mp3", ".m4a", ".aac", ".opus", ".wma", ".heic", ".avif", ".svg", ".pdf"),
}
IDENTIFIER = "an identifier: every row another"
LENGTH = 64  # characters: what is longer is text; no category, identifier or label
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))")
_CODE = re.compile(r"[+-]?0\d+")
_ID = re.compile(r"(?i:(?:^|[\W_])(?:id|index|key)$|^unnamed \d+$)|[a-z]I[dD]$")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DATES = [
    re.compile(rf"(?:[a-z]{{3}}, )?{form}(?:(?:T|,? )(?P<time>\d.+))?", re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)",
        r"(?P<first>\d\d?)(?P<mark>[-/.])(?P<second>\d\d?)(?P=mark)(?P<year>\d{4}|(?<=/)\d\d)",
        r"(?P<day>\d\d?)(?P<mark>[- ])(?P<name>[a-z]{3,9})\.?(?P=mark)(?P<year>\d{4})",
        r"(?P<name>[a-z]{3,9})\.? (?P<day>\d\d?)(?:st|nd|rd|th)?,? (?P<year>\d{4})",
    )
]


@dataclass(frozen=True)
class Column:
    """A column of a table by name, and what it holds: one of `KINDS`."""

    name: str
    kind: str


def infer_columns(frame, root, given=None, ignore=()):
    """Return what each column of a table holds, `[Column]`, and the columns left out, `[(name, why)]`.

    `root` is the folder where relative paths start; `given` `{name: kind}` overrides what would be inferred, and what
    is in `ignore` is left out. Of the cells that are not empty, in whatever order, it is the first of
    - lists, or one value: left out
    - image, audio, video: over half end as `FILES` says, and one file is there; web addresses are left out
    - number: all are finite decimals, none with a 0 before another digit as codes have it. Whole ones are an
      identifier, left out, where every row has another and they go up by one or the column's name ends in id, index
      or key; and a category where there are 10 at most, in 5 % as many as rows
    - date: see `date_order`
    - category: True and False; or 20 texts at most, or 5 % as many as rows (1000 at most) where they have 3 words at
      most on average; each twice on average, none over 64 characters
    - identifier: every row another, none over 64 characters, with a space, or with a letter of a script that has no
      capitals, as Chinese and Thai, which write sentences without spaces
    - text

    Raises BadInputError: no such column or kind, files that are all missing, cells that are not what `given` says.
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
            columns.append(Column(name, found))
        else:
            left_out.append((name, found if cells or found == "ignored" else "all cells empty"))
    return columns, left_out


def infer_target(frame, target, kind=""):
    """Return what is to be learned: "class", "number" or "labels" (several in a cell); `kind` overrides it.

    Rows without a target do not count, see `labeled_rows`. Labels are lists, or texts with a `label_separator`;
    numbers are a class where two come, or 20 whole ones at most with 5 rows each on average; other texts are classes.

    Raises BadInputError: no such column or kind, no target, one value alone, classes with one row, no numbers.
    """
    _expect_known(target, list(frame), "target")
    _expect_known(kind or "class", TARGETS, f"kind of target {target!r}")
    where, cells = f"target {target!r}", [cell for cell in frame[target] if not is_absent(cell)]
    if not cells:
        raise _wrong(where, "it in some rows", f"{len(frame)} rows, all empty")
    texts = Counter(str(cell).strip() for cell in cells)
    values, separator = _values(texts), label_separator(cells)
    lists = [cell for cell in cells if isinstance(cell, list)]
    if any(isinstance(part, list) for cell in lists for part in cell) or (lists and kind not in ("", "labels")):
        raise _wrong(where, kind or "lists of labels", f"lists, as {_shown(lists[0])}")
    if not kind and not lists and not separator and values is not None:
        few = 5 * len(values) <= min(100, len(cells)) and all(float(value).is_integer() for value in values)
        kind = "class" if few or len(values) == 2 else "number"
        if len(values) > 1 and _kind_of_number(target, values, len(cells)) == IDENTIFIER:
            raise _wrong(where, "what can be learned (if it is a number, say so)", IDENTIFIER)
    kind = kind or ("labels" if lists or separator else "class")
    if kind == "number":
        _refuse_rows(frame[target], where, "every cell a number", to_number)
    if kind == "labels":
        texts = Counter(label for cell in cells for label in to_labels(cell, separator))
    if len(texts) < 2:
        raise _wrong(where, f"two values at least ({kind})", f"{_shown(*texts) if texts else 'none'} alone")
    if kind == "class" and len(texts) == len(cells):
        raise _wrong(where, "classes that come back", f"{len(cells)} rows, each another: an identifier or text")
    if kind == "class" and (single := [_shown(text) for text in sorted(texts) if texts[text] == 1]):
        raise _wrong(where, "two rows of each class (merge or drop smaller ones)", f"one row of {some(single)}")
    return kind


def labeled_rows(frame, target):
    """Return the rows that have a target, under the index that they had, and how many have none."""
    _expect_known(target, list(frame), "target")
    kept = [not is_absent(cell) for cell in frame[target]]
    return frame[kept], len(kept) - sum(kept)


def label_separator(cells):
    """Return ";" or "|", whichever separates labels in `cells`, or "" where neither does.

    It does where each part comes twice on average, one at least in two different cells, none over 64 characters.
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


def to_labels(cell, separator=""):
    """List the labels of a cell, each once: of a list, of text split at `separator`, or the cell itself."""
    parts = cell if isinstance(cell, list) else str(cell).split(separator) if separator else [cell]
    return list(dict.fromkeys(str(part).strip() for part in parts if not is_absent(part)))


def to_number(cell):
    """Return a cell as a finite float, or None where it is none: "1e3" and "-.5" are, "1,000" and "1_000" are not."""
    text = str(cell).strip()
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def date_order(cells):
    """Return "day" or "month", whichever stands first where all `cells` are dates, or "" where they are not.

    Read are year, month, day, as ISO has it; day and month in numbers, then the year; English names of months; each
    with a time of day or without. A number, or year and month, is no date. Where no cell decides, as 31/12/2024 does,
    it is the month in front of slashes (United States), the day in front of points and hyphens.
    """
    texts = {str(cell).strip() for cell in cells}
    orders = ("month", "day") if any("/" in text for text in texts) else ("day", "month")
    return next((order for order in orders if texts and all(to_date(text, order) for text in texts)), "")


def to_date(cell, order="day"):
    """Return a cell as a datetime without a zone, in UTC where the cell names one, or None where it is no date."""
    text = str(cell).strip()
    if not (match := next((found for form in _DATES if (found := form.fullmatch(text))), None)):
        return None
    part = {"first": 0, "second": 0} | match.groupdict()
    day, month = (part["first"], part["second"]) if order == "day" else (part["second"], part["first"])
    name, year, clock = part.get("name", "")[:3].lower(), int(part["year"]), part["time"] or "00:00"
    month = _MONTHS.index(name) + 1 if name in _MONTHS else part.get("month", month)
    year += 0 if len(part["year"]) > 2 else 1900 if year > 68 else 2000
    clock = (clock if clock[1:2] != ":" else f"0{clock}").upper().replace(" UTC", "Z")
    try:
        half = "%I:%M:%S %p" if clock.count(":") > 1 else "%I:%M %p"
        time = datetime.strptime(clock, half) if clock[-1] == "M" else datetime.fromisoformat(f"1900-01-01T{clock}")
        midnight = datetime(year, int(month), int(part.get("day", day)))
        return midnight + (time.replace(tzinfo=None) - datetime(1900, 1, 1)) - (time.utcoffset() or timedelta())
    except (ValueError, OverflowError):
        return None


def column_table(columns, left_out, frame):
    """Return lines for a terminal: each column with its kind, how much is filled, and an example; then the others."""
    rows = [("column", "kind", "filled", "distinct", "example")]
    for column in columns:
        cells = [cell for cell in frame[column.name] if not is_absent(cell)]
        filled, distinct = 100 * len(cells) / max(1, len(frame)), len({str(cell).strip() for cell in cells})
        rows.append((column.name, column.kind, f"{filled:.0f} %", distinct, cells[0] if cells else ""))
    return "\n".join(_aligned(rows) + (["", *_aligned([("left out", "why"), *left_out])] if left_out else []))


def _kind_of(name, cells, root):
    """Return one of `KINDS`, or why the column is left out."""
    if any(isinstance(cell, list) for cell in cells):
        return "lists"
    texts = Counter(str(cell).strip() for cell in cells)
    if len(texts) < 2:
        return "one value"
    dotted = [text for text in map(str, cells) if "." in text.rstrip()[-5:-1]]
    for kind, endings in FILES.items():
        paths = [text for text in dotted if text.rstrip()[-5:].lower().endswith(endings)]
        if 2 * len(paths) > len(cells):
            if 2 * sum("://" in path for path in paths) > len(paths):
                return "web addresses: only files are read"
            if kind in KINDS:
                _expect_file(name, paths, root)
            return kind
    if (values := _values(texts)) is not None:
        return _kind_of_number(name, values, len(cells))
    if date_order(texts):
        return "date"
    is_short, words = max(map(len, texts)) <= LENGTH, sum(len(text.split()) for text in texts) / len(texts)
    few = len(texts) <= 20 or (len(texts) <= min(1000, 0.05 * len(cells)) and words <= 3)
    if {text.lower() for text in texts} == {"true", "false"} or (is_short and few and 2 * len(texts) <= len(cells)):
        return "category"
    codes = all(len(text.split()) == 1 and all(category(sign) != "Lo" for sign in text) for text in texts)
    return IDENTIFIER if is_short and len(texts) == len(cells) and codes else "text"


def _kind_of_number(name, values, count):
    if (large := max(map(abs, values)) > LARGEST) or len(values) == 1:
        return "numbers beyond 1e19" if large else "one value"
    whole = all(float(value).is_integer() for value in values)
    rising = count > 2 and max(values) - min(values) == count - 1
    if whole and len(values) == count and (rising or _ID.search(name)):
        return IDENTIFIER
    return "category" if whole and len(values) <= min(10, 0.05 * count) else "number"


def _values(texts):
    """Return the numbers that texts are, exact or inf; None where one is none."""
    values = set()
    for text in texts:
        if _CODE.fullmatch(text) or not _NUMBER.fullmatch(text):
            return None
        value = int(text) if len(text) < 40 and text.lstrip("+-").isdecimal() else float(text)
        values.add(math.inf if math.isinf(value) else value)
    return values


def _check_given(series, kind, root):
    where, cells = f"column {series.name!r}", [cell for cell in series if not is_absent(cell)]
    _expect_known(kind, KINDS, f"kind of {where}")
    if any(isinstance(cell, list) for cell in cells):
        raise _wrong(where, kind, "lists")
    if kind in FILES and cells:
        _expect_file(series.name, cells, root)
    if kind in ("number", "date"):
        order = max(("day", "month"), key=lambda order: sum(to_date(cell, order) is not None for cell in cells))
        read = to_number if kind == "number" else lambda cell: to_date(cell, order)
        _refuse_rows(series, where, f"every cell a {kind}", read)


def _refuse_rows(series, where, expected, read):
    cells = [(index, cell) for index, cell in series.items() if not is_absent(cell)]
    if bad := [f"{_shown(cell)!r} in row {index + 1}" for index, cell in cells if read(cell) is None]:
        raise _wrong(where, expected, some(bad))


def _expect_known(name, names, what):
    if name not in names:
        lower = {str(known).lower(): known for known in names}
        close = difflib.get_close_matches(str(name).lower(), lower, 1)
        meant = f", did you mean {lower[close[0]]!r}?" if close else ""
        raise _wrong(what, f"one of {some([*map(repr, names)])}", f"{name!r}{meant}")


def _expect_file(name, cells, root):
    if not any(os.path.isfile(resolve(cell, root)) for cell in cells):
        missing = f"{_shown(cells[0])!r}, the first of {len(cells)} that are not there"
        raise _wrong(f"column {name!r}", f"files in {root} (name it in `text` if it holds no paths)", missing)


def _wrong(where, expected, received):
    return BadInputError(f"{where}: expected {expected}. Received: {received}")


def _shown(cell):
    """Return a cell as one line of 40 columns at most, without what a terminal would obey."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(cell)[:400]).split())
    end = next((end for end in range(len(text)) if _width(text[: end + 1]) > 40), None)
    return text if end is None else f"{text[: end - 1]}…"


def _width(text):
    """Count the columns of a terminal that a text takes: two for a wide sign, none for one that combines."""
    return sum((east_asian_width(sign) in "WF") + 1 for sign in text if not combining(sign))


def _aligned(rows):
    rows = [[_shown(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    padded = ([text + " " * (width - _width(text)) for text, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]
