"""Numbers and tables as tasks and reports show them."""

import re
from collections.abc import Iterable, Sequence


def escaped(text: object) -> str:
    """Return `text`, of a user, as Markdown shows it: on one line, without markup, HTML or links.

    The bars of a table are escaped by `table`. CommonMark 0.31, sections 2.4 and 2.5.
    """
    line = re.sub("[&<>~$]", lambda found: f"&#{ord(found[0])};", " ".join(str(text).split()))
    line = re.sub(r":(?=//)", "&#58;", line)
    line = re.sub(r"([\\`*\[\]!]|(?<!\w)_|_(?!\w)|^[#+-])", r"\\\1", line)
    return re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line)


def code(text: object) -> str:
    """Return `text`, of a user, as a code span of Markdown, on one line. CommonMark 0.31, section 6.1."""
    line = re.sub(r"[\s\x00]", " ", str(text))
    runs = {len(run) for run in re.findall("`+", line)}
    fence = "`" * next(count for count in range(1, len(line) + 2) if count not in runs)
    return f"{fence} {line} {fence}" if runs else f"{fence}{line}{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table without the columns whose cells are all empty."""
    rows = [["" if cell is None else str(cell).replace("|", "\\|") for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if not rows or any(row[i] for row in rows)]
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of left-aligned columns for a terminal."""
    rows = [head, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def percent(value: float | None) -> str:
    """Format a fraction in [0, 1] as percent with two decimals, None as ""."""
    return "" if value is None else f"{100 * value:.2f} %"


def decimals(value: float | None) -> str:
    """Format a number with four decimals, None as ""."""
    return "" if value is None else f"{value:.4f}"


def figure(value: float | None) -> str:
    """Format a number with about four significant digits, None as ""."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def signed(value: float) -> str:
    """Format a number as `figure` does, with its sign."""
    return f"{'+' if value >= 0 else ''}{figure(value)}"
