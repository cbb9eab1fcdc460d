"""Write the card of a trained model: `card.json` and the README generated from it."""

from dataclasses import replace
from pathlib import Path

from mmzoo.artifacts.card import Card, from_values, to_values
from mmzoo.artifacts.folder import CARD
from mmzoo.device.replacing import replacing
from mmzoo.reports.readme import plots_of, readme


def write_card(folder: str | Path, card: Card) -> None:
    """Write `card.json`, and the README generated from it, each by way of a temporary file.

    The README shows the plots of the folder. `data_dir`, a path of this machine, is left out.
    """
    folder = Path(folder)
    if "data_dir" in card.config:
        card = replace(card, config={**card.config, "data_dir": ""})
    card.write(folder)
    text = readme(from_values(to_values(card), folder / CARD), plots_of(folder))
    with replacing(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
