"""The parts of a card's README that tell the scores of what does not classify, and the tables it is made of."""

from collections.abc import Iterable, Sequence

RATES = ("wer", "cer", "exact")  # of transcripts
RECALLS = ("recall@1", "recall@5", "recall@10")  # of what is found
WAYS = {"text_to_image": "pictures found by words", "image_to_text": "words found by pictures"}


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; a column whose cells are all empty is left out."""
    rows = [["" if cell is None else str(cell).replace("|", "\\|") for cell in row] for row in rows]
    kept = [i for i in range(len(head)) if not rows or any(row[i] for row in rows)]
    lines = [[head[i] for i in kept], ["---"] * len(kept), *([row[i] for i in kept] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def gain_of(card: dict) -> str:
    """Return of what a fusion gain is told: of the model in the folder, or of one of all inputs that it is not."""
    return "Fusion gain of a model of all inputs, which is not in this folder" if "fused" in card else "Fusion gain"


def percent(value: float | None) -> str:
    """Return a share in [0, 1] as percent with two decimals, "" for None."""
    return "" if value is None else f"{100 * value:.2f} %"


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


def boxes(scores: dict) -> str:
    """Return the average precisions of a detector, and its table of classes."""
    keys = ("ap50", "ap50_95", "precision", "recall", "f1")
    rows = [[r["label"], *(percent(r[k]) for k in keys), r["support"]] for r in scores["per_class"]]
    text = (
        f"## Score on the {scores['split']} split, {scores['n']:,} pictures\n\n"
        f"Mean average precision of the classes at an IoU of 0.5: {percent(scores['map50'])}; of 0.5 to 0.95: "
        f"{percent(scores['map50_95'])}, as COCO defines it. Precision, recall and F1 are of the boxes scored "
        f"{scores['threshold']} or more, at an IoU of 0.5.\n\n"
    )
    return text + table(["class", "AP50", "AP50-95", "precision", "recall", "F1", "boxes"], rows)


def transcripts(scores: dict) -> str:
    """Return the error rates of a recognizer by condition and by what is present."""
    head = ["condition", "present", "WER, %", "CER, %", "exact, %", "WER with the language model, %"]
    head += ["WER of a model of it alone, %", "that with the language model, %"]
    rows = transcript_rows(scores)
    language = (
        " The language model beside the model, `language_model.json`, counts 5-grams of the characters of the training "
        "transcripts alone; the beam search adds it where the table says so (shallow fusion)."
        if any(row[5] for row in rows)
        else ""
    )
    return (
        f"## Score on the {scores['split']} split, {scores['n']:,} sentences\n\n"
        "Word and character error rates, and the share of sentences without an error, by a beam search without a "
        f"language model.{language}\n\n{table(head, rows)}"
    )


def transcript_rows(scores: dict) -> list[list[str]]:
    """Return rows of condition, what is present, WER, CER, exact, and the WER with a language model, in percent.

    At the end is the WER of a model of it alone, without and with a language model. What there is not is "".
    """
    rows, language = [], "wer_with_language_model"
    for condition, subsets in scores["transcripts"].items():
        for name, found in subsets.items():
            alone = scores.get("alone", {}).get(condition, {}).get(name, {})
            told = [*(found[key] for key in RATES), found.get(language), alone.get("wer"), alone.get(language)]
            rows.append([condition, name, *("" if rate is None else f"{100 * rate:.2f}" for rate in told)])
    return rows


def kinds(by_kind: dict[str, dict]) -> str:
    """Return the accuracies of a classifier, and of the models of one modality, by kind of example."""
    names = [name for name in next(iter(by_kind.values())) if name != "n"]
    head = ["kind", "examples", *("accuracy" if name == "fused" else f"of {name} alone" for name in names)]
    return table(head, [[kind, f"{s['n']:,}", *(percent(s[name]) for name in names)] for kind, s in by_kind.items()])


def retrieval(scores: dict) -> str:
    """Return the recalls of a model whose pictures and texts find each other, beside those of other searches."""
    head, rows = ["", *(f"{said}, {key}" for said in WAYS.values() for key in RECALLS)], []
    for name, found in {"this model": scores["retrieval"], **scores.get("references", {})}.items():
        rows.append([name, *(percent(found[way][key]) for way in WAYS for key in RECALLS)])
    median = ", ".join(f"{scores['retrieval'][way]['median_rank']:g} of {said}" for way, said in WAYS.items())
    return (
        f"## Score on the {scores['split']} split, {scores['n']:,} pairs\n\n"
        "The share of the queries of which a right answer is among the first 1, 5 or 10 of the split, of which nothing "
        f"was seen in training. Median rank of the first right answer: {median}.\n\n{table(head, rows)}"
    )


def anomalies(scores: dict) -> str:
    """Return how well a score tells the odd examples from the normal ones, by what is present and by kind."""
    first = next(iter(scores["anomalies"].values()))
    counted = ", ".join(f"{kind['n']:,} {name}" for name, kind in first["kinds"].items())
    thresholds = ", ".join(f"{found['threshold']:.3g} of {name}" for name, found in scores["anomalies"].items())
    head, rows = anomaly_rows(scores)
    return (
        f"## Score on the {scores['split']} split, {scores['normal']:,} normal examples and {counted}\n\n"
        "The area under the ROC curve (AUC), 0.5 by chance, and the average precision, "
        f"{first['odd']:.2f} by chance. What is above a threshold counts as detected, or as a false alarm; 5 % of the "
        f"normal validation examples are: {thresholds}. Nothing odd was used to train, nor to choose a threshold."
        f"\n\n{table(head, rows)}"
    )


def anomaly_rows(scores: dict) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table of the subsets of the modalities; the last column is of single models."""
    first = next(iter(scores["anomalies"].values()))
    head = ["present", "AUC", "average precision", "detected", "false alarms"]
    head += [f"{what} of {name}" for name in first["kinds"] for what in ("AUC", "detected")]
    rows = []
    for name, found in scores["anomalies"].items():
        row = [name, f"{found['auc']:.3f}", f"{found['average_precision']:.3f}"]
        row += [percent(found["detected"]), percent(found["false_alarms"])]
        for kind in found["kinds"].values():
            row += [f"{kind['auc']:.3f}", percent(kind["detected"])]
        alone = scores.get("alone", {}).get(name)
        rows.append([*row, f"{alone['auc']:.3f}" if alone else ""])
    return [*head, "AUC of a model of it alone"], rows


def objective(scores: dict) -> str:
    """Return the objective of a model without labels, and how well it makes its modalities again if it does."""
    rows = [[name, f"{value:.4f}"] for name, value in scores["objective"].items()]
    parts = [f"## Objective on the {scores['split']} split, {scores['n']:,} examples", table(["", ""], rows)]
    if "reconstruction" in scores:
        parts.append(
            "Mean squared error of what is made of each modality; what is not present is made from the rest. The last "
            "rows are those of telling the same of every example."
        )
        parts.append(table(*reconstruction_rows(scores)))
    return "\n\n".join(parts)


def reconstruction_rows(scores: dict) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of a table of the errors by what is present."""
    errors = scores["reconstruction"]
    head = ["present", *(f"error of {name}" for name in next(iter(errors.values())))]
    return head, [[name, *(f"{error:.4f}" for error in found.values())] for name, found in errors.items()]
