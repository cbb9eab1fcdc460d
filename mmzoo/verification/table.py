"""Text table of a `verify` report."""

from collections.abc import Iterator

from mmzoo.verification.refused import place

_HEAD = ("artifact", "on", "against", "verdict", "max error", "tolerance")
_VERDICTS = {
    0: "right",
    1: "WRONG NUMBERS",
    3: "NOT GPU-RESIDENT",
    4: "THE REQUIRED GPU CHECK WAS NOT EXECUTED",
}


def table(report: dict) -> str:
    """Format the checks as a table, then findings and verdict."""
    rows = [_HEAD, *map(_cells, report["checks"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"{row['artifact']} on {row['on']}: {line}" for row in report["checks"] for line in _found(row)]
    lines += [f"note: {note}" for note in report["notes"]]
    return "\n".join([*lines, _gpu(report["gpu"]), f"{report['path']}: {_VERDICTS[report['exit_code']]}"])


def _cells(row: dict) -> tuple[str, ...]:
    numbers = ("" if row.get(key) is None else f"{row[key]:.1e}" for key in ("max_error", "tolerance"))
    return (row["artifact"], row["on"], row["against"], row["status"], *numbers)


def _found(row: dict) -> Iterator[str]:
    if row.get("detail") and row["status"] not in ("right", "information"):
        yield row["detail"]
    if row["status"] == "wrong" and "worst" in row:
        yield f"worst on {row['worst']}{_place(row)}"
    found = row.get("first_difference", {})
    if found.get("operator"):
        verb = "crashes" if row["status"] == "died" else "differs"
        yield f"the first operator that {verb} is {found['operator']} ({place(found)})"
    elif found:
        yield found["said"]
    if "rule" in row:
        yield f"rule {row['rule']}: {row['advice']}"


def _place(row: dict) -> str:
    """Return the output and the channel of the largest error, or ''."""
    if not row.get("worst_output"):
        return ""
    found, text = row["outputs"][row["worst_output"]], f": output {row['worst_output']!r}"
    if found.get("channel"):
        text += f", channel {found['channel']['index']} of axis {found['channel']['axis']}"
    if found.get("difference") is not None:
        text += f", difference {found['difference']:.1e}, scale {found['scale']:.1e}"
    return text


def _gpu(gpu: dict) -> str:
    if gpu["status"] == "executed":
        return f"GPU: LiteRT's GPU accelerator (WebGPU) on {gpu['adapter']}"
    return f"GPU: not executed ({gpu['reason']}); {gpu['hint']}"
