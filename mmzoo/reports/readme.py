"""The README of a card: every number in it comes from the card."""

from collections.abc import Sequence
from pathlib import Path

from mmzoo import recipes, tasks
from mmzoo.artifacts.card import Card, Check, Tensor
from mmzoo.reports.trials import cross_validation, gain_curve, tuning
from mmzoo.tasks.format import code, escaped, table
from mmzoo.tasks.task import Call

NOT_EXECUTED = "GPU: not executed"
GENERATED = "Generated from `card.json`: every number here was written by a run."
ERRORS = (
    "Errors are the largest difference from Keras over all outputs, relative to their scale; int8 files are judged by "
    "{judged}. The GPU accelerator is LiteRT's, without CPU fallback."
)
WITHHELD = (
    "The license of the data allows only scores to be published; the command below trains the model and writes its "
    "files."
)
PLOTS = {
    "subset_scores.png": "Score by subset of modalities",
    "learning_curve.png": "Learning curve",
    "confusion_matrix.png": "Confusion matrix",
}
SHOWN_CLASSES = 100  # with more labels, the README refers to their file
# by input and rank; other inputs are arrays
PLACEHOLDERS = {("image", 4): '"image.png"', ("audio", 2): '"speech.wav"', ("series", 3): '"series.csv"'}


def readme(card: Card, plots: Sequence[str] = ()) -> str:
    """Return the README of `card` with the plots, file names, that it knows."""
    task = tasks.load(card.task)
    parts = [
        _head(card),
        task.markdown(card.scores, card.baselines, _interval_note(card)),
        f"Published scores: {card.data.published}." if card.data.published else "",
        "\n".join(f"![{PLOTS[name]}]({name})" for name in PLOTS if name in plots),
        gain_curve(card, plots),
        cross_validation(card),
        tuning(card),
        signature(card),
        _files(card),
        WITHHELD if card.withheld else task.usage(_call(card)),
        _provenance(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plots_of(folder: Path) -> list[str]:
    """Return the names of the plots in `folder`."""
    return sorted(path.name for path in folder.glob("*.png"))


def gain(card: Card) -> str:
    """Return the fusion gain with its interval, "" where the card has none."""
    found = card.baselines.fusion_gain
    return tasks.load(card.task).show_gain(found) if found else ""


def gpu_verdict(card: Card, file: str) -> str:
    """Return the verdict of the GPU accelerator on a `.tflite`, as verification recorded it."""
    if not file.endswith(".tflite"):
        return ""
    row = check_of(card, file, "gpu")
    if row is None:
        return NOT_EXECUTED
    suffix = "" if row.max_error is None else f", max error {row.max_error:.1e}"
    rule = f" (rule {row.rule})" if row.rule else ""
    verdicts = {
        "right": f"resident{suffix}",
        "wrong": f"**wrong**{suffix}{rule}",
        "refused": f"not resident{rule}",
        "died": f"the accelerator died{rule}",
    }
    return verdicts.get(row.status, NOT_EXECUTED)


def summary(card: Card) -> str:
    """Return one line on what the model does."""
    return card.summary or f"one of {len(card.labels)} classes from {' and '.join(card.modalities)}"


def timing(card: Card, file: str) -> dict:
    """Return the benchmark of `file`: multiply-adds, and times on one thread; {} where not measured."""
    models = card.benchmark.models if card.benchmark else ()
    found = next((m for m in models if not m["peer"] and m["name"].rpartition("/")[2] == file), None)
    return {**found, **found["threads"].get("1", {})} if found else {}


def ratio(card: Card, file: str, reference: str = "mobilenet_v3_small") -> str:
    """Return the best time of `file` relative to the reference model, "" where not measured."""
    both = timing(card, file).get("ratio", {}).get(reference)
    return f"{both['best']:.2f}" if both else ""


def check_of(card: Card, file: str, on: str) -> Check | None:
    """Return the check of `file` executed `on` cpu or gpu, None where there is none."""
    rows = card.verification.checks if card.verification else ()
    return next((row for row in rows if (row.artifact, row.on) == (file, on)), None)


def _head(card: Card) -> str:
    line = summary(card)
    facts = [f"{card.parameters:,} parameters"] if card.parameters is not None else []
    if card.data.name:
        facts.append(f"trained on {escaped(f'{card.data.name} {card.data.version}'.rstrip())}")
    facts.append(f"made by mmzoo {card.mmzoo}")
    line = escaped(line[:1].upper() + line[1:])
    head = f"# {escaped(card.title)}\n\n{line}: {', '.join(facts)}."
    return "\n\n".join(part for part in (head, interrupted_line(card), GENERATED) if part)


def interrupted_line(card: Card) -> str:
    """Return where Ctrl-C ended training, "" where it did not."""
    found = card.interrupted
    if not found:
        return ""
    return f"Training was interrupted at epoch {found['epoch']} of {found['of']} of {found['model']}."


def _interval_note(card: Card) -> str:
    """Return how the interval of the gain is resampled, where examples share their first input."""
    found = card.baselines.fusion_gain
    if not found or card.baselines.fused is not None or found.get("groups", 0) >= card.scores.n:
        return ""
    first, *others = card.modalities
    return f"Cluster bootstrap over {first} inputs; {' and '.join(others)} inputs are not resampled."


def _files(card: Card) -> str:
    task, rows = tasks.load(card.task), []
    for name, file in card.files.items():
        if not name.startswith(("model", "saved_model")):
            continue
        check, scores = check_of(card, name, "cpu"), card.scores.artifacts.get(name, {})
        row = [f"`{name}`", f"{file.bytes:,}", *(metric.show(scores.get(metric.key)) for metric in task.metrics)]
        error = check.max_error if check else None
        rows.append([*row, "" if error is None else f"{error:.1e}", gpu_verdict(card, name), _times(card, name)])
    if not rows:
        return ""
    head = ["file", "bytes", *(metric.label for metric in task.metrics)]
    head += ["CPU error", "GPU accelerator", "CPU, 1 thread"]
    adapter = card.verification.gpu.get("adapter") if card.verification else ""
    notes = [ERRORS.format(judged=task.judged.label), f"It ran on: {adapter}." if adapter else f"{NOT_EXECUTED}."]
    if card.benchmark:
        machine = card.benchmark.machine
        notes.append(f"{card.benchmark.runs:,} timed runs on {machine['processor']}, {machine['cores']} cores.")
    parts = ["## Files", table(head, rows), " ".join(notes), _operators(card)]
    return "\n\n".join(part for part in parts if part)


def _times(card: Card, name: str) -> str:
    t = timing(card, name)
    if "median_ms" not in t:
        return ""
    parts = [f"median {t['median_ms']:.3f} ms, best {t['best_ms']:.3f} ms"]
    parts += [f"{r['best']:.2f} of {reference}" for reference, r in t.get("ratio", {}).items()]
    parts.append(f"{t['multiply_adds'] / 1e6:.2f} M multiply-adds")
    return ", ".join([*parts, f"{100 * t['peak_share']:.0f} % of the peak"])


def _operators(card: Card) -> str:
    rows = []
    for name, counts in card.operators.items():
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows.append([f"`{name}`", ", ".join(f"{operator} {count}" for operator, count in ordered)])
    return table(["file", "operators"], rows) if rows else ""


def _provenance(card: Card) -> str:
    data, made = card.data, card.environment
    rows = [
        ["command", code(command(card))],
        ["config", escaped(_settings(card.config))],
        ["training", escaped(_settings(card.training))],
        ["seed", card.seed],
        ["commit", made.commit],
        ["data", escaped(f"{data.name} {data.version}")],
        ["license of the data", data.license],
        ["attribution", data.attribution],
        ["license of the weights", data.weights_license],
        ["machine", made.machine],
        ["versions", ", ".join(f"{k} {v}" for k, v in made.versions.items())],
        ["wall time", f"{made.wall_seconds:.0f} s" if made.wall_seconds else ""],
    ]
    text = "## Provenance\n\n" + table(["", ""], [row for row in rows if row[1] not in (None, "")])
    hashes = [[f"`{name}`", f"`{file.sha256}`"] for name, file in card.files.items() if file.sha256]
    return text + (f"\n\n{table(['file', 'SHA-256'], hashes)}" if hashes else "")


def command(card: Card) -> str:
    """Return the command line that made the folder: the recorded one, or config and training as flags."""
    if card.command:
        return card.command
    flags = []
    for key, value in {**card.config, **card.training}.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        elif value != "":
            flags += [f"--{name} {item}" for item in (value if isinstance(value, list | tuple) else [value])]
    recipe = f"{card.title}/{card.recipe}" if recipes.is_file(card.recipe) else card.recipe
    return " ".join(["mmzoo train", recipe, *flags])


def _settings(values: dict) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in values.items() if value != "")


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _call(card: Card) -> Call:
    """Return how the model is called with all modalities."""
    entries = [entry for entry in card.inputs if entry.name != "present"]
    arguments = ", ".join(f"{e.name}={PLACEHOLDERS.get((e.name, len(e.shape)), e.name)}" for e in entries)
    comment = f"  # or {entries[0].name} only" if len(entries) > 1 else ""
    return Call(" ".join(card.title.replace("`", "").split()), arguments, comment, card.scores, tuple(card.files))


def signature(card: Card) -> str:
    """Return the section with the inputs and outputs of the model, and its labels."""
    rows = []
    for entry in card.inputs:
        shown = "" if entry.range is None else f"{entry.range[0]:g} to {entry.range[1]:g}"
        rows.append([*_tensor("input", entry), escaped(entry.unit), shown])
    rows += [[*_tensor("output", entry), escaped(entry.unit), ""] for entry in card.outputs]
    text = "## Inputs and outputs\n\n" + table(["", "name", "shape", "dtype", "unit", "range"], rows)
    task = tasks.load(card.task)
    names = card.labels[task.first_label :]
    if not names:
        return text
    listed = ", ".join(code(label) for label in names)
    if len(names) > SHOWN_CLASSES:
        listed = f"the {len(card.labels)} lines of `labels.txt`"
    return f"{text}\n\nThe {task.labels_are} {listed}."


def _tensor(kind: str, entry: Tensor) -> list[str]:
    shape = ", ".join(str(size) for size in entry.shape)
    return [kind, code(entry.name), f"({shape})", entry.dtype]
