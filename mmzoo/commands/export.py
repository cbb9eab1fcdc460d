"""The command `export`: write the artifacts of a folder again from its `model.keras`."""

from pathlib import Path

from mmzoo.artifacts.card import recipe_of
from mmzoo.artifacts.folder import CARD, load_keras, read_card, sha256
from mmzoo.artifacts.golden import GOLDEN, golden_examples, read_golden
from mmzoo.data.arrays import test_arrays
from mmzoo.export.convert import has_onnx
from mmzoo.export.writer import calibration_examples, export
from mmzoo.reports.write import write_card


def export_folder(folder: str | Path, data_dir: str = "") -> dict[str, dict]:
    """Write the artifacts of `folder` again from its `model.keras`, and record them in its card.

    Verdicts on files that have changed, and their scores, are taken out of the card; `verify` and `evaluate` find
    them again.

    Args:
        folder: what `train` wrote.
        data_dir: where the source's files are, if not where the card says.

    Returns:
        `{"files": ..., "operators": ...}` as in the card.

    Raises:
        BadInputError: the folder, the recipe or the data cannot be used.
    """
    card = read_card(folder)
    model, (recipe, config) = load_keras(folder), recipe_of(folder, card, data_dir)
    kept = (Path(folder) / GOLDEN).exists()
    found = read_golden(folder) if kept else None
    golden = (found.inputs, found.labels) if found else golden_examples(*test_arrays(recipe, config))
    before = _verified_files(folder)
    calibration = calibration_examples(recipe.dataset("train", config), model.input)
    written = export(model, folder, recipe.export(config), calibration, golden, card)
    if before != _verified_files(folder):
        card["verify"] = {}
        changed = {name for name, value in _verified_files(folder).items() if before.get(name) != value}
        scored = card.get("scores", {}).get("artifacts", {})
        for name in changed & set(scored):
            del scored[name]
    write_card(folder, {**card, **written})
    for name, entry in written["files"].items():
        print(f"{Path(folder) / name}  {entry['bytes']:,} bytes")
    if not has_onnx():
        print("model.onnx: not written; it needs pip install 'mmzoo[onnx]'")
    print(f"recorded in {Path(folder) / CARD}")
    return written


def _verified_files(folder: str | Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in Path(folder).glob("*.tflite")}
