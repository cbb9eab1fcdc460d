"""What a model that tells a number scores: output `value`, in the unit of the target."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from mmzoo.metrics.regression import SUMMARY, error_gain, number_scores
from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import KERAS
from mmzoo.run.readme_numbers import number_gain
from mmzoo.run.record_scores import keep_scores
from mmzoo.run.split import BASELINES, by_pattern, same_example

OUTPUT = "value"

Predict = Callable[[Arrays], Arrays]
Report = dict[str, dict[str, dict]]  # {file: {pattern: scores}}


def measures(outputs: Iterable[str]) -> bool:
    """Tell whether a model of these outputs tells a number."""
    return OUTPUT in set(outputs)


def subset_errors(predict: Predict, inputs: Arrays, truth: np.ndarray) -> dict[str, dict]:
    """Return `{pattern: scores}` of `predict` for every pattern of `present`; see `number_scores`."""
    modalities = [name for name in inputs if name != "present"]
    return {name: number_scores(_values(predict, given), truth) for name, given in by_pattern(inputs, modalities)}


def number_section(report: Report, before: dict, n: int) -> dict:
    """Return the card's `scores` from `{file: {pattern: scores}}`, kept from `before` where not scored again.

    Subsets are those of the Keras model, or of the first artifact where none is known.
    """
    section = {"split": "test", **before}
    full = {file: next(iter(subsets.values())) | {"n": n} for file, subsets in report.items()}
    section["artifacts"] = {**before.get("artifacts", {}), **full}
    main = KERAS if KERAS in report else next(iter(report))
    if main == KERAS or "subsets" not in before:
        section |= {"n": n, "subsets": report[main]}
    return section


def score_numbers(
    folder: str | Path, files: Sequence[str], examples: tuple[Arrays, np.ndarray], few: int, singles: dict[str, Predict]
) -> dict:
    """Return the card's `scores` of a new model, and where there are `singles` what is compared with it.

    Keras is scored with every subset, each of `files` with all that the first `few` examples have; `singles` are the
    models of one modality each, whose answers the folder gets.
    """
    inputs, truth = examples
    predict = predictor(Path(folder) / KERAS)
    section = number_section({KERAS: subset_errors(predict, inputs, truth)}, {}, len(truth))
    some = {name: x[:few] for name, x in inputs.items()}
    for file in files:
        found = number_scores(_values(predictor(Path(folder) / file), some), truth[:few])
        section["artifacts"][file] = {**found, "n": len(truth[:few])}
    if not singles:
        return {"scores": section}
    answers = {name: _values(single, inputs) for name, single in singles.items()}
    np.savez_compressed(Path(folder) / BASELINES, **answers)
    return {"scores": section, **compare_numbers(_values(predict, inputs), answers, truth, same_example(inputs))}


def compare_numbers(
    fused: np.ndarray, singles: dict[str, np.ndarray], truth: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, dict]:
    """Return the card's `baselines`, `average` and `fusion_gain` from answers `(N,)`.

    `singles` are those of the models trained on one modality each; the gain is over the best of them, with whole
    `groups` `(N,)` resampled where examples share a file.
    """
    full = {modality: number_scores(single, truth) for modality, single in singles.items()}
    best = min(full, key=lambda modality: full[modality]["mae"])
    average = np.mean([np.asarray(single, np.float64) for single in singles.values()], axis=0)
    return {
        "baselines": full,
        "average": number_scores(average, truth),
        "fusion_gain": {"over": best, **error_gain(fused, singles[best], truth, groups)},
    }


def record_numbers(
    folder: str | Path, card: dict, files: Sequence[str], examples: tuple[Arrays, np.ndarray], keep: bool
) -> Report:
    """Score `files` on `examples`, print it and, with `keep`, record it in the card; return what was found."""
    inputs, truth = examples
    report, gains = {}, {}
    print(f"{'artifact':<22}{'present':<18}" + "".join(f"{name:>12}" for name in SUMMARY))
    for file in files:
        predict = predictor(Path(folder) / file)
        report[file] = subset_errors(predict, inputs, truth)
        for name, found in report[file].items():
            print(f"{file:<22}{name:<18}" + "".join(f"{found[key]:>12.5g}" for key in SUMMARY), flush=True)
        if gain := _gain(folder, card, _values(predict, inputs), inputs, truth):
            gains[file] = gain
    for file, gain in gains.items():
        print(f"{file:<22}fusion gain: {number_gain(gain)}")
    section = number_section(report, card.get("scores", {}) if keep else {}, len(truth))
    keep_scores(folder, card, section, f"{len(truth)} examples", keep)
    return report


def _gain(folder: str | Path, card: dict, fused: np.ndarray, inputs: Arrays, truth: np.ndarray) -> dict:
    """Return the gain of an artifact over the best single modality, or nothing where its answers are not kept."""
    path, over = Path(folder) / BASELINES, card.get("fusion_gain", {}).get("over")
    if not path.is_file() or not over:
        return {}
    with np.load(path) as kept:
        single = kept[over]
    return {"over": over, **error_gain(fused, single, truth, same_example(inputs))} if len(single) == len(truth) else {}


def _values(predict: Predict, inputs: Arrays) -> np.ndarray:
    """Return the numbers `(N,)` that `predict` tells."""
    return np.asarray(predict(inputs)[OUTPUT], np.float32).reshape(-1)
