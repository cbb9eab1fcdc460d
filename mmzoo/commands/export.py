"""The command `export`: write the artifacts of a folder again from its `model.keras`."""

from dataclasses import replace
from pathlib import Path

from mmzoo.artifacts.card import Card
from mmzoo.artifacts.folder import CARD, copied_folder, sha256
from mmzoo.artifacts.golden import GOLDEN, golden_examples, read_golden
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.data.arrays import test_arrays
from mmzoo.export.convert import has_onnx
from mmzoo.export.writer import calibration_examples, export
from mmzoo.reports.write import open_to_write, write_card
from mmzoo.training.resume import exclusive_run


def export_folder(folder: str | Path | ModelFolder, data_dir: str = "") -> Card:
    """Write the artifacts again, and record them in the card.

    Scores and verdicts of files that change are dropped; `evaluate` and `verify` record new ones.

    Args:
        folder: a folder that `train` wrote; one that `fit` wrote is opened by `mmzoo.automl.recipe.open_folder`.
        data_dir: folder of the source's files, where not the one of the card.

    Returns:
        The new card.

    Raises:
        BadInputError: the folder, the recipe or the data cannot be used.
    """
    opened = open_to_write(folder)
    with exclusive_run(opened.path.absolute()):
        return _export(opened, data_dir)


def _export(opened: ModelFolder, data_dir: str) -> Card:
    experiment = opened.experiment(data_dir)  # first: its code may have layers of the model
    model = opened.keras()
    found = read_golden(opened.path) if (opened.path / GOLDEN).exists() else None
    golden = (found.inputs, found.labels) if found else golden_examples(*test_arrays(experiment))
    before = _hashes(opened.path)
    calibration = calibration_examples(experiment.dataset("train"), model.input)
    with copied_folder(opened.path) as folder:
        card = export(model, folder, experiment.export(), calibration, golden, opened.card)
        changed = {name for name, value in _hashes(folder).items() if before.get(name) != value}
        if changed:
            scores = {name: one for name, one in card.scores.artifacts.items() if name not in changed}
            card = replace(card, verification=None, scores=replace(card.scores, artifacts=scores))
        write_card(folder, card)
    for name, entry in card.files.items():
        print(f"{opened.path / name}  {entry.bytes:,} bytes")
    if not has_onnx():
        print("model.onnx: not written; onnx is not installed: pip install 'mmzoo[onnx]'")
    print(f"recorded in {opened.path / CARD}")
    return card


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.glob("*.tflite")}
