"""Write the card of a trained model: `card.json` and the README generated from it, both or neither."""

from dataclasses import replace
from pathlib import Path

from mmzoo.artifacts.card import Card, from_values, to_values
from mmzoo.artifacts.folder import CARD, write_json
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError
from mmzoo.reports.readme import plots_of, readme


def write_card(folder: str | Path, card: Card) -> None:
    """Write `card.json`, and the README generated from it, both after both could be made.

    The README shows the plots of the folder. `data_dir`, a path of this machine, is left out.
    """
    folder = Path(folder)
    if "data_dir" in card.config:
        card = replace(card, config={**card.config, "data_dir": ""})
    values = to_values(card)
    text = readme(from_values(values, folder / CARD), plots_of(folder))
    with replacing(folder / "README.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
        write_json(folder / CARD, values)


def open_to_write(path: str | Path | ModelFolder) -> ModelFolder:
    """Open the folder of a trained model for a command that writes its card again.

    Raises:
        BadInputError: as `ModelFolder.open`; or the README cannot be made of the card, as parts that belong to a task,
            a study or a benchmark have another shape.
    """
    opened = ModelFolder.open(path)
    try:
        readme(opened.card, plots_of(opened.path))
    except BadInputError:
        raise
    except Exception as error:  # of any kind: those parts are free objects of JSON
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise BadInputError(f"{opened.path / CARD}: expected the values of a card. Received: {reason}") from error
    return opened
