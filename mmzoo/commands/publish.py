"""The READMEs and tables of published models, generated from their cards."""

import shutil
from dataclasses import replace
from pathlib import Path

from mmzoo import tasks
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import check_out, inside, make_folder
from mmzoo.device.replacing import replacing
from mmzoo.errors import BadInputError
from mmzoo.reports.readme import gain, gpu_verdict, plots_of, ratio, readme, summary
from mmzoo.reports.trials import mean_of_folds
from mmzoo.reports.write import write_card
from mmzoo.tasks.format import table

BEGIN, END = "<!-- models:begin -->", "<!-- models:end -->"
FLOAT, INT8 = "model_float32.tflite", "model_int8.tflite"
SHORT_HEAD = ("model", "task", "parameters", "score", "float / int8, kB")
HEAD = (
    "model",
    "task",
    "inputs",
    "parameters",
    "float TFLite, bytes",
    "int8 TFLite, bytes",
    "test score",
    "published by others",
    "fusion gain",
    "GPU accelerator",
    "best time, of MobileNetV3-Small at 96 px",
)
TOP = """# Published models

One folder a model: the artifacts, `golden.npz` with test examples and the answers of Keras, and a card. Where the
license of the data does not allow weights, the card and its plots alone. This table is generated from the cards by
`mmzoo publish`.
"""


def publish(root: str | Path = ".", check: bool = False) -> list[Path]:
    """Write what the cards under `root` say: the README of each, and the table of all.

    The full table goes into `saved_models/README.md`, one of five columns between the markers of `README.md`.

    Returns:
        The files that changed or, with `check`, would change.

    Raises:
        BadInputError: there is no README.md with the two markers, or a card cannot be read.
    """
    root = Path(root)
    saved, top = root / "saved_models", root / "README.md"
    changed = []
    texts = {saved / "README.md": _saved_readme(saved), top: _with_table(top, saved)}
    texts |= {folder / "README.md": readme(_named_card(folder), plots_of(folder)) for folder in _folders(saved)}
    for path, text in texts.items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        changed.append(path)
        if not check:
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
    return changed


def publish_scores(folder: str | Path, out: str | Path) -> Path:
    """Copy the card of `folder` and its plots to `out`, without the weights that the license of its data forbids.

    Raises:
        BadInputError: there is no card in `folder`, or `out` cannot be written.
    """
    folder, out = Path(folder), check_out(out)
    card = Card.read(folder)
    make_folder(out, out)
    for plot in plots_of(folder):
        shutil.copy(folder / plot, out / plot)
    write_card(out, replace(card, withheld=True))
    return out


def publish_scores_into(root: str | Path, folder: str | Path, name: str = "") -> Path:
    """Publish the scores of `folder` in `saved_models` under `root`, as `name` or the name of its recipe."""
    return publish_scores(folder, inside(Path(root) / "saved_models", name or Card.read(folder).recipe))


def models_table(saved: Path) -> str:
    """Return the table of the models in `saved`, for its README."""
    return table(HEAD, [_row(Card.read(folder), f"[{folder.name}]({folder.name}/)") for folder in _folders(saved)])


def short_table(saved: Path) -> str:
    """Return the table of the models in `saved` with five columns, for the README above it."""
    rows = [
        _short_row(Card.read(folder), f"[{folder.name}]({saved.name}/{folder.name}/)") for folder in _folders(saved)
    ]
    return table(SHORT_HEAD, rows)


def _named_card(folder: Path) -> Card:
    """Return the card in `folder`, with the folder's name where that is another than the recipe's."""
    card = Card.read(folder)
    return card if card.name or folder.name == card.recipe else replace(card, name=folder.name)


def _folders(saved: Path) -> list[Path]:
    return sorted(path.parent for path in saved.glob("*/card.json"))


def _row(card: Card, name: str) -> list[str]:
    inputs = [
        f"{entry.name} {entry.dtype} {'x'.join(str(size) for size in entry.shape[1:])}"
        for entry in card.inputs
        if entry.name != "present"
    ]
    sizes = [f"{card.files[file].bytes:,}" if file in card.files else "" for file in (FLOAT, INT8)]
    row = [name, summary(card), ", ".join(inputs), _parameters(card), *sizes]
    return [*row, _score(card), card.data.published, gain(card), gpu_verdict(card, FLOAT), ratio(card, FLOAT)]


def _short_row(card: Card, name: str) -> list[str]:
    sizes = [f"{card.files[file].bytes / 1000:,.0f}" if file in card.files else "none" for file in (FLOAT, INT8)]
    return [name, card.task, _parameters(card), _score(card), " / ".join(sizes)]


def _parameters(card: Card) -> str:
    return f"{card.parameters:,}" if card.parameters is not None else ""


def _score(card: Card) -> str:
    return mean_of_folds(card) if card.cross_validation else tasks.load(card.task).headline(card.scores)


def _saved_readme(saved: Path) -> str:
    return f"{TOP}\n{models_table(saved)}\n"


def _with_table(top: Path, saved: Path) -> str:
    text = top.read_text(encoding="utf-8") if top.is_file() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BadInputError(f"{top}: expected the lines {BEGIN} and {END}. Received: a README without them")
    return f"{before}{BEGIN}\n{short_table(saved)}\n{END}{after}"
