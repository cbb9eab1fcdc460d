"""The command `verify`: record a verification report in the card of a folder."""

from pathlib import Path

from mmzoo.artifacts import folder
from mmzoo.reports.write import write_card


def record(path: str | Path, report: dict) -> None:
    """Write `report` into the card of the folder at `path`, and its README again; a lone file has no card."""
    if (Path(path) / folder.CARD).is_file():
        write_card(path, {**folder.read_card(path), "verify": report})
        print(f"recorded in {Path(path) / folder.CARD}")
