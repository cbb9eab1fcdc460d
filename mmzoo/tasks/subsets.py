"""What a model that is not of classes scores with every subset of its modalities, and gains by joining them."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmzoo.artifacts.folder import KERAS
from mmzoo.artifacts.runtimes import predictor
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import by_pattern, present_patterns
from mmzoo.tasks.task import Kind, Predict, Report

BASELINES = "baselines.npz"  # what each single-modality model answers to each test example
ARTIFACT_EXAMPLES = 10_000  # scored at most of each artifact; the subsets are scored on all, by Keras


def score_files(
    kind: Kind,
    folder: str | Path,
    files: Sequence[str],
    examples: tuple[Arrays, np.ndarray],
    few: int,
    singles: dict[str, Predict],
) -> dict:
    """Return the card's `scores` of a new model, and where there are `singles` what is compared with it.

    Keras is scored with every subset, each of `files` with all that the first `few` examples have; `singles` are the
    models of one modality each, whose answers the folder gets.
    """
    inputs, truth = examples
    predict = predictor(Path(folder) / KERAS)
    section = subset_section(kind, {KERAS: scores_by_subset(kind, predict, inputs, truth)}, {}, len(truth))
    some = {name: x[:few] for name, x in inputs.items()}
    for file in files:
        found = kind.scores(kind.answers(predictor(Path(folder) / file), some), truth[:few])
        section["artifacts"][file] = {**kind.summary(found), "n": len(truth[:few])}
    if not singles:
        return {"scores": section}
    answers = {name: kind.answers(single, inputs) for name, single in singles.items()}
    np.savez_compressed(Path(folder) / BASELINES, **answers)
    return {"scores": section, **compare(kind, kind.answers(predict, inputs), answers, truth, same_example(inputs))}


def compare(
    kind: Kind,
    fused: np.ndarray,
    singles: dict[str, np.ndarray],
    truth: np.ndarray,
    groups: np.ndarray | None = None,
) -> dict[str, dict]:
    """Return the card's `baselines`, `average` and `fusion_gain` from answers `(N, K)`.

    `singles` are those of the models trained on one modality each; the gain is over the best of them, with whole
    `groups` `(N,)` resampled where examples share a file.
    """
    full = {modality: kind.summary(kind.scores(single, truth)) for modality, single in singles.items()}
    best = max(full, key=lambda modality: kind.sign * full[modality][kind.best])
    average = np.mean([np.asarray(single, np.float64) for single in singles.values()], axis=0)
    return {
        "baselines": full,
        "average": kind.summary(kind.scores(average, truth)),
        "fusion_gain": {"over": best, **kind.gain(fused, singles[best], truth, groups)},
    }


def scores_by_subset(kind: Kind, predict: Predict, inputs: Arrays, truth: np.ndarray) -> dict[str, dict]:
    """Return `{pattern: scores}` of `predict` for every pattern of `present`."""
    modalities = [name for name in inputs if name != "present"]
    given = by_pattern(inputs, modalities)
    return {name: kind.scores(kind.answers(predict, x), truth) for name, x in given}


def subset_section(kind: Kind, report: Report, before: dict, n: int) -> dict:
    """Return the card's `scores` from `{file: {pattern: scores}}`, kept from `before` where not scored again.

    Subsets are those of the Keras model, or of the first artifact where none is known.
    """
    section = {"split": "test", **before}
    full = {file: next(iter(subsets.values())) for file, subsets in report.items()}
    artifacts = {file: {**kind.summary(found), "n": n} for file, found in full.items()}
    section["artifacts"] = {**before.get("artifacts", {}), **artifacts}
    main = KERAS if KERAS in report else next(iter(report))
    if main == KERAS or "subsets" not in before:
        section |= {"n": n, "subsets": {name: kind.summary(found) for name, found in report[main].items()}}
        section |= {key: full[main][key] for key in kind.kept}
    return section


def gain_over(
    kind: Kind, folder: str | Path, card: dict, fused: np.ndarray, examples: tuple[Arrays, np.ndarray]
) -> dict:
    """Return the gain of an artifact over the best single modality, or nothing where its answers are not kept."""
    (inputs, truth), path, over = examples, Path(folder) / BASELINES, card.get("fusion_gain", {}).get("over")
    if not path.is_file() or not over:
        return {}
    with np.load(path) as kept:
        single = kept[over]
    if len(single) != len(truth):
        return {}
    return {"over": over, **kind.gain(fused, single, truth, same_example(inputs))}


def shapley(values: Mapping[str, float], modalities: Sequence[str]) -> dict[str, float]:
    """Return `{modality: share}` of what `values` gain from nothing to all: the mean gain over all orders of arrival.

    `values` are by subset, named as in `present_patterns`; the shares add up to that of all less that of none. There
    are none where a subset is missing.

    Source: Shapley, A Value for n-Person Games (1953), equation 13.
    """
    names = {pattern: name for name, pattern in present_patterns(modalities).items()}
    if not modalities or not set(names.values()) <= set(values):
        return {}
    found = dict.fromkeys(modalities, 0.0)
    for i, modality in enumerate(modalities):
        for pattern, name in names.items():
            if not pattern[i]:
                joined = names[(*pattern[:i], 1, *pattern[i + 1 :])]
                orders = len(modalities) * math.comb(len(modalities) - 1, sum(pattern))
                found[modality] += (values[joined] - values[name]) / orders
    return found


def same_example(inputs: Arrays) -> np.ndarray:
    """Return for each example the number of its group: those of the same content of the first of `inputs`.

    One that lacks it is a group of its own.
    """
    array = next(iter(inputs.values()))
    rows = np.ascontiguousarray(array.reshape(len(array), -1))
    rows = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    groups = np.unique(rows, return_inverse=True)[1].ravel()
    missing = np.flatnonzero(inputs["present"][:, 0] == 0) if "present" in inputs else np.array([], int)
    groups[missing] = len(groups) + missing
    return groups


def with_parameters(found: dict, baselines: dict) -> dict:
    """Return what was `found`, with the parameters of each of `baselines`."""
    for name, (model, _) in baselines.items():
        found["baselines"][name]["parameters"] = model.count_params()
    return found
