"""The parts of a card's README that tell the scores of what does not classify, and the tables it is made of."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; a column whose cells are all empty is left out."""
    rows = [["" if cell is None else str(cell).replace("|", "\\|") for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if not rows or any(row[i] for row in rows)]
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def gain_of(card: dict) -> str:
    """Return of what a fusion gain is told: of the model in the folder, or of one of all inputs that it is not."""
    return "Fusion gain of a model of all inputs, which is not in this folder" if "fused" in card else "Fusion gain"


def percent(value: float | None) -> str:
    """Return a share in [0, 1] as percent with two decimals, "" for None."""
    return "" if value is None else f"{100 * value:.2f} %"


def figure(value: float | None) -> str:
    """Return a number with four digits or so, "" for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def r2(value: float | None) -> str:
    """Return a coefficient of determination with four decimals, "" for None."""
    return "" if value is None else f"{value:.4f}"


def signed(value: float) -> str:
    return f"{'+' if value >= 0 else ''}{figure(value)}"
