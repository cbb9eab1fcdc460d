"""The card of a folder as its JSON says it, and cards of a few values."""

import json
from pathlib import Path

from mmzoo.artifacts.card import Card, from_values


def read_card(folder):
    """Return the object in `card.json`."""
    return json.loads((Path(folder) / "card.json").read_text(encoding="utf-8"))


def change_card(folder, **changes):
    """Write the object in `card.json` with other values of its keys."""
    (Path(folder) / "card.json").write_text(json.dumps(read_card(folder) | changes), encoding="utf-8")


def card_of(**values) -> Card:
    """Return the card of these values, as JSON would hold them; recipe and task need not be given."""
    values = {"format": 2, "recipe": "r", "task": "classification", **values}
    return from_values(json.loads(json.dumps(values, default=float)), "card.json")
