"""Write the card of a trained model: `card.json` and the README generated from it."""

import os
from pathlib import Path

from mmzoo.artifacts.card import ORDER, rounded
from mmzoo.artifacts.folder import CARD, write_json
from mmzoo.reports.readme import plots_of, readme


def write_card(folder: str | Path, card: dict) -> None:
    """Write `card.json` and the README generated from it into `folder`, each by way of a temporary file.

    Keys come in the order of `ORDER`, others after them; floats keep 6 significant digits, a value that is
    not finite becomes null, and what names a place on this machine is left out. The README shows the plots
    that the folder has.
    """
    folder = Path(folder)
    card = {key: card[key] for key in (*ORDER, *card) if key in card}
    if "data_dir" in card.get("config", {}):
        card["config"] = {**card["config"], "data_dir": ""}
    if "path" in card.get("verify", {}):
        card["verify"] = {key: value for key, value in card["verify"].items() if key != "path"}
    card = rounded(card)
    write_json(folder / CARD, card)
    text = readme(card, plots_of(folder))
    temporary = folder / ".README.md.tmp"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, folder / "README.md")
