"""Scores by subset of the modalities, and a fused model against unimodal baselines.

For tasks whose prediction is one array per example: `Scoring` says how it is scored.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import by_pattern, present_patterns
from mmzoo.tasks.format import escaped, percent, table
from mmzoo.tasks.task import Comparison, Examples, Metric, Predict


@dataclass(frozen=True)
class Scoring:
    """How a prediction, the output `output` `(N, ...)`, is scored.

    `scores(predictions, examples)` returns all metrics; `keys` are kept of every model, `details` of the full model.
    `gain(fused, single, examples, groups)` is the gain of one prediction over another with its interval, and
    `store(prediction)` the array to store of an unimodal baseline. `agreement({modality: prediction})` measures how far
    several baselines agree.
    """

    output: str
    primary: Metric
    keys: tuple[str, ...]
    scores: Callable[[np.ndarray, Examples], dict]
    gain: Callable[[np.ndarray, np.ndarray, Examples, np.ndarray], dict]
    details: tuple[str, ...] = ()
    store: Callable[[np.ndarray], np.ndarray] = np.asarray
    agreement: Callable[[dict[str, np.ndarray]], dict] | None = None

    def predictions(self, predict: Predict, inputs: Arrays) -> np.ndarray:
        """Return the predictions `(N, ...)` for `inputs`, float32."""
        return np.asarray(predict(inputs)[self.output], np.float32)

    def score(self, predict: Predict, examples: Examples) -> Scores:
        """Score every subset of the modalities."""
        given = by_pattern(examples.inputs, examples.modalities)
        found = {name: self.scores(self.predictions(predict, x), examples) for name, x in given}
        full = next(iter(found.values()))
        subsets = {name: self.kept(one) for name, one in found.items()}
        return Scores(n=len(examples), subsets=subsets, details={key: full[key] for key in self.details})

    def quick(self, predict: Predict, examples: Examples) -> Metrics:
        """Score all available modalities together."""
        return self.kept(self.scores(self.predictions(predict, examples.inputs), examples))

    def kept(self, found: Metrics) -> Metrics:
        """Return the metrics of `keys`."""
        return {key: found[key] for key in self.keys}

    def compare(self, predict: Predict, unimodal: Mapping[str, Predict], examples: Examples) -> Comparison:
        """Score unimodal baselines, the average of their predictions, their agreement, and the gain over the best."""
        singles = {name: self.predictions(one, examples.inputs) for name, one in unimodal.items()}
        fused, groups = self.predictions(predict, examples.inputs), same_example(examples.inputs)
        full = {name: self.kept(self.scores(single, examples)) for name, single in singles.items()}
        best = self.primary.best(full)
        average = np.mean([np.asarray(single, np.float64) for single in singles.values()], axis=0)
        gain = {"over": best, **self.gain(fused, singles[best], examples, groups)}
        agreed = self.agreement(singles) if self.agreement and len(singles) > 1 else {}
        baselines = Baselines(full, self.kept(self.scores(average, examples)), gain, agreed)
        return Comparison(baselines, {name: self.store(single) for name, single in singles.items()})

    def gain_over(self, predict: Predict, stored: np.ndarray, examples: Examples) -> Metrics:
        """Return the gain over a baseline whose predictions are stored."""
        fused = self.predictions(predict, examples.inputs)
        return self.gain(fused, stored, examples, same_example(examples.inputs))


def full_metrics(scores: Scores) -> Metrics:
    """Return the metrics of the first subset: all modalities available."""
    return next(iter(scores.subsets.values()), {})


def subset_header(names: Iterable[str], width: int = 10) -> str:
    """Return the line above `subset_lines`, for columns of `width` letters."""
    return f"{'artifact':<22}{'modalities':<18}" + "".join(f"{name:>{width}}" for name in names)


def subset_lines(file: str, scores: Scores, keys: Sequence[str], style: str = ">10.4f") -> list[str]:
    """Return a line for each subset of the modalities, with the metrics `keys`."""
    return [
        f"{file:<22}{name:<18}" + "".join(format(found[key], style) for key in keys)
        for name, found in scores.subsets.items()
    ]


def subset_summary(
    found: Scores, baselines: Baselines, describe: Callable[[Metrics], str], alone: Callable[[Metrics], str]
) -> list[str]:
    """Return a line for each subset of the modalities: its metrics by `describe`, of its unimodal baseline `alone`."""
    lines = []
    for name, one in found.subsets.items():
        single = baselines.unimodal.get(name)
        more = f"   unimodal baseline {alone(single)}" if single else ""
        lines.append(f"{name:<16} test {describe(one)}{more}")
    return lines


def gain_title(baselines: Baselines) -> str:
    """Return whose fusion gain a card has: the model of the folder, or a multimodal model that is not in it."""
    absent = baselines.fused is not None
    return "Fusion gain of the multimodal model, which is not in this folder" if absent else "Fusion gain"


def gain_lines(baselines: Baselines, show_gain: Callable[[Metrics], str], note: str) -> list[str]:
    """Return a sentence on the fusion gain with the remark `note`, or nothing where there is no gain."""
    if not baselines.fusion_gain:
        return []
    return [f"{gain_title(baselines)}: {show_gain(baselines.fusion_gain)}. {note}".rstrip()]


def baseline_lines(baselines: Baselines, metric: Metric) -> list[str]:
    """Return sentences on the average of the unimodal baselines, their agreement and their sizes."""
    lines = []
    if baselines.average:
        average = metric.show(baselines.average[metric.key])
        lines.append(f"Plain average of the unimodal predictions: {metric.label} {average}.")
    if agreed := baselines.consistency:
        said = f"{percent(agreed['agreement'])} of the examples (Fleiss' kappa {agreed['fleiss_kappa']:.2f})"
        lines.append(f"The unimodal baselines agree on {said}.")
    counted = {name: one["parameters"] for name, one in baselines.unimodal.items() if "parameters" in one}
    if counted:
        sizes = ", ".join(f"{name} {count:,}" for name, count in counted.items())
        lines.append(f"Parameters of the unimodal baselines: {sizes}.")
    return lines


def per_class_table(rows: Sequence[Mapping], what: str, most: int) -> str:
    """Return the Markdown table of precision, recall and F1 by class, of the `most` most frequent classes."""
    if len(rows) > most:
        rows = sorted(rows, key=lambda row: -row["support"])[:most]
    body = [[escaped(r["label"]), *(percent(r[k]) for k in ("precision", "recall", "f1")), r["support"]] for r in rows]
    return table([what, "precision", "recall", "F1", "examples"], body)


def shapley(values: Mapping[str, float], modalities: Sequence[str]) -> dict[str, float]:
    """Return the Shapley value of each modality, from `values` by subset.

    Subsets are named as in `present_patterns`. The values add up to the full value less the value of no modality. The
    result is empty where a subset is missing.

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
    """Return the group `(N,)` of each example: equal contents of the first input share a group.

    An example that lacks the first input is a group of its own.
    """
    array = next(iter(inputs.values()))
    rows = np.ascontiguousarray(array.reshape(len(array), -1))
    rows = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    groups = np.unique(rows, return_inverse=True)[1].ravel()
    missing = np.flatnonzero(inputs["present"][:, 0] == 0) if "present" in inputs else np.array([], int)
    groups[missing] = len(groups) + missing
    return groups
