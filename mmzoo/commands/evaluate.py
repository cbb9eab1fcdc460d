"""The command `evaluate`: score every artifact of a folder on the test split."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmzoo import tasks
from mmzoo.artifacts.card import Card, Scores
from mmzoo.artifacts.folder import BASELINES, CARD, KERAS, LANGUAGE
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.data.arrays import test_arrays
from mmzoo.device.archive import read_npz
from mmzoo.errors import BadInputError
from mmzoo.metrics.language_model import read_language_model
from mmzoo.reports.write import open_to_write, write_card
from mmzoo.tasks.task import Examples, Predict, Task


def evaluate(
    folder: str | Path | ModelFolder, artifact: str = "all", data_dir: str = "", limit: int = 0
) -> dict[str, dict]:
    """Score artifacts on the test split, print the tables, and record them in `card.json`.

    Args:
        folder: a folder that `train` wrote; one that `fit` wrote is opened by `mmzoo.automl.recipe.open_folder`.
        artifact: `all`, or one of keras, saved_model, float32, dynamic, int8, onnx.
        data_dir: folder of the source's files, where not the one of the card.
        limit: maximum number of examples, evenly spaced; 0 for all. Limited scores are not recorded.

    Returns:
        `{file: {subset: metrics}}` with subsets as in `present_patterns`, or `{file: metrics}` for tasks whose files
        are scored with all modalities only.

    Raises:
        BadInputError: the folder, the artifact, the recipe or the data cannot be used.
    """
    if limit < 0:
        raise BadInputError(f"`limit` must be 0 (all) or more, got {limit}")
    opened = open_to_write(folder)
    files, task = opened.chosen(artifact), tasks.load(opened.card.task)
    if task.quick is None:
        raise BadInputError(f"{opened.path}: a model of the task {task.name} is scored by `mmzoo train` only")
    examples = _examples(opened, data_dir, limit)
    report, rows, gains = {}, {}, {}
    print(task.header, end="\n" if task.header else "")
    for file in files:
        predict = opened.predictor(file)
        if task.score_all or not report:
            report[file] = task.score(predict, examples)
        rows[file] = (task.row(report[file]) if file in report else task.quick(predict, examples)) | {
            "n": len(examples)
        }
        print("\n".join(task.lines(file, report.get(file), rows[file])), flush=True)
        if gain := _gain(task, predict, opened.card, examples):
            gains[file] = gain
    if shown := task.table(report[files[0]]):
        print(shown)
    for file, gain in gains.items():
        print(f"{file:<22}fusion gain: {task.show_gain(gain)}")
    _record(opened, _merged(opened.card.scores, report, rows), examples)
    return {file: report[file].subsets if task.score_all else rows[file] for file in files}


def _examples(folder: ModelFolder, data_dir: str, limit: int) -> Examples:
    """Return the examples of the test split that are asked for, with stored predictions of unimodal baselines."""
    experiment = folder.experiment(data_dir)
    examples = Examples(*test_arrays(experiment), folder.card.labels, experiment, limit=limit).spaced()
    language, stored = folder.path / LANGUAGE, folder.path / BASELINES
    if language.is_file():
        examples = replace(examples, language=read_language_model(language))
    if not stored.is_file():
        return examples
    try:
        arrays = read_npz(stored)
    except ValueError as error:
        raise BadInputError(f"{error} (predictions of unimodal baselines)") from None
    unimodal = {name: x for name, x in arrays.items() if x.shape[:1] == (len(examples),) and x.dtype.kind in "biuf"}
    return replace(examples, unimodal=unimodal)


def _gain(task: Task, predict: Predict, card: Card, examples: Examples) -> dict[str, Any]:
    """Return the gain over the best unimodal baseline; nothing where its predictions are not stored."""
    over = card.baselines.fusion_gain.get("over")
    if task.gain is None or over not in examples.unimodal:
        return {}
    return {"over": over, **task.gain(predict, examples.unimodal[over], examples)}


def _merged(before: Scores, report: Mapping[str, Scores], rows: Mapping[str, dict]) -> Scores:
    """Return `before` with the new scores; subsets and details come from `model.keras` where it is scored."""
    main = KERAS if KERAS in report else next(iter(report))
    artifacts = {**before.artifacts, **rows}
    if main != KERAS and (before.subsets or before.details):
        return replace(before, artifacts=artifacts)
    found = report[main]
    details = {**before.details, **found.details}
    return replace(before, n=found.n, artifacts=artifacts, subsets=found.subsets, details=details)


def _record(folder: ModelFolder, scores: Scores, examples: Examples) -> None:
    where = folder.path / CARD
    if examples.limit:
        print(f"\n{len(examples):,} examples (limit): not recorded in {where}")
        return
    write_card(folder.path, replace(folder.card, scores=scores))
    print(f"\n{len(examples):,} examples: recorded in {where} and README.md")
