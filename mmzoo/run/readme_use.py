"""The part of a card's README that shows how the model is used."""


def how_to_use(card: dict) -> str:
    """Return a Markdown section with the lines that a user would type."""
    scores = card.get("scores", {})
    if "objective" in scores:
        return (
            "## Use it\n\nIts encoders start another recipe that has encoders of the same names:\n\n```sh\n"
            f"mmzoo train RECIPE --init-from {card['recipe']}/model.keras\n```"
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
    return (
        f"## Use it\n\n```python\n{imports}\n\n"
        f'runner = Runner("{card["recipe"]}")  # this folder, or one .tflite file\n'
        f"{show}\n```"
    )
