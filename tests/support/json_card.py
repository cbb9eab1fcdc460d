"""The card of a folder as its JSON says it."""

import json
from pathlib import Path


def read_card(folder):
    """Return the object in `card.json`."""
    return json.loads((Path(folder) / "card.json").read_text())
