"""The READMEs and tables of published models, generated from their cards."""

import os
import shutil
from pathlib import Path

from mmzoo.artifacts.folder import check_out, make_folder, read_card
from mmzoo.errors import BadInputError
from mmzoo.reports.readme import gain, gpu_verdict, plots_of, ratio, readme, task
from mmzoo.reports.trials import mean_of_folds
from mmzoo.reports.write import write_card
from mmzoo.tasks.format import percent, table
from mmzoo.tasks.retrieval import WAYS

BEGIN, END = "<!-- models:begin -->", "<!-- models:end -->"
FLOAT, INT8 = "model_float32.tflite", "model_int8.tflite"
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

    The table goes into `saved_models/README.md` and between the markers of `README.md`.

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
            temporary = path.with_name(f".{path.name}.tmp")
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path)
    return changed


def publish_scores(folder: str | Path, out: str | Path) -> Path:
    """Copy the card of `folder` and its plots to `out`, without the weights that the license of its data forbids.

    Raises:
        BadInputError: there is no card in `folder`, or `out` cannot be written.
    """
    folder, out = Path(folder), check_out(out)
    card = read_card(folder)
    make_folder(out, out)
    for plot in plots_of(folder):
        shutil.copy(folder / plot, out / plot)
    write_card(out, {**card, "withheld": True})
    return out


def publish_scores_into(root: str | Path, folder: str | Path, name: str = "") -> Path:
    """Publish the scores of `folder` in `saved_models` under `root`, as `name` or the name of its recipe."""
    return publish_scores(folder, Path(root) / "saved_models" / (name or read_card(folder)["recipe"]))


def models_table(saved: Path, link: str) -> str:
    """Return the table of the models in `saved`, each linked as `link` and the name of its folder."""
    names = {folder: f"[{folder.name}]({link}{folder.name}/)" for folder in _folders(saved)}
    return table(HEAD, [_row(read_card(folder), name) for folder, name in names.items()])


def _named_card(folder: Path) -> dict:
    """Return the card in `folder`, with the folder's name where that is another than the recipe's."""
    card = read_card(folder)
    return card if folder.name == card["recipe"] else {"name": folder.name, **card}


def _folders(saved: Path) -> list[Path]:
    return sorted(path.parent for path in saved.glob("*/card.json"))


def _row(card: dict, name: str) -> list[str]:
    inputs = [
        f"{entry['name']} {entry['dtype']} {'x'.join(str(size) for size in entry['shape'][1:])}"
        for entry in card.get("inputs", [])
        if entry["name"] != "present"
    ]
    files = card.get("files", {})
    sizes = [f"{files[file]['bytes']:,}" if file in files else "" for file in (FLOAT, INT8)]
    row = [
        name,
        task(card),
        ", ".join(inputs),
        f"{card['parameters']:,}" if "parameters" in card else "",
        *sizes,
    ]
    score = mean_of_folds(folds) if (folds := card.get("cross_validation")) else headline(card.get("scores", {}))
    row += [score, card.get("data", {}).get("published", ""), gain(card)]
    return [*row, gpu_verdict(card, FLOAT), ratio(card, FLOAT)]


def _saved_readme(saved: Path) -> str:
    return f"{TOP}\n{models_table(saved, '')}\n"


def _with_table(top: Path, saved: Path) -> str:
    text = top.read_text(encoding="utf-8") if top.is_file() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BadInputError(f"{top}: expected the lines {BEGIN} and {END}. Received: a README without them")
    return f"{before}{BEGIN}\n{models_table(saved, 'saved_models/')}\n{END}{after}"


def headline(scores: dict) -> str:
    """Return the one score that stands for a model in a table, with its name; "" where there is none."""
    if "map50" in scores:
        return f"mAP50 {percent(scores['map50'])}"
    if "transcripts" in scores:
        found = next(iter(next(iter(scores["transcripts"].values())).values()))
        return f"word error rate {percent(found['wer'])}"
    if "retrieval" in scores:
        return f"recall@1 {percent(scores['retrieval']['text_to_image']['recall@1'])} of {WAYS['text_to_image']}"
    if "anomalies" in scores:
        return f"AUC {next(iter(scores['anomalies'].values()))['auc']:.3f}"
    full = next(iter(scores.get("subsets", {}).values()), {})
    if "micro_f1" in full:
        return f"micro F1 {percent(full['micro_f1'])}"
    if "r2" in full:
        return f"R² {full['r2']:.4f}"
    return f"accuracy {percent(full['accuracy'])}" if "accuracy" in full else ""
