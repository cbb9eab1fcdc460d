"""Cells as numbers and dates: decimal marks, units, placeholders of missing cells, and orders of day and month."""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np

LARGEST = 1e19  # largest usable number: its square is a float32
_MISSING = """? ?? - -- --- \u2013 \u2014 . * unknown unk n.a. n.a na n/a none null nil missing undefined tbd
unavailable #value! #div/0! #ref! #num! #name?"""
PLACEHOLDERS = frozenset([*_MISSING.split(), "not available", "not applicable", "not known", "no data", "no answer"])
_CODE = re.compile(r"[+-]?0\d+")
_PLAIN = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))")
_CURRENCY = (
    r"[$€£¥₹₩₽₺₫฿₪₴]|(?:US|A|C|R)\$|kr\.?|zł|Kč|Fr\.?|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF"
    r"|BRL|MXN|ZAR|KRW|SGD|HKD|TRY|RUB"
)
_PARTS = re.compile(
    rf"(?P<sign>[+-]?)\s*(?P<before>{_CURRENCY})?\s*(?P<second>[+-]?)\s*(?P<body>[\d.,'\u2019\s]*\d[.,]?)"
    rf"(?P<power>[eE][+-]?\d+)?\s*(?P<after>{_CURRENCY}|%)?"
)
_MINUS = str.maketrans({"\u2212": "-", "\ufe63": "-", "\uff0d": "-"})
_BODIES = {
    mark: re.compile(
        rf"(?:\d+|[1-9]\d{{0,2}}(?P<group>[{group}'\u2019 \u00a0\u2009\u202f])\d{{3}}(?:(?P=group)\d{{3}})*)"
        rf"(?:[{point}]\d*)?|[{point}]\d+"
    )
    for mark, point, group in (("", ".", ","), (",", ",", "."))
}
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


def is_placeholder(cell: object) -> bool:
    """Return whether a cell is a usual mark of a missing number or date, such as `?` or `unknown`."""
    return isinstance(cell, str) and cell.strip().lower() in PLACEHOLDERS


def is_code(cell: object) -> bool:
    """Return whether a cell has the leading zeros of a code, as 007."""
    return isinstance(cell, str) and bool(_CODE.fullmatch(cell.strip()))


def is_plain(text: str) -> bool:
    """Return whether a text is a number with a decimal point and without separators, currency or percent."""
    return bool(_PLAIN.fullmatch(text.strip()))


def to_number(cell: object, decimal: str = "") -> float | None:
    """Convert a cell to a finite float, or None.

    A currency and a percent sign are dropped: `12 %` is 12. Groups of three digits may be separated by a space, an
    apostrophe, and a comma or, where `decimal` is the comma, a point.

    Args:
        cell: text or a number.
        decimal: "," if the comma is the decimal mark of texts, "" if it is the point.
    """
    number = _exact(cell, decimal)[0]
    return float(number) if number is not None and math.isfinite(number) else None


def number_form(cells: Iterable) -> str | None:
    """Detect the decimal mark of cells: "" for the point, "," for the comma, None if not all are numbers.

    `1,100` is eleven hundred unless another cell, such as `12,5`, shows that the comma is the decimal mark. Codes with
    leading zeros are no numbers, nor are cells of two currencies, or with and without percent.
    """
    cells = list(cells)
    if any(is_code(cell) for cell in cells):
        return None
    for mark in ("", ","):
        read = [_exact(cell, mark) for cell in cells]
        units = {unit for _, unit in read}
        if cells and all(number is not None for number, _ in read) and len(units - {""}) < 2 and units != {"", "%"}:
            return mark
    return None


def numbers_of(cells: Iterable, decimal: str) -> set[int | float]:
    """Return the distinct numbers of cells, exact where they are whole, or inf."""
    return {number for cell in cells if (number := _exact(cell, decimal)[0]) is not None}


def _exact(cell: object, decimal: str) -> tuple[int | float | None, str]:
    """Return the number of a cell, inf beyond float64, and its unit; None if it is no number."""
    if isinstance(cell, int | float):
        return (None if cell != cell else cell), ""
    text = str(cell).strip().translate(_MINUS)
    if not decimal and _PLAIN.fullmatch(text):
        return _parsed(text), ""
    parts = _PARTS.fullmatch(text)
    if not parts or (parts["sign"] and parts["second"]) or (parts["before"] and parts["after"]):
        return None, ""
    body = parts["body"].strip()
    match = _BODIES[decimal].fullmatch(body)
    if not match or (match["group"] and parts["power"]):
        return None, ""
    digits = body.replace(match["group"], "") if match["group"] else body
    plain = f"{parts['sign'] or parts['second']}{digits.replace(',', '.')}{parts['power'] or ''}"
    return _parsed(plain), parts["before"] or parts["after"] or ""


def _parsed(text: str) -> int | float:
    whole = len(text) < 40 and text.lstrip("+-").isdecimal()
    value = int(text) if whole else float(text)
    return math.inf if isinstance(value, float) and math.isinf(value) else value


def date_order(cells: Iterable) -> str:
    """Detect the first part of dates: "day", "month" or "".

    "" means that not all cells are dates. Accepted are ISO dates (year, month, day), numeric day and month before the
    year, and English month names, each with or without a time of day. A number, or a year and month, is no date. If no
    cell decides, as 31/12/2024 would, the month is first before slashes (United States), and the day before points and
    hyphens.
    """
    texts = {str(cell).strip() for cell in cells}
    orders = ("month", "day") if any("/" in text for text in texts) else ("day", "month")
    return next((order for order in orders if texts and all(to_date(text, order) for text in texts)), "")


def to_date(cell: object, order: str = "day") -> datetime | None:
    """Convert a cell to a naive datetime, or None.

    A cell with a time zone is converted to UTC.
    """
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


def canonical_cells(cells: Iterable) -> list[str | None]:
    """Return the texts of a column's cells as categories; None stays.

    A column of numbers, or of booleans, has one spelling for each value: `3`, `3.0` and 3.0 are `3`; `TRUE` and True
    are `true`. Other cells are stripped texts in Unicode NFC.
    """
    cells = list(cells)
    texts = [None if cell is None else plain_text(cell) for cell in cells]
    given = {text for text in texts if text is not None}
    if {text.lower() for text in given} <= {"true", "false"}:
        return [None if text is None else text.lower() for text in texts]
    if given and not any(is_code(text) for text in given) and all(_PLAIN.fullmatch(text) for text in given):
        return [None if text is None else canonical(text) for text in texts]
    return texts


def plain_text(cell: object) -> str:
    """Return the text of a cell: stripped, in NFC; a whole number without `.0`."""
    from unicodedata import normalize

    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return normalize("NFC", str(cell).strip())


def canonical(text: str) -> str:
    """Return the one spelling of a number or a boolean; other texts stay."""
    if text.lower() in ("true", "false"):
        return text.lower()
    if not _PLAIN.fullmatch(text) or is_code(text):
        return text
    number = float(text)
    return str(int(text) if text.lstrip("+-").isdecimal() else int(number) if number.is_integer() else number)


def class_names(cells: Iterable) -> list[str]:
    """Return the class name of each target cell; `3`, `3.0` and 3.0 are `3`.

    Booleans keep their spelling if it is one for each value.
    """
    cells = list(cells)
    names, given = canonical_cells(cells), [plain_text(cell) for cell in cells]
    booleans = {name.lower() for name in given} <= {"true", "false"}
    return given if booleans and len(set(given)) == len(set(names)) else names


def typed_classes(classes: Sequence[str]) -> np.ndarray:
    """Return classes `(K,)` as they were in a table: integers, floats or booleans if all are, else texts."""
    if not classes or any(is_code(name) for name in classes):
        return np.array(classes, str)
    if {name.lower() for name in classes} <= {"true", "false"}:
        return np.array([name.lower() == "true" for name in classes])
    for kind in (np.int64, np.float64):
        try:
            numbers = np.array([kind(name) for name in classes])
        except (ValueError, OverflowError):
            continue
        if np.isfinite(numbers).all() and len(set(numbers.tolist())) == len(classes):
            return numbers
    return np.array(classes, str)


class Lookup:
    """Find the index of a cell's value among `values`, also where it is spelled in another way.

    An exact text comes first, then the same number or boolean, as 3.0 for `3`, if it is of one value only.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._exact = {value: i for i, value in enumerate(values)}
        alike: dict[str, list[int]] = {}
        for value, i in self._exact.items():
            for key in {_key(value), canonical(plain_text(value))}:
                alike.setdefault(key, []).append(i)
        self._alike = {key: places[0] for key, places in alike.items() if len(places) == 1}

    def __call__(self, cell: object) -> int | None:
        text = plain_text(cell)
        if (found := self._exact.get(text)) is not None:
            return found
        return self._alike.get(canonical(text), self._alike.get(_key(text)))


def _key(text: str) -> str:
    """Return a number without its leading zeros, which a reader of numbers drops: 7 for `007`."""
    return text.lstrip("0") or "0" if text.isdecimal() else canonical(text)
