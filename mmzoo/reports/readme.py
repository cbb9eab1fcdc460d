"""A card as Markdown: every number in it comes from the card."""

from collections.abc import Sequence
from pathlib import Path

from mmzoo import recipes
from mmzoo.reports.trials import cross_validation, gain_curve, tuning
from mmzoo.tasks.anomaly import anomalies
from mmzoo.tasks.classification import kinds
from mmzoo.tasks.detection import boxes
from mmzoo.tasks.format import figure, gain_of, percent, r2, table
from mmzoo.tasks.multilabel import labels, told_label_gain
from mmzoo.tasks.pretraining import objective
from mmzoo.tasks.regression import number_gain, numbers
from mmzoo.tasks.retrieval import RECALLS, retrieval, search_usage
from mmzoo.tasks.transcription import transcript_markdown

SCORES = {
    "accuracy": "accuracy",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "macro_f1": "F1",
    "ece": "calibration error",
}
JUDGED = {"r2": "R²", "micro_f1": "micro F1"}
NOT_EXECUTED = "GPU: not executed"
GENERATED = "Generated from `card.json`: every number here was written by a run."
ERRORS = (
    "Errors are the largest difference from Keras over all outputs, relative to their scale; int8 files are "
    "judged by their {judged}. The GPU accelerator is LiteRT's, without a CPU to fall back on."
)
WITHHELD = "The license of the data allows the scores alone to be published; the command below makes the files again."
PLOTS = {
    "subset_scores.png": "Score by subset of modalities",
    "learning_curve.png": "Learning curve",
    "confusion_matrix.png": "Confusion matrix",
}
SHOWN_CLASSES = 100  # of more the most frequent are shown, and the labels are left to their file


def readme(card: dict, plots: Sequence[str] = ()) -> str:
    """Return the README of `card`, with those of `plots` (file names) that it knows."""
    parts = [
        _head(card),
        _score(card),
        _published(card),
        _images(plots),
        gain_curve(card, plots),
        cross_validation(card),
        tuning(card),
        signature(card),
        _files(card),
        how_to_use(card) if not card.get("withheld") else WITHHELD,
        _provenance(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plots_of(folder: Path) -> list[str]:
    """Return the names of the plots in `folder`."""
    return sorted(path.name for path in folder.glob("*.png"))


def gain(card: dict) -> str:
    """Return the fusion gain with its interval, "" where the card has none."""
    g = card.get("fusion_gain")
    if not g:
        return ""
    if "mae" in g:
        return number_gain(g)
    if "micro_f1" in g:
        return told_label_gain(g)
    return f"{g['points']:+.2f} points over {g['over']} alone (95 % interval {g['low']:+.2f} to {g['high']:+.2f})"


def gpu_verdict(card: dict, file: str) -> str:
    """Return what the GPU accelerator did with a `.tflite` of the card, as verification recorded it."""
    if not file.endswith(".tflite"):
        return ""
    row = _check(card, file, "gpu")
    error = row.get("max_error")
    suffix = "" if error is None else f", max error {error:.1e}"
    rule = f" (rule {row['rule']})" if "rule" in row else ""
    verdicts = {
        "right": f"resident{suffix}",
        "wrong": f"**wrong**{suffix}{rule}",
        "refused": f"not resident{rule}",
        "died": f"the accelerator died{rule}",
    }
    return verdicts.get(row.get("status"), NOT_EXECUTED)


def task(card: dict) -> str:
    """Return one line on what the model does."""
    modalities = [entry["name"] for entry in card.get("inputs", []) if entry["name"] != "present"]
    return card.get("task") or f"one of {len(card.get('labels', []))} classes from {' and '.join(modalities)}"


def timing(card: dict, file: str) -> dict:
    """Return what `benchmark` measured of `file`: multiply-adds, and times on one thread; or nothing."""
    models = (card.get("benchmark") or {}).get("models", [])
    found = next((m for m in models if not m["peer"] and m["name"].rpartition("/")[2] == file), None)
    return {**found, **found["threads"].get("1", {})} if found else {}


def ratio(card: dict, file: str, peer: str = "mobilenet_v3_small") -> str:
    """Return the best time of `file` as a multiple of that of `peer`, "" where not measured."""
    both = timing(card, file).get("ratio", {}).get(peer)
    return f"{both['best']:.2f}" if both else ""


def _check(card: dict, file: str, on: str) -> dict:
    """Return the row of verification's report on `file`, executed `on` cpu or gpu, or an empty one."""
    rows = (card.get("verify") or {}).get("checks", [])
    return next((row for row in rows if (row["artifact"], row["on"]) == (file, on)), {})


def _head(card: dict) -> str:
    data, line = card.get("data", {}), task(card)
    facts = [f"{card['parameters']:,} parameters"] if "parameters" in card else []
    if data.get("name"):
        facts.append(f"trained on {data['name']} {data.get('version', '')}".rstrip())
    if "commit" in card or "mmzoo" in card:
        facts.append(f"made by mmzoo {card.get('mmzoo', '')}".rstrip())
    return f"# {named(card)}\n\n{line[:1].upper()}{line[1:]}: {', '.join(facts)}.\n\n{GENERATED}"


def _score(card: dict) -> str:
    scores, baselines = card.get("scores", {}), card.get("baselines", {})
    if "objective" in scores:
        return objective(scores)
    if "map50" in scores:
        return boxes(scores)
    if "transcripts" in scores:
        return transcript_markdown(scores)
    if "retrieval" in scores:
        return retrieval(scores)
    if "anomalies" in scores:
        said = f"Fusion gain in AUC, times 100: {gain(card)}." if gain(card) else ""
        return "\n\n".join(part for part in (anomalies(scores), said) if part)
    if not scores.get("subsets"):
        return ""
    told = {"mae": numbers, "micro_f1": labels}
    if key := next((key for key in told if key in next(iter(scores["subsets"].values()))), ""):
        return f"{told[key](card)} {_bootstrap(card)}".rstrip()
    rows = [
        [name, *(percent(s.get(k)) for k in SCORES), percent(baselines.get(name, {}).get("accuracy"))]
        for name, s in scores["subsets"].items()
    ]
    lines = [
        f"## Score on the {scores.get('split', 'test')} split, {scores.get('n', 0):,} examples",
        table(["present", *SCORES.values(), "accuracy of a model of it alone"], rows),
    ]
    if gain(card):
        lines.append(f"{gain_of(card)}: {gain(card)}. {_bootstrap(card)}".rstrip())
    lines += _singles(card)
    if "by_kind" in scores:
        lines.append(kinds(scores["by_kind"]))
    if rows := scores.get("per_class"):
        rows = sorted(rows, key=lambda r: -r["support"])[:SHOWN_CLASSES] if len(rows) > SHOWN_CLASSES else rows
        body = [[r["label"], *(percent(r[k]) for k in ("precision", "recall", "f1")), r["support"]] for r in rows]
        lines.append(table(["class, everything present", "precision", "recall", "F1", "examples"], body))
    return "\n\n".join(lines)


def _singles(card: dict) -> list[str]:
    """Return what the models of one modality each say together, and their sizes."""
    lines = []
    if "average" in card:
        average = percent(card["average"]["accuracy"])
        lines.append(f"Plain average of the probabilities of the single-modality models: {average}.")
    if agreed := card.get("consistency"):
        said = f"{percent(agreed['agreement'])} of the examples (Fleiss' kappa {agreed['fleiss_kappa']:.2f})"
        lines.append(f"The single-modality models give the same answer on {said}.")
    if sizes := [f"{name} {b['parameters']:,}" for name, b in card.get("baselines", {}).items() if "parameters" in b]:
        lines.append(f"Parameters of the single-modality models: {', '.join(sizes)}.")
    return lines


def _published(card: dict) -> str:
    """Return what others have published on the same data."""
    published = card.get("data", {}).get("published")
    return f"Published by others: {published}." if published else ""


def _bootstrap(card: dict) -> str:
    """Return what the interval of the gain leaves out, where examples share a file of the first modality."""
    gain = card.get("fusion_gain")
    if not gain or "fused" in card or gain.get("groups", 0) >= card.get("scores", {}).get("n", 1):
        return ""
    first, *others = [entry["name"] for entry in card["inputs"] if entry["name"] != "present"]
    met = " and ".join(others)
    return f"The bootstrap draws all examples of one {first} together; the {met} they meet is not drawn anew."


def _images(plots: Sequence[str]) -> str:
    return "\n".join(f"![{PLOTS[name]}]({name})" for name in PLOTS if name in plots)


def _files(card: dict) -> str:
    artifacts, rows = card.get("scores", {}).get("artifacts", {}), []
    for name, file in card.get("files", {}).items():
        if not name.startswith(("model", "saved_model")):
            continue
        error, score = _check(card, name, "cpu").get("max_error"), artifacts.get(name, {})
        row = [f"`{name}`", f"{file['bytes']:,}", percent(score.get("accuracy")), percent(score.get("ece"))]
        row += [percent(score.get(key)) for key in ("map50", "map50_95", *RECALLS)]
        row += [figure(score.get("mae")), r2(score.get("r2")), percent(score.get("micro_f1"))]
        row += [f"{score['auc']:.4f}" if "auc" in score else ""]
        row += ["" if error is None else f"{error:.1e}", gpu_verdict(card, name), _times(card, name)]
        rows.append(row)
    if not rows:
        return ""
    head = ["file", "bytes", "accuracy", "calibration error", "mAP50", "mAP50-95", *RECALLS]
    head += ["mean absolute error", "R²", "micro F1", "AUC", "error on the CPU", "GPU accelerator", "CPU, 1 thread"]
    gpu, timed = (card.get("verify") or {}).get("gpu", {}), card.get("benchmark") or {}
    judged = {key for one in artifacts.values() for key in one} & set(JUDGED)
    judged = JUDGED[judged.pop()] if judged else "accuracy"
    notes = [
        ERRORS.format(judged=judged),
        f"It ran on: {gpu['adapter']}." if gpu.get("adapter") else f"{NOT_EXECUTED}.",
    ]
    if "machine" in timed:
        machine = timed["machine"]
        notes.append(f"{timed['runs']:,} runs were timed on {machine['processor']}, {machine['cores']} cores.")
    parts = ["## Files", table(head, rows), " ".join(notes), _operators(card)]
    return "\n\n".join(part for part in parts if part)


def _times(card: dict, name: str) -> str:
    t = timing(card, name)
    if "median_ms" not in t:
        return ""
    parts = [f"median {t['median_ms']:.3f} ms, best {t['best_ms']:.3f} ms"]
    parts += [f"{r['best']:.2f} of {peer}" for peer, r in t.get("ratio", {}).items()]
    parts.append(f"{t['multiply_adds'] / 1e6:.2f} M multiply-adds")
    return ", ".join([*parts, f"{100 * t['peak_share']:.0f} % of the peak"])


def _operators(card: dict) -> str:
    rows = []
    for name, counts in card.get("operators", {}).items():
        often = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        rows.append([f"`{name}`", ", ".join(f"{operator} {count}" for operator, count in often)])
    return table(["file", "operators"], rows) if rows else ""


def _provenance(card: dict) -> str:
    data = card.get("data", {})
    rows = [
        ["command", f"`{command(card)}`"],
        *([key, _settings(card.get(key, {}))] for key in ("config", "training")),
        ["seed", card.get("seed")],
        ["commit", card.get("commit")],
        ["data", f"{data.get('name', '')} {data.get('version', '')}".strip()],
        ["license of the data", data.get("license")],
        ["attribution", data.get("attribution")],
        ["license of the weights", data.get("weights_license")],
        ["machine", card.get("machine")],
        ["versions", ", ".join(f"{k} {v}" for k, v in card.get("versions", {}).items())],
        ["wall time", f"{card['wall_seconds']:.0f} s" if "wall_seconds" in card else ""],
    ]
    text = "## How it was made\n\n" + table(["", ""], [row for row in rows if row[1] not in (None, "")])
    hashes = [[f"`{name}`", f"`{f['sha256']}`"] for name, f in card.get("files", {}).items() if "sha256" in f]
    return text + (f"\n\n{table(['file', 'SHA-256'], hashes)}" if hashes else "")


def command(card: dict) -> str:
    """Return the command line that made the card's folder: the recorded one, or its config and training as flags."""
    if card.get("command"):
        return card["command"]
    flags = []
    for key, value in {**card.get("config", {}), **card.get("training", {})}.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            flags.append(f"--{name}" if value else f"--no-{name}")
        elif value != "":
            flags += [f"--{name} {item}" for item in (value if isinstance(value, list | tuple) else [value])]
    recipe = f"{named(card)}/{card['recipe']}" if recipes.is_file(card["recipe"]) else card["recipe"]
    return " ".join(["mmzoo train", recipe, *flags])


def _settings(values: dict) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in values.items() if value != "")


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def named(card: dict) -> str:
    """Return the name of the card's model: of its recipe, or of its folder where the recipe is a file in it."""
    return card.get("name", card["recipe"])


def how_to_use(card: dict) -> str:
    """Return a Markdown section with the lines that a user would type."""
    scores = card.get("scores", {})
    if "objective" in scores:
        return (
            "## Use it\n\nIts encoders start another recipe that has encoders of the same names:\n\n```sh\n"
            f"mmzoo train RECIPE --init-from {named(card)}/model.keras\n```"
        )
    entries = [entry for entry in card.get("inputs", []) if entry["name"] != "present"]
    names = [entry["name"] for entry in entries]
    files = {("image", 4): '"picture.png"', ("audio", 2): '"speech.wav"'}  # by name and rank; the rest are arrays
    given = ", ".join(f"{e['name']}={files.get((e['name'], len(e['shape'])), e['name'])}" for e in entries)
    more = f"  # or {names[0]} alone" if len(names) > 1 else ""
    imports, show = "from mmzoo.device import Runner", f'print(runner({given})["label"]){more}'
    if "map50" in scores:
        imports += "\nfrom mmzoo.device.detections import detections"
        show = (
            f"maps = runner({given})\n"
            'print(detections(maps["heatmap"], maps["boxes"]))  # boxes in pixels of the input, scores, labels'
        )
    scored = {key for one in scores.get("artifacts", {}).values() for key in one}
    if answer := next((answer for key, answer in (("mae", "value"), ("micro_f1", "labels")) if key in scored), ""):
        show = f'print(runner({given})["{answer}"]){more}'
    if "transcripts" in scores:
        imports += "\nfrom mmzoo.metrics.decode import beam_ctc, spell"
        told = f'runner({given})["log_probabilities"]'
        show = f"labels, _ = beam_ctc({told})[0]{more}\nprint(spell(labels, runner.labels))"
        if "language_model.json" in card.get("files", {}):
            imports += "\nfrom mmzoo.metrics.language_model import read_language_model"
            show = show.replace(")[0]", ", scorer=language.scorer())[0]")
            show = f'language = read_language_model("{named(card)}/language_model.json")\n{show}'
    if "anomalies" in scores:
        line = next(iter(scores["anomalies"].values()))["threshold"]
        show = f'score = runner({given})["anomaly_score"][0]{more}\nprint(score > {line:.3g})'
        show += "  # the threshold of all inputs together" * bool(more)
    if "retrieval" in scores:
        return search_usage(named(card))
    return (
        f"## Use it\n\n```python\n{imports}\n\n"
        f'runner = Runner("{named(card)}")  # this folder, or one .tflite file\n'
        f"{show}\n```"
    )


def signature(card: dict) -> str:
    """Return a Markdown section with the inputs and outputs of the model, and its labels."""
    rows = []
    for entry in card.get("inputs", []):
        low, high = entry.get("range") or ("", "")
        rows.append([*_tensor("input", entry), entry.get("unit", ""), f"{low} to {high}" if low != "" else ""])
    rows += [[*_tensor("output", entry), entry.get("unit", ""), ""] for entry in card.get("outputs", [])]
    names = card.get("labels", [])
    told = f"the {len(names)} lines of `labels.txt`"
    labels = ", ".join(f"`{label}`" for label in names) if len(names) <= SHOWN_CLASSES else told
    text = "## Inputs and outputs\n\n" + table(["", "name", "shape", "dtype", "unit", "range"], rows)
    scores, what = card.get("scores", {}), "probabilities are"
    if "map50" in scores:
        what = "classes of `heatmap`, in its order, are"
    elif "anomalies" in scores:
        what = "`parts` add up to the score; they are what speaks for each kind that the inputs can tell of"
        labels = ", ".join(f"`{label}`" for label in card["labels"][1:])
        return f"{text}\n\nThe {what} {labels}."
    return text + (f"\n\nThe {what} those of {labels}." if labels else "")


def _tensor(kind: str, entry: dict) -> list[str]:
    shape = ", ".join(str(size) for size in entry["shape"])
    return [kind, f"`{entry['name']}`", f"({shape})", entry["dtype"]]
