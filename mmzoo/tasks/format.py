"""Numbers and tables as tasks and reports show them."""

from collections.abc import Iterable, Sequence


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
