"""The report of a model that `fit` trained: one HTML file that holds its pictures, sounds and drawings itself."""

import os
import shlex
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predict_rows, predictor
from mmzoo.data.tables.column_types import labeled_rows
from mmzoo.data.tables.read import read_table, root_of
from mmzoo.reports.html.label_scores import label_parts
from mmzoo.reports.html.media import SECONDS
from mmzoo.reports.html.number_scores import number_parts
from mmzoo.reports.html.rows import (
    Told,
    class_rows,
    column_rows,
    duplicate_rows,
    examples,
    mistakes,
    notes,
    skipped_rows,
)
from mmzoo.reports.html.scores import (
    confused_rows,
    drawings,
    fold_table,
    gain_words,
    per_class,
    reached,
    score_rows,
    shapley_rows,
    trial_drawings,
    trial_table,
)
from mmzoo.reports.html.svg import shown_table
from mmzoo.reports.readme import gpu_verdict, ratio, timing
from mmzoo.tasks.format import figure, percent, r2
from mmzoo.tasks.regression import HEADS

REPORT = "report.html"
SECTIONS = (  # id, heading, and what fills it
    ("data", "Data", "columns"),
    ("examples", "Examples", "examples"),
    ("scores", "Scores by what is given", "scores"),
    ("curves", "Learning, confusion, confidence", "drawings"),
    ("tuning", "Tuning", "trials"),
    ("mistakes", "The worst mistakes", "mistaken"),
    ("artifacts", "Files", "artifacts"),
    ("use", "How to use it", "uses"),
)
NAMED = 8  # columns that a sentence lists
VERIFIED = {0: "Everything was verified.", 3: "The numbers are right, but the GPU accelerator refuses a file."}


def write_report(folder: str | Path, card: dict, module, config, splits, place: str | Path) -> Path:
    """Write `report.html` into `folder`, and return its path: data, scores, drawings and mistakes in one file.

    Args:
        folder: what `fit` wrote, with `model.keras`, whose answers on the test rows are shown.
        card: its card; what is not in it is left out of the report.
        module: the recipe in the folder, with `SOURCE`.
        config: its Config, with the modalities that the model takes.
        splits: `{split: Examples}`, as `load_splits` returns them.
        place: the table.

    Raises:
        BadInputError: the model or the table cannot be read.
    """
    folder, place = Path(folder), Path(place)
    frame, lost = labeled_rows(read_table(place), module.SOURCE.target)
    told = Told(card, module.SOURCE, frame, root_of(place), splits, config.sample_rate)
    test = splits["test"]
    answers = predict_rows(predictor(folder / KERAS), test.rows, test.index, config.modalities)
    path = folder / REPORT
    temporary = folder / f".{REPORT}.tmp"
    # a lone surrogate, which JSON can hold, is no UTF-8
    temporary.write_bytes(page(told, answers, lost).encode("utf-8", "replace"))
    os.replace(temporary, path)
    return path


def page(told: Told, answers: np.ndarray, lost: int = 0) -> str:
    """Return the report; `answers` `(N, C)` are those on the test rows, `lost` are the rows without a target."""
    import jinja2

    card = told.card
    own = {"class": _class_parts, "number": number_parts, "labels": label_parts}[told.source.kind](told, answers)
    values = {
        "title": f"{card.get('name', 'The model')}: {own['asked']}",
        "longest": SECONDS,
        "columns": column_rows(told),
        "notes": notes(told, lost),
        "duplicates": duplicate_rows(told),
        "skipped": skipped_rows(told),
        "folds": fold_table(card),
        "trials": trial_table(card),
        "trial_drawings": trial_drawings(card),
        "artifacts": _artifacts(card),
        "artifact_notes": _artifact_notes(card, own["judged"]),
        "uses": _uses(told, own),
        **own,
        "summary": [*_asked(told, own["question"]), *own["summary"]],
    }
    headings = {"curves": own["curves"]}
    values["sections"] = [(name, headings.get(name, said)) for name, said, filled in SECTIONS if values[filled]]
    options = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True, "undefined": jinja2.StrictUndefined}
    template = Path(__file__).with_name(REPORT).read_text(encoding="utf-8")
    return jinja2.Environment(**options).from_string(template).render(values)


def _class_parts(told: Told, answers: np.ndarray) -> dict:
    """Return what the report of a model of classes says otherwise than that of numbers or labels does."""
    source, card = told.source, told.card
    return {
        "asked": f"which {source.target}",
        "question": f"The question was which {source.target}, of {len(source.classes)}, a row",
        "summary": [*reached(told), *gain_words(card)],
        "classes": class_rows(told),
        "examples": examples(told),
        "scores": score_rows(card),
        "shapley": shapley_rows(told),
        "per_class": per_class(card),
        "drawings": drawings(told, answers),
        "curves": "Learning, confusion, confidence",
        "confused": confused_rows(card),
        "judged": "accuracy",
        "python": [
            'print(model.predict("new.csv"))  # the class of each row',
            'print(model.predict_proba("new.csv"))  # the probability of each of model.classes_',
        ],
        "answer": "label",
        **mistakes(told, answers),
    }


def _asked(told: Told, question: str) -> list[str]:
    source = told.source
    columns = [column if isinstance(column, str) else column.name for _, own in source.inputs for column in own]
    more = f" and {len(columns) - NAMED} more" if len(columns) > NAMED else ""
    rows = [f"{len(examples.labels):,} {split}" for split, examples in told.splits.items()]
    count = sum(len(examples.labels) for examples in told.splits.values())
    return [
        f"{question} of {Path(source.path).name} has, by {', '.join(columns[:NAMED])}{more}.",
        f"There are {count:,} rows: {', '.join(rows[:-1])} and {rows[-1]}.",
    ]


def _artifacts(card: dict) -> dict:
    checks = (card.get("verify") or {}).get("checks", [])
    errors = {check["artifact"]: check.get("max_error") for check in checks if check["on"] == "cpu"}
    scored, lines = card.get("scores", {}).get("artifacts", {}), []
    for name, file in card.get("files", {}).items():
        if name.startswith(("model", "saved_model")):
            error, time = errors.get(name), timing(card, name).get("median_ms")
            score = scored.get(name, {})
            line = [name, f"{file['bytes']:,}", percent(score.get("accuracy")), figure(score.get("mae"))]
            line += [figure(score.get("rmse")), r2(score.get("r2")), percent(score.get("micro_f1"))]
            line += ["" if error is None else f"{error:.1e}", gpu_verdict(card, name).replace("*", "")]
            lines.append([*line, "" if time is None else f"{time:.3f} ms", ratio(card, name)])
    head = ["file", "bytes", "accuracy", *HEADS.values(), "micro F1", "largest error on the CPU", "GPU accelerator"]
    head += ["median on the CPU, 1 thread", "best time, times that of MobileNetV3-Small"]
    return shown_table("The files of the folder that are models, and how they were verified.", head, lines)


def _artifact_notes(card: dict, judged: str) -> list[str]:
    verify, lines = card.get("verify") or {}, []
    if "exit_code" in verify:
        lines.append(VERIFIED.get(verify["exit_code"], "Verification found a file that is not right."))
    if verify.get("checks"):
        scale = "relative to the scale of an output"
        lines.append(f"Errors are from the Keras model, {scale}; int8 is judged by {judged}.")
    if timed := card.get("benchmark"):
        machine = timed["machine"]
        lines.append(
            f"{timed['runs']:,} runs of each were timed on {machine['processor']}, {machine['cores']} cores, by turns "
            "with MobileNetV3-Small of 96 pixels."
        )
    if adapter := verify.get("gpu", {}).get("adapter"):
        lines.append(f"The GPU accelerator is LiteRT's, without a CPU to fall back on. It ran on: {adapter}.")
    return lines


def _uses(told: Told, own: dict) -> list[tuple[str, str]]:
    """Return pairs of what for, and the lines that a user would type."""
    if "name" not in told.card:
        return []
    folder, shell = told.card["name"], shlex.quote(told.card["name"])
    given = ", ".join(f"{modality}=..." for modality in told.shipped)
    return [
        ("In a shell, on a table with the same columns or some of them:", f"mmzoo predict {shell} new.csv"),
        (
            "In Python:",
            "\n".join(["from mmzoo.automl.predictor import Fitted", "", f"model = Fitted({folder!r})", *own["python"]]),
        ),
        (
            "On a device, which has neither Keras nor TensorFlow:",
            f"from mmzoo.device import Runner\n\nrunner = Runner({folder!r})\n"
            f'print(runner({given})["{own["answer"]}"])',
        ),
        ("Edit what was inferred, and train it again:", f"mmzoo train {shell}/recipe.py"),
    ]
