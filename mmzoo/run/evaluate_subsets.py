"""What a model that is not of classes scores with every subset of its modalities, and gains by joining them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.run.execute import Arrays, predictor
from mmzoo.run.folder import KERAS
from mmzoo.run.record_scores import keep_scores
from mmzoo.run.split import BASELINES, by_pattern, same_example

Predict = Callable[[Arrays], Arrays]
Report = dict[str, dict[str, dict]]  # {file: {pattern: scores}}


@dataclass(frozen=True)
class Kind:
    """How the answers of a kind of model are scored.

    `scores(answers, truth)` has `keys`, of which `best` tells models apart, more being better where `sign` is 1, and
    what else the card keeps of the full model, `kept`. `gain(fused, single, truth, groups)` compares two, and
    `told_gain` says it.
    """

    output: str
    keys: tuple[str, ...]
    best: str
    sign: int
    scores: Callable[[np.ndarray, np.ndarray], dict]
    gain: Callable[..., dict]
    told_gain: Callable[[dict], str]
    kept: tuple[str, ...] = ()

    def answers(self, predict: Predict, inputs: Arrays) -> np.ndarray:
        """Return what `predict` answers, `(N, K)`."""
        return np.asarray(predict(inputs)[self.output], np.float32)

    def summary(self, found: dict) -> dict:
        """Return those of the scores that were `found` that are told of every model."""
        return {key: found[key] for key in self.keys}


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
    section = _section(kind, {KERAS: _by_subset(kind, predict, inputs, truth)}, {}, len(truth))
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
        report[file] = _by_subset(kind, predict, inputs, truth)
        for name, found in report[file].items():
            print(f"{file:<22}{name:<18}" + "".join(f"{found[key]:>12.5g}" for key in kind.keys), flush=True)
        if gain := _gain(kind, folder, card, kind.answers(predict, inputs), examples):
            gains[file] = gain
    for file, gain in gains.items():
        print(f"{file:<22}fusion gain: {kind.told_gain(gain)}")
    section = _section(kind, report, card.get("scores", {}) if keep else {}, len(truth))
    keep_scores(folder, card, section, f"{len(truth)} examples", keep)
    return report


def _by_subset(kind: Kind, predict: Predict, inputs: Arrays, truth: np.ndarray) -> dict[str, dict]:
    """Return `{pattern: scores}` of `predict` for every pattern of `present`."""
    modalities = [name for name in inputs if name != "present"]
    given = by_pattern(inputs, modalities)
    return {name: kind.scores(kind.answers(predict, x), truth) for name, x in given}


def _section(kind: Kind, report: Report, before: dict, n: int) -> dict:
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


def _gain(kind: Kind, folder: str | Path, card: dict, fused: np.ndarray, examples: tuple[Arrays, np.ndarray]) -> dict:
    """Return the gain of an artifact over the best single modality, or nothing where its answers are not kept."""
    (inputs, truth), path, over = examples, Path(folder) / BASELINES, card.get("fusion_gain", {}).get("over")
    if not path.is_file() or not over:
        return {}
    with np.load(path) as kept:
        single = kept[over]
    if len(single) != len(truth):
        return {}
    return {"over": over, **kind.gain(fused, single, truth, same_example(inputs))}
