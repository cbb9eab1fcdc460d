"""The Python interface: train a recipe or fit a table, and use the trained model."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from mmzoo.artifacts.card import Card
from mmzoo.data.tables.formats import class_names, typed_classes
from mmzoo.device import Runner
from mmzoo.errors import BadInputError

__all__ = ["TrainedModel", "fit", "load", "train"]


def train(
    recipe: str | Path | ModuleType,
    config: Any = None,
    *,
    out: str | Path = "",
    resume: bool = False,
    precision: str = "float32",
    **options: Any,
) -> "TrainedModel":
    """Train a recipe and its unimodal baselines, evaluate, export and verify, as `mmzoo train`.

    Args:
        recipe: name of a recipe, `mmzoo.recipes.NAME`, or the file of a recipe.
        config: the recipe's `Config`; by default its defaults.
        out: output folder; by default the recipe's name.
        resume: resume an interrupted run into `out`.
        precision: float32, mixed_bfloat16 or mixed_float16, of the layers in training.
        options: fields of the recipe's `Config`, as `epochs=2`, or of `mmzoo.training.options.PhaseOptions`, as
            `mixup=0.2`.

    Raises:
        BadInputError: the recipe, an option, the data or the folder cannot be used.
        TypeError: an option is neither a field of the Config nor of `PhaseOptions`.
    """
    from mmzoo import recipes
    from mmzoo.commands.train import train
    from mmzoo.training.options import PhaseOptions

    name = recipe.__name__.rpartition(".")[2] if isinstance(recipe, ModuleType) else str(recipe)
    config = config or recipes.load(name).Config()
    fields = {field.name for field in dataclasses.fields(config)}
    config = dataclasses.replace(config, **{name: value for name, value in options.items() if name in fields})
    phases = PhaseOptions(**{name: value for name, value in options.items() if name not in fields})
    return TrainedModel(train(name, config, out=out, resume=resume, precision=precision, options=phases))


def fit(
    table: str | Path, target: str, out: str | Path = "", *, resume: bool = False, **options: Any
) -> "TrainedModel":
    """Train a model on a table, as `mmzoo fit`.

    Args:
        table: CSV, TSV, JSON Lines or Parquet file, or a folder with one folder of files per class.
        target: target column: class, labels (multi-label) or number (regression).
        out: output folder; by default TABLE_TARGET.
        resume: resume an interrupted run into `out`.
        options: fields of `mmzoo.automl.options.Request`, as `image=("photo",)` or `folds=5`.

    Raises:
        BadInputError: the table, a column, a file or the folder cannot be used.
        TypeError: an option is not a field of `Request`.
    """
    if not isinstance(table, str | Path):
        received = f"{type(table).__name__}: write a DataFrame with `to_parquet` or `to_csv` first"
        raise BadInputError(f"table: expected the path of a file or a folder. Received: {received}")
    from mmzoo.automl.fit import fit_table
    from mmzoo.automl.options import Request

    several = {field.name for field in dataclasses.fields(Request) if field.default == ()}
    for name in several & set(options):
        options[name] = (options[name],) if isinstance(options[name], str) else tuple(options[name])
    return TrainedModel(fit_table(table, target, out, Request(**options), resume))


def load(folder: str | Path, trust: bool = False) -> "TrainedModel":
    """Open the folder of a trained model.

    Another person's folder is data: its code is run only with `trust`, which allows its `recipe.py` and a SavedModel
    that is not the card's.

    Raises:
        BadInputError: it has no card, or has links.
    """
    return TrainedModel(folder, trust)


class TrainedModel:
    """A trained model in its folder, with the methods of a scikit-learn estimator.

    The model of a table takes tables: a path; or a DataFrame, a Series, a dict or a list of dicts, whose relative paths
    start in the folder `root`. Missing columns and empty cells are missing modalities. Any other model takes
    `{input: value}`, where a value is what `mmzoo.device.Runner` takes, a file or an array of one example, or a list or
    array of several, `(N, ...)`; inputs that are not there are missing modalities.

    Args:
        path: folder that `mmzoo train` or `mmzoo fit` wrote.
        trust: run code of the folder, see `load`.

    Attributes:
        path: the folder.
        trust: as given.
        classes_: the classes `(K,)`, numbers or booleans where a table has such; or names of labels; empty where the
            model has none.
    """

    def __init__(self, path: str | Path, trust: bool = False):
        self.path, self.trust = Path(path), trust
        card = self.card
        typed = card.task == "classification" and card.recipe.endswith(".py")
        self.classes_ = typed_classes(card.labels) if typed else np.array(card.labels)

    def __repr__(self) -> str:
        return f"TrainedModel({str(self.path)!r})"

    @property
    def card(self) -> Card:
        """The card as it is in the folder now."""
        return Card.read(self.path)

    def predict(self, x: Any = None, /, *, root: str | Path = ".", **inputs: Any) -> np.ndarray | dict[str, np.ndarray]:
        """Predict one value for each of `N` examples; inputs may be given by keyword, as `image="7.png"`.

        Returns:
            Classes `(N,)` of the type of `classes_`, numbers `(N,)`, or labels `(N, K)` of 0 and 1. A model with other
            outputs, as a detector, returns these: `{output: (N, ...)}`.

        Raises:
            BadInputError: the table, a file or an array cannot be used.
        """
        if self._target:
            return self._target.predict(self._rows(_given(x, inputs, table=True), root), self._source)
        answers = self._run(_given(x, inputs))
        if "label" in answers[0]:
            return np.array([answer["label"] for answer in answers])
        if "labels" in answers[0]:
            return np.array([np.isin(self.classes_, answer["labels"]) for answer in answers]).astype(int)
        if "value" in answers[0]:
            return np.array([answer["value"] for answer in answers])
        return {name: np.stack([answer[name] for answer in answers]) for name in answers[0]}

    def predict_proba(self, x: Any = None, /, *, root: str | Path = ".", **inputs: Any) -> np.ndarray:
        """Return the probability of each of `classes_` for each example, `(N, K)`; arguments as `predict`.

        Raises:
            BadInputError: the model has no probabilities, or as `predict`.
        """
        if self._target and self._target.probabilities:
            return self._rows(_given(x, inputs, table=True), root)
        answers = [] if self._target else self._run(_given(x, inputs))
        if not answers or "probabilities" not in answers[0]:
            raise BadInputError(f"{self.path}: the model has no probabilities")
        return np.array([[answer["probabilities"][name] for name in self.classes_] for answer in answers])

    def score(self, x: Any, y: Sequence, *, root: str | Path = ".") -> float:
        """Return the accuracy of classes, the R² of numbers, or the fraction of rows whose labels are all right.

        `y` `(N,)` holds classes or numbers, or cells of labels as the training table has them; of another model that
        predicts labels, rows `(N, K)` of 0 and 1.

        Raises:
            BadInputError: the model predicts something else, or as `predict`.
        """
        from mmzoo.data.tables.source import target_numbers
        from mmzoo.metrics.regression import number_scores

        if self._target:
            return self._target.score(self._rows(_given(x, {}, table=True), root), y, self._source)
        predicted = self.predict(x)
        if isinstance(predicted, dict):
            raise BadInputError(f"{self.path}: a model of {', '.join(predicted)} has no score of this kind")
        if predicted.ndim == 2:
            return float(np.mean((predicted == np.asarray(y)).all(axis=1)))
        if predicted.dtype.kind == "f":
            return number_scores(predicted, target_numbers(list(y), "y"))["r2"]
        return float(np.mean(predicted == np.array(class_names(list(y)))))

    def predict_table(self, table: Any, *, root: str | Path = ".") -> Any:
        """Return `table` as a DataFrame with the prediction and, of a class, its confidence.

        Raises:
            BadInputError: the model is not of a table, or as `predict`.
        """
        from mmzoo.automl.predictor import predict

        if not self._target:
            raise BadInputError(
                f"{self.path}: expected what `mmzoo fit` wrote. Received: the recipe {self.card.recipe}"
            )
        return predict(self._opened, table, root)

    def evaluate(self, artifact: str = "all", data_dir: str = "", limit: int = 0) -> dict:
        """Score the files on the test split, as `mmzoo evaluate`; return the scores by file."""
        from mmzoo.commands.evaluate import evaluate

        return evaluate(self._opened, artifact, data_dir, limit)

    def export(self, data_dir: str = "") -> Path:
        """Export model.keras again to all formats, as `mmzoo export`; return the folder."""
        from mmzoo.commands.export import export_folder

        export_folder(self._opened, data_dir)
        return self.path

    def verify(self, require_gpu: bool = False, seeds: int = 3) -> dict:
        """Execute the exported files on CPU and GPU and compare, as `mmzoo verify`; return the report."""
        from mmzoo.commands.verify import record
        from mmzoo.verification.verify import verify

        report = verify(self.path, require_gpu=require_gpu, seeds=seeds, trust=self.trust)
        record(self.path, report)
        return report

    def benchmark(self, against: Sequence[str] = ("mobilenet_v3_small",), runs: int = 1000) -> dict:
        """Benchmark the .tflite files against reference models, as `mmzoo benchmark`; return the figures."""
        from mmzoo.commands.benchmark import run

        return run([str(self.path)], against, runs=runs)

    @cached_property
    def _source(self) -> Any:
        """The source of the table that the model was trained on; None of another model."""
        card = self.card
        if card.table is None and not (self.trust and card.recipe.endswith(".py")):
            return None
        from mmzoo.automl.predictor import trained_source

        opened = self._opened
        return trained_source(opened) if opened.recipe.source is not None else None

    @property
    def _opened(self) -> Any:
        from mmzoo.automl.recipe import open_folder

        return open_folder(self.path, self.trust)

    @cached_property
    def _target(self) -> Any:
        """The kind of the table's target; None of another model."""
        from mmzoo.automl import targets

        return targets.load(self._source.kind) if self._source else None

    def _rows(self, table: Any, root: str | Path) -> np.ndarray:
        from mmzoo.automl.predictor import frame_of, predictions

        return predictions(self._opened, *frame_of(table, root, self._source))[0]

    @cached_property
    def _runner(self) -> Runner:
        return Runner(self.path)

    def _run(self, inputs: Mapping[str, Any]) -> list[dict]:
        """Run the float32 file on one example after another."""
        try:
            return [self._runner(**example) for example in self._examples(inputs)]
        except ValueError as error:
            raise BadInputError(str(error)) from None

    def _examples(self, inputs: Mapping[str, Any]) -> list[dict]:
        """Divide inputs of several examples; a value of one example stays as it is."""
        known = self._runner.inputs
        several = {name: _several(value, known[name]["shape"]) for name, value in inputs.items() if name in known}
        counts = {name: len(value) for name, value in inputs.items() if several.get(name)}
        if not counts:
            return [dict(inputs)]
        if len(set(counts.values())) > 1 or len(counts) < len(inputs):
            raise BadInputError(f"{', '.join(inputs)}: expected as many examples of each. Received: {counts}")
        return [{name: value[row] for name, value in inputs.items()} for row in range(max(counts.values()))]


def _given(x: Any, inputs: Mapping[str, Any], table: bool = False) -> Any:
    """Return the one argument of `predict`: a table, or inputs by name."""
    wrong = x is None and not inputs if table else x is not None and not isinstance(x, Mapping)
    if wrong or (x is not None and inputs):
        raise BadInputError("expected a table (a path or a DataFrame)" if table else "expected inputs by name")
    return x if x is not None else inputs


def _several(value: Any, shape: Sequence[int]) -> bool:
    """Check whether `value` holds several examples of an input of `shape`, whose first axis is the batch."""
    if isinstance(value, list | tuple):
        return True
    return isinstance(value, np.ndarray) and value.ndim == len(shape) and len(value) != 1
