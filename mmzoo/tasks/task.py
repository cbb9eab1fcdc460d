"""The contract of a task: how the predictions of one kind of model are scored and shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.data.arrays import Arrays, conditions, split_arrays
from mmzoo.data.presence import modalities_of
from mmzoo.experiment import Experiment
from mmzoo.tasks.format import percent

Predict = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Metric:
    """A metric by its key in a card, and how it is shown.

    `counts_examples` says that it is a fraction of the examples, so that one example moves it by 1 / n.
    """

    key: str
    label: str
    show: Callable[[float | None], str] = percent
    higher_is_better: bool = True
    counts_examples: bool = False

    def best(self, found: Mapping[str, Metrics]) -> str:
        """Return the name in `found`, `{name: metrics}`, whose metric is best."""
        return (max if self.higher_is_better else min)(found, key=lambda name: found[name][self.key])


@dataclass(frozen=True)
class Examples:
    """Examples of the test split, and the experiment that they belong to.

    `inputs` are `{name: (N, ...)}`, `labels` `(N, ...)`, `names` the labels of the recipe. `unimodal` are stored
    predictions of unimodal baselines. `model` is the trained model, which only `train` has; `language` a language model
    of transcripts. `limit` is the number of examples asked for, 0 for the whole split.
    """

    inputs: Arrays
    labels: np.ndarray
    names: Sequence[str]
    experiment: Experiment
    unimodal: Mapping[str, np.ndarray] = field(default_factory=dict)
    model: keras.Model | None = None
    language: Any = None
    limit: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The inputs that are modalities, in the order of `present`."""
        return modalities_of(self.inputs)

    def spaced(self) -> "Examples":
        """Return `limit` evenly spaced examples, or all where `limit` is 0 or larger than the split."""
        if not self.limit or self.limit >= len(self):
            return replace(self, limit=0)
        rows = np.linspace(0, len(self) - 1, self.limit).astype(int)
        return replace(self, inputs={name: x[rows] for name, x in self.inputs.items()}, labels=self.labels[rows])

    def first(self, count: int) -> "Examples":
        """Return the first `count` examples."""
        inputs = {name: x[:count] for name, x in self.inputs.items()}
        return replace(self, inputs=inputs, labels=self.labels[:count])

    def validation(self) -> tuple[Arrays, np.ndarray]:
        """Return inputs and labels of the validation split."""
        return split_arrays(self.experiment, "validation")

    def conditions(self) -> dict[str, "Examples"]:
        """Return these examples, and examples of the conditions that the recipe's export names."""
        found = conditions(self.experiment, (self.inputs, self.labels))
        first, *others = found
        changed = {name: replace(self, inputs=found[name][0], labels=found[name][1]).spaced() for name in others}
        return {first: self, **changed}


@dataclass(frozen=True)
class Comparison:
    """Comparison with unimodal baselines: `baselines` of the card, predictions to store, details of the scores."""

    baselines: Baselines = field(default_factory=Baselines)
    stored: dict[str, np.ndarray] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """How a model is called in an example of its README.

    `folder` is its name, `arguments` the arguments of `runner(...)`, `comment` a remark on leaving modalities out,
    `files` the names of its files.
    """

    folder: str
    arguments: str
    comment: str
    scores: Scores
    files: Sequence[str]


def nothing(*_: Any) -> dict[str, Any]:
    """Return an empty dict: the plots of a task without plots."""
    return {}


@dataclass(frozen=True)
class Task:
    """One kind of prediction.

    Attributes:
        name: the name of the task's module.
        outputs: outputs of the exported graph that the task reads.
        primary: the metric by which models are compared.
        judged: the metric whose drop decides whether a quantized file is right.
        metrics: the metrics of an artifact, as tables of files show them.
        score: `(predict, examples)` to the full scores, with every subset of the modalities where there are several.
        row: full scores to the metrics of the artifact, the keys of `metrics` among them.
        quick: `(predict, examples)` to these metrics alone; None where artifacts are not scored.
        score_all: whether `evaluate` computes the full scores of every file, or of the first only.
        header: the line above the lines of the artifacts.
        lines: `(file, full scores or None, metrics)` to the lines that `evaluate` prints of a file.
        table: full scores to the table that `evaluate` prints at the end.
        summary: `(scores, baselines)` to the lines that `train` prints.
        headline: scores to the one score in a table of models.
        markdown: `(scores, baselines, note)` to the section of the README; `note` is a remark on the gain's interval.
        usage: a `Call` to the lines of code in the README.
        compare: `(predict, {modality: predict}, examples)` to a `Comparison`; None where no baselines are trained.
        gain: `(predict, stored predictions of one baseline, examples)` to the fusion gain; None where not stored.
        show_gain: a fusion gain in words.
        plots: `(scores, baselines, labels)` to `{name of a plot in mmzoo.reports.plots: its arguments}`.
        labels_are: how the README introduces the labels, as "probabilities are of".
        first_label: index of the first label that an output has.
    """

    name: str
    outputs: tuple[str, ...]
    primary: Metric
    judged: Metric
    metrics: tuple[Metric, ...]
    score: Callable[[Predict, Examples], Scores]
    row: Callable[[Scores], Metrics]
    quick: Callable[[Predict, Examples], Metrics] | None
    lines: Callable[[str, Scores | None, Metrics], list[str]]
    table: Callable[[Scores], str]
    summary: Callable[[Scores, Baselines], list[str]]
    headline: Callable[[Scores], str]
    markdown: Callable[[Scores, Baselines, str], str]
    usage: Callable[[Call], str]
    score_all: bool = False
    header: str = ""
    compare: Callable[[Predict, Mapping[str, Predict], Examples], Comparison] | None = None
    gain: Callable[[Predict, np.ndarray, Examples], Metrics] | None = None
    show_gain: Callable[[Metrics], str] = str
    plots: Callable[[Scores, Baselines, Sequence[str]], dict[str, tuple]] = nothing
    labels_are: str = "probabilities are of"
    first_label: int = 0


def metric_lines(file: str, metrics: Metrics, keys: Sequence[str]) -> list[str]:
    """Return a line with `keys` of the metrics of a file."""
    return [f"{file:<22}" + "  ".join(f"{key} {metrics[key]:.4f}" for key in keys)]


def runner_usage(call: Call, show: str, imports: Sequence[str] = ()) -> str:
    """Return the section of a README that runs the model on a device by the line or lines `show`."""
    lines = "\n".join(["from mmzoo.device import Runner", *imports])
    return (
        f'## Use it\n\n```python\n{lines}\n\nrunner = Runner("{call.folder}")  # this folder, or one .tflite file\n'
        f"{show}\n```"
    )
