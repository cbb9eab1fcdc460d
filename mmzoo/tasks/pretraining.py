"""Pretraining: the recipe's objective on the test split, and reconstruction errors where it reconstructs its inputs."""

from collections.abc import Callable, Iterable
from functools import partial

import keras
import numpy as np

from mmzoo.artifacts.card import Baselines, Metrics, Scores
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import by_pattern
from mmzoo.errors import BadInputError
from mmzoo.tasks.format import plain_table, table
from mmzoo.tasks.task import Call, Examples, Metric, Predict, Task

Parts = dict[str, tuple[Callable, Callable]]
BATCH = 200  # examples at a time
MEANS = {"train": "mean of the training examples", "validation": "mean of the validation examples"}
LOSS = Metric("loss", "loss", lambda value: "" if value is None else f"{value:.4f}", higher_is_better=False)


def score(predict: Predict, examples: Examples) -> Scores:
    """Evaluate the objective of the trained model, and its reconstructions.

    Raises:
        BadInputError: `examples` has no trained model: an exported model has no objective.
    """
    if examples.model is None:
        raise BadInputError("a pretraining recipe is scored by `mmzoo train` only")
    found = objective_scores(examples)
    if examples.experiment.recipe.reconstruction is None:
        return found
    errors = {"reconstruction": reconstruction_errors(examples)}
    return Scores(n=found.n, details=found.details | errors)


def objective_scores(examples: Examples) -> Scores:
    """Return loss and metrics of the recipe's objective.

    The batch size is as in training: a contrastive loss compares the examples of a batch.
    """
    model, size = examples.model, examples.experiment.config.batch_size
    model.compile(**examples.experiment.objective(), jit_compile=False)
    whole = max(1, len(examples) // size) * size  # a smaller last batch would be easier
    some = {name: examples.inputs[name][:whole] for name in model.input}
    found = model.evaluate(some, examples.labels[:whole], batch_size=size, verbose=0, return_dict=True)
    values = {name: float(value) for name, value in found.items()}
    return Scores(n=min(whole, len(examples)), details={"objective": values})


def reconstruction_errors(examples: Examples) -> dict[str, dict[str, float]]:
    """Return `{subset: {modality: mean squared error}}` of the test split.

    The last rows are of constant predictions: the mean of the training examples as augmented, and the mean of the
    validation examples, which like the test examples are not augmented.
    """
    experiment, model = examples.experiment, examples.model
    config = experiment.config
    parts = experiment.recipe.reconstruction(config)
    found = {}
    for name, given in by_pattern(examples.inputs, config.modalities):
        made = partial(_made, model, parts, {key: given[key] for key in model.input})
        found[name] = _errors(parts, examples.labels, made)
    for split, name in MEANS.items():
        means = _means(parts, (target for _, target in experiment.dataset(split)))
        found[name] = _errors(parts, examples.labels, lambda part, means=means: means)
    return found


def _made(model: keras.Model, parts: Parts, inputs: Arrays, part: slice) -> Arrays:
    """Return the reconstruction of each modality for the slice `part` of the examples."""
    output = model({name: x[part] for name, x in inputs.items()})
    return {name: np.asarray(made(output)) for name, (_, made) in parts.items()}


def _errors(parts: Parts, y: np.ndarray, predict: Callable[[slice], Arrays]) -> dict[str, float]:
    """Return the mean squared error of each modality over `y` `(N, ...)`; `predict` takes a slice."""
    sums = dict.fromkeys(parts, 0.0)
    for start in range(0, len(y), BATCH):
        part = slice(start, start + BATCH)
        predicted = predict(part)
        for name, (target, _) in parts.items():
            off = np.asarray(target(y[part])) - predicted[name]
            sums[name] += float(np.square(off, dtype=np.float64).mean(axis=1).sum())
    return {name: total / len(y) for name, total in sums.items()}


def _means(parts: Parts, targets: Iterable) -> dict[str, np.ndarray]:
    """Return the mean `(numbers,)` of each modality over all batches of `targets`."""
    sums, count = dict.fromkeys(parts, 0.0), 0
    for y in targets:
        count += len(y)
        for name, (target, _) in parts.items():
            sums[name] = sums[name] + np.asarray(target(y), np.float64).sum(axis=0)
    return {name: total / count for name, total in sums.items()}


def summary(found: Scores, baselines: Baselines) -> list[str]:
    """Return the objective on the test split, and the reconstruction errors."""
    lines = [f"test {name} {value:.4f}" for name, value in found.details["objective"].items()]
    if "reconstruction" in found.details:
        lines += plain_table(*reconstruction_rows(found)).splitlines()
    return lines


def markdown(found: Scores, baselines: Baselines, note: str = "") -> str:
    """Return the objective, and the reconstruction errors where there are any."""
    if not found.details:
        return ""
    rows = [[name, f"{value:.4f}"] for name, value in found.details["objective"].items()]
    parts = [f"## Objective on the {found.split} split, {found.n:,} examples", table(["", ""], rows)]
    if "reconstruction" in found.details:
        parts.append(
            "Mean squared error of the reconstruction of each modality; a missing modality is reconstructed from the "
            "others. The last rows are constant predictions."
        )
        parts.append(table(*reconstruction_rows(found)))
    return "\n\n".join(parts)


def reconstruction_rows(found: Scores) -> tuple[list[str], list[list[str]]]:
    """Return head and rows of the table of reconstruction errors by subset of the modalities."""
    errors = found.details["reconstruction"]
    head = ["modalities", *(f"error of {name}" for name in next(iter(errors.values())))]
    return head, [[name, *(f"{error:.4f}" for error in one.values())] for name, one in errors.items()]


def headline(found: Scores) -> str:
    """Return "": an objective is not comparable between models."""
    return ""


def usage(call: Call) -> str:
    """Return the command that starts another recipe from these encoders."""
    return (
        "## Use it\n\nInitialize another recipe with encoders of the same names:\n\n```sh\n"
        f"mmzoo train RECIPE --init-from {call.folder}/model.keras\n```"
    )


def lines(file: str, found: Scores | None, metrics: Metrics) -> list[str]:
    """Return no line: artifacts are not scored."""
    return []


TASK = Task(
    name="pretraining",
    outputs=(),
    primary=LOSS,
    judged=LOSS,
    metrics=(),
    score=score,
    row=lambda found: {},
    quick=None,
    lines=lines,
    table=lambda found: "",
    summary=summary,
    headline=headline,
    markdown=markdown,
    usage=usage,
)
