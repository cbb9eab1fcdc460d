"""Every artifact of a folder, on the test split, with every subset of the modalities."""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmzoo import BadInputError, recipes
from mmzoo.metrics.classification import SUMMARY, fusion_gain, kind_scores, scores
from mmzoo.metrics.consistency import answer_agreement
from mmzoo.run.card import write_card
from mmzoo.run.evaluate_anomaly import finds_anomalies, record_anomalies
from mmzoo.run.evaluate_boxes import detects, record_boxes
from mmzoo.run.evaluate_labels import label_kind, marks
from mmzoo.run.evaluate_numbers import NUMBERS, measures
from mmzoo.run.evaluate_retrieval import record_retrieval, retrieves
from mmzoo.run.evaluate_subsets import record_files
from mmzoo.run.evaluate_transcripts import record_transcripts, transcribes
from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import CARD, read_card
from mmzoo.run.folder import artifact as find
from mmzoo.run.readme import gain
from mmzoo.run.split import BASELINES, by_pattern, conditions, same_example, split_arrays, test_arrays

MOST_CLASSES = 100  # with more, the card keeps the classes that the split has, and no confusion
ARTIFACTS = {
    "keras": "model.keras",
    "saved_model": "saved_model",
    "float32": "model_float32.tflite",
    "dynamic": "model_dynamic.tflite",
    "int8": "model_int8.tflite",
    "onnx": "model.onnx",
}


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
        print(_subset_table(name, report[name], header=len(report) == 1), flush=True)
    print(_class_table(files[0], next(iter(report[files[0]].values()))["per_class"]))
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


def recipe_of(folder: str | Path, card: dict, data_dir: str = "") -> tuple[Any, Any]:
    """Return the recipe's module and the Config that `card` of `folder` records, with `data_dir` in it if given.

    A recipe that is no name of ours is a file in `folder`, and is run.

    Raises:
        BadInputError: there is no such recipe, or its Config has changed.
    """
    name = str(card["recipe"])
    recipe = recipes.load(str(find(folder, name))) if recipes.is_file(name) else _recipe_named(name)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in card.get("config", {}).items()}
    fields = {field.name for field in dataclasses.fields(recipe.Config)}
    if unknown := sorted(set(values) - fields):
        raise BadInputError(f"card.json: expected a config of {name} as it is now. Received: {', '.join(unknown)}")
    return recipe, recipe.Config(**values | ({"data_dir": data_dir} if data_dir else {}))


def _recipe_named(name: str) -> Any:
    full = f"mmzoo.recipes.{name}"
    try:
        if not name.isidentifier():
            raise ModuleNotFoundError(name=full)
        return importlib.import_module(full)
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
        raise BadInputError(f"card.json: expected a recipe of mmzoo.recipes. Received: {name}") from None


def subset_scores(
    predict: Callable[[Arrays], Arrays],
    inputs: Arrays,
    labels: np.ndarray,
    modalities: Sequence[str],
    names: Sequence[str],
) -> dict[str, dict]:
    """Return `{pattern: scores}` of `predict` for every pattern of `present`; see `scores`.

    `modalities` are in the order of `present`. Without an input `present` there is the full pattern alone.
    """
    return {
        name: scores(predict(given)["probabilities"], labels, names) for name, given in by_pattern(inputs, modalities)
    }


def score_section(report: dict[str, dict[str, dict]], before: dict, n: int) -> dict:
    """Return the card's `scores` from `{file: {pattern: scores}}`, kept from `before` where not scored again.

    Subsets, classes and confusion are those of the Keras model, or of the first artifact where none is known.
    """
    section = {"split": "test", **before}
    section["artifacts"] = dict(before.get("artifacts", {}))
    for file, subsets in report.items():
        full = next(iter(subsets.values()))
        section["artifacts"][file] = {"accuracy": full["accuracy"], "ece": full["ece"], "n": n}
    main = ARTIFACTS["keras"] if ARTIFACTS["keras"] in report else next(iter(report))
    if main == ARTIFACTS["keras"] or "subsets" not in before:
        full = next(iter(report[main].values()))
        section["n"], section["per_class"], section["confusion"] = n, full["per_class"], full["confusion"]
        if len(full["per_class"]) > MOST_CLASSES:
            section["per_class"] = [row for row in section["per_class"] if row["support"]]
            del section["confusion"]
        section["subsets"] = {name: {k: s[k] for k in SUMMARY} for name, s in report[main].items()}
    return section


def by_kind(recipe: Any, config: Any, answers: dict[str, np.ndarray], labels: np.ndarray) -> dict:
    """Return `{"by_kind": ...}` of the test split for the card, see `kind_scores`; nothing where no kinds are told."""
    kinds = recipe.kinds(config) if hasattr(recipe, "kinds") else ()
    return {"by_kind": kind_scores(answers, labels, kinds)} if len(kinds) else {}


def objective_scores(model: Any, objective: dict, inputs: Arrays, targets: np.ndarray, batch_size: int) -> dict:
    """Return the card's `scores` of a model without labels: its loss and metrics on the test split.

    The batch is that of training, for what compares the examples of a batch with one another.
    """
    model.compile(**objective, jit_compile=False)
    whole = max(1, len(targets) // batch_size) * batch_size  # the last would be a smaller, easier batch
    few = {name: inputs[name][:whole] for name in model.input}
    told = model.evaluate(few, targets[:whole], batch_size=batch_size, verbose=0, return_dict=True)
    return {"split": "test", "n": min(whole, len(targets)), "objective": {k: float(v) for k, v in told.items()}}


def compare(
    fused: np.ndarray,
    singles: dict[str, np.ndarray],
    labels: np.ndarray,
    names: Sequence[str],
    groups: np.ndarray | None = None,
) -> dict[str, dict]:
    """Return the card's `baselines`, `average`, `fusion_gain` and `consistency` from probabilities `(N, C)`.

    `singles` are those of the models trained on one modality each; the gain is over the best of them, with
    whole `groups` `(N,)` resampled where examples share a file. How far they agree is told of two or more.
    """
    agreement = answer_agreement(singles) if len(singles) > 1 else {}
    full = {modality: scores(single, labels, names) for modality, single in singles.items()}
    best = max(full, key=lambda modality: full[modality]["accuracy"])
    average = np.mean([np.asarray(single, np.float64) for single in singles.values()], axis=0)
    return {
        "baselines": {modality: {k: s[k] for k in SUMMARY} for modality, s in full.items()},
        "average": {"accuracy": scores(average, labels, names)["accuracy"]},
        "fusion_gain": {"over": best, **fusion_gain(fused, singles[best], labels, groups)},
        **({"consistency": agreement} if agreement else {}),
    }


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
    if not hasattr(recipe, "kinds"):
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


def _subset_table(file: str, subsets: dict[str, dict], header: bool) -> str:
    shown = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece")
    lines = []
    if header:
        head = "".join(f"{name.removeprefix('macro_'):>10}" for name in shown)
        lines.append(f"{'artifact':<22}{'present':<18}{head}")
    for name, s in subsets.items():
        lines.append(f"{file:<22}{name:<18}" + "".join(f"{s[key]:>10.4f}" for key in shown))
    return "\n".join(lines)


def _class_table(file: str, rows: list[dict]) -> str:
    width = max(len("class"), *(len(row["label"]) for row in rows)) + 2
    head = f"\n{file}, everything present\n{'class':<{width}}" + "".join(
        f"{key:>10}" for key in ("precision", "recall", "f1", "support")
    )
    return "\n".join(
        [head]
        + [
            f"{r['label']:<{width}}{r['precision']:>10.4f}{r['recall']:>10.4f}{r['f1']:>10.4f}{r['support']:>10}"
            for r in rows
        ]
    )
