"""The report of a model that `fit` trained: one HTML file that holds its pictures, sounds and drawings itself."""

import importlib
import shlex
from pathlib import Path

import numpy as np

from mmzoo import tasks
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predict_rows, predictor
from mmzoo.data.tables.column_types import labeled_rows
from mmzoo.data.tables.read import root_of
from mmzoo.data.tables.source import read_rows
from mmzoo.device.replacing import replacing
from mmzoo.experiment import Experiment
from mmzoo.reports.html.media import SECONDS
from mmzoo.reports.html.rows import Context, column_rows, duplicate_rows, notes, skipped_rows
from mmzoo.reports.html.svg import shown_table
from mmzoo.reports.html.trials import fold_table, trial_drawings, trial_table
from mmzoo.reports.readme import check_of, gpu_verdict, interrupted_line, ratio, timing
from mmzoo.reports.verdict import verdict

REPORT = "report.html"
SECTIONS = (  # id, heading, and what fills it
    ("data", "Data", "columns"),
    ("examples", "Examples", "examples"),
    ("scores", "Scores by available modalities", "scores"),
    ("curves", "Learning, confusion, confidence", "drawings"),
    ("tuning", "Tuning", "trials"),
    ("mistakes", "Worst mistakes", "mistaken"),
    ("artifacts", "Files", "artifacts"),
    ("use", "How to use it", "uses"),
)
NAMED = 8  # columns that a sentence lists
VERIFIED = {0: "Everything was verified.", 3: "The numbers are right, but the GPU accelerator refuses a file."}


def test_predictions(folder: str | Path, card: Card, experiment: Experiment, splits: dict) -> np.ndarray:
    """Return the predictions `(N, C)` of `model.keras` in `folder` for the test rows; arguments as `write_report`."""
    output, test = tasks.load(card.task).outputs[0], splits["test"]
    return predict_rows(predictor(Path(folder) / KERAS), output, test.rows, test.index, experiment.config.modalities)


def write_report(
    folder: str | Path,
    card: Card,
    experiment: Experiment,
    splits: dict,
    place: str | Path,
    predictions: np.ndarray | None = None,
) -> Path:
    """Write `report.html` into `folder`, and return its path: data, scores, drawings and mistakes in one file.

    Args:
        folder: what `fit` wrote, with `model.keras`, whose answers on the test rows are shown.
        card: its card; the report omits parts that the card lacks.
        experiment: the recipe in the folder, with the modalities of the model.
        splits: `{split: Examples}`, as `load_splits` returns them.
        place: the table.
        predictions: `test_predictions`, where they were computed before.

    Raises:
        BadInputError: the model or the table cannot be read.
    """
    folder, place = Path(folder), Path(place)
    source, config = experiment.recipe.source, experiment.config
    frame, lost = labeled_rows(read_rows(source, place), source.target)
    context = Context(card, source, frame, root_of(place), splits, config.sample_rate)
    if predictions is None:
        predictions = test_predictions(folder, card, experiment, splits)
    with replacing(folder / REPORT) as temporary:
        # a lone surrogate, which JSON can hold, is no UTF-8
        temporary.write_bytes(page(context, predictions, lost).encode("utf-8", "replace"))
    return folder / REPORT


def page(context: Context, predictions: np.ndarray, lost: int = 0) -> str:
    """Return the report; `predictions` `(N, C)` are for the test rows, `lost` counts rows without a target."""
    import jinja2

    card = context.card
    own = importlib.import_module(f"mmzoo.reports.html.{card.task}").parts(context, predictions)
    values = {
        "title": f"{card.name or 'Model'}: {own['asked']}",
        "longest": SECONDS,
        "columns": column_rows(context),
        "notes": notes(context, lost),
        "duplicates": duplicate_rows(context),
        "skipped": skipped_rows(context),
        "folds": fold_table(card),
        "trials": trial_table(card),
        "trial_drawings": trial_drawings(card),
        "artifacts": _artifacts(card),
        "artifact_notes": _artifact_notes(card),
        "uses": _uses(context, own),
        **own,
        "verdict": verdict(card),
        "summary": [*_asked(context, own["question"]), interrupted_line(card), *own["summary"]],
    }
    headings = {"curves": own["curves"]}
    values["sections"] = [(name, headings.get(name, said)) for name, said, filled in SECTIONS if values[filled]]
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": jinja2.StrictUndefined}
    template = Path(__file__).with_name(REPORT).read_text(encoding="utf-8")
    return jinja2.Environment(**options).from_string(template).render(values)


def _asked(context: Context, question: str) -> list[str]:
    source = context.source
    columns = [column if isinstance(column, str) else column.name for _, own in source.inputs for column in own]
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    rows = [f"{len(examples.labels):,} {split}" for split, examples in context.splits.items()]
    count = sum(len(examples.labels) for examples in context.splits.values())
    return [
        f"{question}; predicted from {', '.join(columns[:NAMED])}{more} of {Path(source.path).name}.",
        f"There are {count:,} rows: {', '.join(rows[:-1])} and {rows[-1]}.",
    ]


def _artifacts(card: Card) -> dict:
    task, lines = tasks.load(card.task), []
    for name, file in card.files.items():
        if name.startswith(("model", "saved_model")):
            check, time = check_of(card, name, "cpu"), timing(card, name).get("median_ms")
            scores, error = card.scores.artifacts.get(name, {}), check.max_error if check else None
            line = [name, f"{file.bytes:,}", *(metric.show(scores.get(metric.key)) for metric in task.metrics)]
            line += ["" if error is None else f"{error:.1e}", gpu_verdict(card, name).replace("*", "")]
            lines.append([*line, "" if time is None else f"{time:.3f} ms", ratio(card, name)])
    head = ["file", "bytes", *(metric.label for metric in task.metrics), "CPU error", "GPU accelerator"]
    head += ["median latency, 1 CPU thread", "latency relative to MobileNetV3-Small"]
    return shown_table("Model files of the folder, and their verification.", head, lines)


def _artifact_notes(card: Card) -> list[str]:
    verified, lines = card.verification, []
    if verified:
        lines.append(VERIFIED.get(verified.exit_code, "Verification found a wrong file."))
        judged = tasks.load(card.task).judged.label
        lines.append(
            "Errors are differences from the Keras model, relative to the scale of an output; int8 files are judged by "
            f"{judged}."
        )
    if timed := card.benchmark:
        machine = timed.machine
        lines.append(
            f"{timed.runs:,} runs of each were timed on {machine['processor']}, {machine['cores']} cores, alternating "
            "with MobileNetV3-Small at 96 pixels."
        )
    if adapter := verified.gpu.get("adapter") if verified else "":
        lines.append(f"The GPU accelerator is LiteRT's, without CPU fallback. It ran on: {adapter}.")
    return lines


def _uses(context: Context, own: dict) -> list[tuple[str, str]]:
    """Return pairs of what for, and the lines that a user would type."""
    if not context.card.name:
        return []
    folder, shell = context.card.name, shlex.quote(context.card.name)
    given = ", ".join(f"{modality}=..." for modality in context.shipped)
    return [
        ("In a shell, on a table with the same columns or some of them:", f"mmzoo predict {shell} new.csv"),
        (
            "In Python:",
            "\n".join(["import mmzoo", "", f"model = mmzoo.load({folder!r})", *own["python"]]),
        ),
        (
            "On a device, which has neither Keras nor TensorFlow:",
            f"from mmzoo.device import Runner\n\nrunner = Runner({folder!r})\n"
            f'print(runner({given})["{own["answer"]}"])',
        ),
        ("Edit what was inferred, and train it again:", f"mmzoo train {shell}/recipe.py"),
    ]
