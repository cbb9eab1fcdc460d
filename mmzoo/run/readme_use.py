"""The parts of a card's README that show what a model takes and answers, and how it is used."""

from mmzoo.run.readme_scores import table

SHOWN_CLASSES = 100  # of more the most frequent are shown, and the labels are left to their file


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
        return _search(named(card))
    return (
        f"## Use it\n\n```python\n{imports}\n\n"
        f'runner = Runner("{named(card)}")  # this folder, or one .tflite file\n'
        f"{show}\n```"
    )


def _search(folder: str) -> str:
    """Return the lines that fill an index and search it."""
    return (
        "## Use it\n\n```python\nfrom pathlib import Path\n\nimport numpy as np\n\n"
        "from mmzoo.device import Runner\nfrom mmzoo.device.index import Index, find\n\n"
        f'runner = Runner("{folder}")  # this folder, or one .tflite file\n'
        'files = sorted(str(path) for path in Path("pictures").glob("*.png"))\n'
        'index = Index(np.stack([runner(image=file)["image_embedding"] for file in files]), files)\n'
        'print(find(runner, index, text="shopping cart", k=5))  # or image="cart.png"\n'
        "print(index.more_like(files[0], k=5))\n"
        'index.save("pictures.index")  # Index.load reads it\n```'
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
