"""Texts of a table that a spreadsheet would run as formulas."""

import re
from typing import Any

# https://owasp.org/www-community/attacks/CSV_Injection, with the wide forms that some spreadsheets take for the same
FIRST = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?\s?[%€$£]?", re.ASCII)


def without_formula(cell: Any) -> Any:
    """Return `cell` with an apostrophe before a text that a spreadsheet would run; numbers stay as they are.

    A spreadsheet runs a text that begins with `=`, `+`, `-`, `@`, a tab or a line break. OWASP, CSV Injection.
    """
    runs = isinstance(cell, str) and cell.startswith(FIRST) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if runs else cell
