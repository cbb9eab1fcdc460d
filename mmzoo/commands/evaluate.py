"""Every artifact of a folder, on the test split, with every subset of the modalities."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo.artifacts.card import recipe_of
from mmzoo.artifacts.folder import ARTIFACTS, CARD, read_card
from mmzoo.artifacts.folder import artifact as find
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays, conditions, split_arrays, test_arrays
from mmzoo.errors import BadInputError
from mmzoo.metrics.classification import fusion_gain
from mmzoo.reports.readme import gain
from mmzoo.reports.write import write_card
from mmzoo.tasks import anomaly, detection
from mmzoo.tasks.anomaly import Examples, anomaly_table, finds_anomalies, score_anomalies
from mmzoo.tasks.classification import by_kind, class_table, score_section, subset_scores, subset_table
from mmzoo.tasks.detection import box_table, detects, score_boxes
from mmzoo.tasks.multilabel import label_kind, marks
from mmzoo.tasks.regression import NUMBERS, measures
from mmzoo.tasks.retrieval import RECALLS, retrieval_table, retrieves, score_retrieval
from mmzoo.tasks.subsets import BASELINES, gain_over, same_example, scores_by_subset, subset_section
from mmzoo.tasks.task import Kind, Report
from mmzoo.tasks.transcription import RATES, transcribes, transcript_scores, transcript_table


def evaluate(folder: str | Path, artifact: str = "all", data_dir: str = "", limit: int = 0) -> dict:
    """Score the artifacts of `folder` on the test split, print the tables and record them in `card.json`.

    Args:
        folder: what `train` wrote.
        artifact: `all`, or one of keras, saved_model, float32, dynamic, int8, onnx.
        data_dir: where the source's files are, if not where the card says.
        limit: at most so many examples, evenly spaced; 0 is all. A limited score is not recorded.

    Returns:
        `{file: {pattern: scores}}`, the patterns as in `present_patterns`; of what does not classify
        `{file: scores}`.

    Raises:
        BadInputError: the folder, the artifact, the recipe or the data cannot be used.
    """
    if limit < 0:
        raise BadInputError(f"limit: expected 0 (all) or more. Received: {limit}")
    card, files = read_card(folder), _chosen(folder, artifact)
    if "labels" not in card or not card.get("inputs"):
        raise BadInputError(f"{folder}/{CARD}: expected inputs and labels. Received: {', '.join(card)}")
    recipe, config = recipe_of(folder, card, data_dir)
    finds, outputs = retrieves(recipe), [entry["name"] for entry in card.get("outputs", ())]
    if not card["labels"] and not finds and not measures(outputs):
        said = "a recipe without labels, which train scores"
        raise BadInputError(f"{folder}/{CARD}: expected inputs and labels. Received: {said}")
    test = test_arrays(recipe, config)
    if transcribes(outputs):
        split = {name: _spaced(*arrays, limit) for name, arrays in conditions(recipe, config, test).items()}
        return record_transcripts(folder, card, files, split, keep=not limit)
    inputs, labels = _spaced(*test, limit)
    if detects(outputs):
        return record_boxes(folder, card, files, (inputs, labels), keep=not limit)
    if finds:
        return record_retrieval(folder, card, files, (inputs, labels), recipe.references(config), keep=not limit)
    if measures(outputs) or marks(outputs):
        kind = NUMBERS if measures(outputs) else label_kind(card["labels"])
        return record_files(kind, folder, card, files, (inputs, labels), keep=not limit)
    if finds_anomalies(outputs):
        normal = split_arrays(recipe, config, "validation")[0]
        return record_anomalies(folder, card, files, (inputs, labels), normal, keep=not limit)
    kinds = partial(_kinds, folder, recipe, config, inputs, labels)
    return _record_classes(folder, card, files, (inputs, labels), None if limit else kinds)


def _record_classes(
    folder: str | Path,
    card: dict,
    files: Sequence[str],
    examples: tuple[Arrays, np.ndarray],
    kinds: Callable[[], dict] | None,
) -> dict[str, dict]:
    """Score `files` of a classifier and print it; return `{file: {pattern: scores}}`.

    With `kinds`, which makes the scores by kind of example, the card gets it all.
    """
    inputs, labels = examples
    modalities = [entry["name"] for entry in card["inputs"] if entry["name"] != "present"]
    report, gains, where = {}, {}, Path(folder) / CARD
    for name in files:
        predict = predictor(Path(folder) / name)
        report[name] = subset_scores(predict, inputs, labels, modalities, card["labels"])
        if found := _gain(folder, card, predict, inputs, labels):
            gains[name] = found
        print(subset_table(name, report[name], header=len(report) == 1), flush=True)
    print(class_table(files[0], next(iter(report[files[0]].values()))["per_class"]))
    for name, found in gains.items():
        print(f"{name:<22}fusion gain {gain({'fusion_gain': found})}")
    if not kinds:
        print(f"\n{len(labels)} examples (--limit): not recorded in {where}")
        return report
    card["scores"] = score_section(report, card.get("scores", {}), len(labels))
    if ARTIFACTS["keras"] in files:
        card["scores"] |= kinds()
    write_card(folder, card)
    print(f"\n{len(labels)} examples: recorded in {where} and README.md")
    return report


def _gain(folder: str | Path, card: dict, predict: Callable, inputs: Arrays, labels: np.ndarray) -> dict:
    """Return the gain of an artifact over the best single modality, or nothing where its answers are not kept."""
    over = card.get("fusion_gain", {}).get("over")
    single = _alone(folder, len(labels)).get(over)
    if single is None:
        return {}
    fused, groups = predict(inputs)["probabilities"], same_example(inputs)
    return {"over": over, **fusion_gain(fused, np.eye(len(card["labels"]))[single], labels, groups)}


def _kinds(folder: str | Path, recipe: Any, config: Any, inputs: Arrays, labels: np.ndarray) -> dict:
    """Return `by_kind` of the Keras model, and of the models of one modality whose answers are kept."""
    if recipe.kinds is None:
        return {}
    fused = predictor(Path(folder) / ARTIFACTS["keras"])(inputs)["probabilities"].argmax(axis=1)
    return by_kind(recipe, config, {"fused": fused, **_alone(folder, len(labels))}, labels)


def _alone(folder: str | Path, count: int) -> dict[str, np.ndarray]:
    """Return the classes that each single-modality model gave `count` test examples; nothing where not kept."""
    path = Path(folder) / BASELINES
    if not path.is_file():
        return {}
    with np.load(path) as kept:
        return {name: kept[name] for name in kept.files if len(kept[name]) == count}


def _chosen(folder: str | Path, artifact: str) -> list[str]:
    if artifact == "all":
        if there := [name for name in ARTIFACTS.values() if (Path(folder) / name).exists()]:
            return there
        raise BadInputError(f"{folder}: expected one of {', '.join(ARTIFACTS.values())}. Received: none of them")
    if artifact not in ARTIFACTS:
        raise BadInputError(f"artifact: expected all, {', '.join(ARTIFACTS)}. Received: {artifact}")
    find(folder, ARTIFACTS[artifact])
    return [ARTIFACTS[artifact]]


def _spaced(inputs: Arrays, labels: np.ndarray, limit: int) -> tuple[Arrays, np.ndarray]:
    if not limit or limit >= len(labels):
        return inputs, labels
    some = np.linspace(0, len(labels) - 1, limit).astype(int)
    return {name: array[some] for name, array in inputs.items()}, labels[some]


def record_transcripts(
    folder: str | Path, card: dict, files: Sequence[str], split: dict[str, tuple[Arrays, np.ndarray]], keep: bool
) -> dict[str, dict]:
    """Score `files` on `split`, print it and, with `keep`, record it in the card; return `{file: scores}`."""
    folder = Path(folder)
    scores = transcript_scores(folder, files, split, card["labels"], before=card.get("scores", {}) if keep else None)
    print_artifacts(files, scores, RATES, transcript_table(scores))
    keep_scores(folder, card, scores, f"{scores['n']} sentences", keep)
    return {file: scores["artifacts"][file] for file in files}


def record_anomalies(
    folder: str | Path, card: dict, files: Sequence[str], test: Examples, normal: Arrays, keep: bool
) -> dict[str, dict]:
    """Score `files` on the examples, print it and, with `keep`, record it in the card; return `{file: scores}`."""
    scores = score_anomalies(folder, files, test, normal, card["labels"], card.get("scores", {}) if keep else None)
    print_artifacts(files, scores, anomaly.SUMMARY, anomaly_table(scores))
    keep_scores(folder, card, scores, f"{len(test[1])} examples", keep)
    return {file: scores["artifacts"][file] for file in files}


def record_boxes(
    folder: str | Path, card: dict, files: Sequence[str], examples: tuple[Arrays, np.ndarray], keep: bool
) -> dict[str, dict]:
    """Score `files` on `examples`, print it and, with `keep`, record it in the card; return `{file: scores}`."""
    inputs, objects = examples
    scores = score_boxes(folder, files, inputs, objects, card["labels"], card.get("scores", {}) if keep else None)
    print_artifacts(files, scores, detection.SUMMARY, box_table(scores))
    keep_scores(folder, card, scores, f"{len(objects)} pictures", keep)
    return {file: scores["artifacts"][file] for file in files}


def record_retrieval(
    folder: str | Path,
    card: dict,
    files: Sequence[str],
    examples: tuple[Arrays, np.ndarray],
    similarities: dict[str, np.ndarray],
    keep: bool,
) -> dict[str, dict]:
    """Score `files` on `examples`, print it and, with `keep`, record it in the card; return `{file: scores}`.

    Of a few of the examples, without `keep`, no references are scored: the gallery is another.
    """
    scores = score_retrieval(
        folder, files, examples, similarities if keep else {}, card.get("scores", {}) if keep else None
    )
    print_artifacts(files, scores, RECALLS, retrieval_table(scores))
    keep_scores(folder, card, scores, f"{len(examples[1])} pairs", keep)
    return {file: scores["artifacts"][file] for file in files}


def record_files(
    kind: Kind,
    folder: str | Path,
    card: dict,
    files: Sequence[str],
    examples: tuple[Arrays, np.ndarray],
    keep: bool,
) -> Report:
    """Score `files` on `examples`, print it and, with `keep`, record it in the card; return what was found."""
    inputs, truth = examples
    report, gains = {}, {}
    print(f"{'artifact':<22}{'present':<18}" + "".join(f"{name:>12}" for name in kind.keys))
    for file in files:
        predict = predictor(Path(folder) / file)
        report[file] = scores_by_subset(kind, predict, inputs, truth)
        for name, found in report[file].items():
            print(f"{file:<22}{name:<18}" + "".join(f"{found[key]:>12.5g}" for key in kind.keys), flush=True)
        if gain := gain_over(kind, folder, card, kind.answers(predict, inputs), examples):
            gains[file] = gain
    for file, gain in gains.items():
        print(f"{file:<22}fusion gain: {kind.told_gain(gain)}")
    section = subset_section(kind, report, card.get("scores", {}) if keep else {}, len(truth))
    keep_scores(folder, card, section, f"{len(truth)} examples", keep)
    return report


def print_artifacts(files: Sequence[str], scores: dict, keys: Sequence[str], table: str) -> None:
    """Print `keys` of each of `files` in the card's `scores`, a line each, and then `table`."""
    for file in files:
        print(f"{file:<22}" + "  ".join(f"{key} {scores['artifacts'][file][key]:.4f}" for key in keys))
    print(f"\n{table}")


def keep_scores(folder: str | Path, card: dict, scores: dict, counted: str, keep: bool) -> None:
    """Record `scores` in the card with `keep`, and say so; `counted` is of what they are, as "20 pictures"."""
    if keep:
        write_card(folder, {**card, "scores": scores})
    where = Path(folder) / CARD
    said = f"recorded in {where} and README.md" if keep else f"(--limit): not recorded in {where}"
    print(f"\n{counted}: {said}")
