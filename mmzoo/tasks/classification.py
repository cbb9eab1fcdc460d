"""Classification: one class per example."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.folder import ARTIFACTS, KERAS, artifacts_in
from mmzoo.artifacts.runtimes import batch_size, predictor
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import by_pattern, modalities_of
from mmzoo.metrics.classification import SUMMARY, fusion_gain, kind_scores, scores
from mmzoo.metrics.consistency import answer_agreement
from mmzoo.tasks.format import percent, table
from mmzoo.tasks.subsets import ARTIFACT_EXAMPLES, BASELINES, same_example

MOST_CLASSES = 100  # with more, the card keeps the classes that the split has, and no confusion


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
    kinds = recipe.kinds(config) if recipe.kinds is not None else ()
    return {"by_kind": kind_scores(answers, labels, kinds)} if len(kinds) else {}


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


def subset_table(file: str, subsets: dict[str, dict], header: bool) -> str:
    shown = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece")
    lines = []
    if header:
        head = "".join(f"{name.removeprefix('macro_'):>10}" for name in shown)
        lines.append(f"{'artifact':<22}{'present':<18}{head}")
    for name, s in subsets.items():
        lines.append(f"{file:<22}{name:<18}" + "".join(f"{s[key]:>10.4f}" for key in shown))
    return "\n".join(lines)


def class_table(file: str, rows: list[dict]) -> str:
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


def kinds(by_kind: dict[str, dict]) -> str:
    """Return the accuracies of a classifier, and of the models of one modality, by kind of example."""
    names = [name for name in next(iter(by_kind.values())) if name != "n"]
    head = ["kind", "examples", *("accuracy" if name == "fused" else f"of {name} alone" for name in names)]
    return table(head, [[kind, f"{s['n']:,}", *(percent(s[name]) for name in names)] for kind, s in by_kind.items()])


def class_line(card: dict) -> Iterator[str]:
    for name, s in card["scores"].get("subsets", {}).items():
        alone = card.get("baselines", {}).get(name)
        beside = f"   a model of it alone {alone['accuracy']:.2%}" if alone else ""
        yield f"{name:<16} test accuracy {s['accuracy']:.2%}{beside}"
    if "fusion_gain" in card:
        g = card["fusion_gain"]
        interval = f"95 % interval {g['low']:+.2f} to {g['high']:+.2f}"
        yield f"fusion gain {g['points']:+.2f} points over {g['over']} alone ({interval})"


def evaluate_classes(folder: Path, inputs, labels: np.ndarray, spec, baselines: dict[str, keras.Model]) -> dict:
    """Score the Keras model with every subset, every other artifact with all present, and the gain of fusion."""
    names, modalities = spec.labels, modalities_of(inputs)
    predict = predictor(folder / KERAS)
    report = {KERAS: subset_scores(predict, inputs, labels, modalities, names)}
    section = score_section(report, {}, len(labels))
    few, some = {name: x[:ARTIFACT_EXAMPLES] for name, x in inputs.items()}, labels[:ARTIFACT_EXAMPLES]
    for file in artifacts_in(folder):
        full = scores(predictor(folder / file)(few)["probabilities"], some, names)
        section["artifacts"][file] = {"accuracy": full["accuracy"], "ece": full["ece"], "n": len(some)}
    fused = predict(inputs)["probabilities"]
    told = {"fused": fused.argmax(axis=1)}
    if not baselines:
        return {"scores": section, "answers": told}
    singles = {
        name: model.predict({name: inputs[name]}, batch_size=batch_size({name: inputs[name]}), verbose=0)
        for name, model in baselines.items()
    }
    compared = compare(fused, singles, labels, names, same_example(inputs))
    answers = {name: single.argmax(axis=1).astype(np.uint16) for name, single in singles.items()}
    np.savez_compressed(folder / BASELINES, **answers)
    for name, model in baselines.items():
        compared["baselines"][name]["parameters"] = model.count_params()
    return {"scores": section, "answers": told | answers, **compared}
