"""The command `verify`: execute the artifacts of a folder, and record the report in its card."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mmzoo.artifacts.card import Card, Check, Verification
from mmzoo.artifacts.folder import CARD
from mmzoo.reports.write import open_to_write, write_card


def as_verification(report: dict[str, Any]) -> Verification:
    """Return the report of `mmzoo.verification.verify` as a card keeps it: without the path."""
    parts = {key: value for key, value in report.items() if key != "path"}
    checks = tuple(Check(**row) for row in report["checks"])
    return Verification(**{**parts, "checks": checks, "notes": tuple(report["notes"])})


def check(path: str | Path) -> None:
    """Check the card of the folder at `path` before the work on it; a lone file has no card.

    Raises:
        BadInputError: as `open_to_write`.
    """
    if (Path(path) / CARD).is_file():
        open_to_write(path)


def record(path: str | Path, report: dict[str, Any]) -> None:
    """Write `report` into the card of the folder at `path`, and its README again; a lone file has no card."""
    if (Path(path) / CARD).is_file():
        write_card(path, replace(Card.read(path), verification=as_verification(report)))
        print(f"recorded in {Path(path) / CARD}")
