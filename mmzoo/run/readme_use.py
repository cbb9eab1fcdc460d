"""The part of a card's README that shows how the model is used."""


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
    if any("mae" in one for one in scores.get("artifacts", {}).values()):
        show = f'print(runner({given})["value"]){more}'
    if "transcripts" in scores:
        imports += "\nfrom mmzoo.metrics.decode import beam_ctc, spell"
        show = (
            f'labels, _ = beam_ctc(runner({given})["log_probabilities"])[0]{more}\nprint(spell(labels, runner.labels))'
        )
    if "anomalies" in scores:
        line = next(iter(scores["anomalies"].values()))["threshold"]
        show = f'print(runner({given})["anomaly_score"][0] > {line:.3g}){more}: the threshold is another'
        show = show if more else show.removesuffix(": the threshold is another")
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
