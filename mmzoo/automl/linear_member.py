"""A linear model on fixed features, as a graph that ships: a candidate of `mmzoo.automl.choice`."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers
from scipy.special import expit, softmax

from mmzoo.blocks.image_statistics import ImageStatistics
from mmzoo.blocks.piecewise_linear import PiecewiseLinear
from mmzoo.blocks.presence import split_present
from mmzoo.blocks.signal_statistics import BandStatistics, SeriesStatistics
from mmzoo.blocks.standardized import StandardizedFeatures
from mmzoo.data.arrays import Arrays
from mmzoo.data.presence import select_inputs
from mmzoo.data.tables.batches import Examples, as_inputs
from mmzoo.data.tables.features import edges, figures
from mmzoo.data.tables.rows import Rows, kind_of, series_of
from mmzoo.export.quantize import FRONT_END

ROWS = 20_000  # training rows, at most, evenly spaced
BATCH = 64
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)  # C of the logistic regression
PENALTIES = (1e5, 3e4, 1e4, 3e3, 1e3, 300, 100, 30, 10, 3, 1)  # alpha of the ridge regression
STEPS, TOLERANCE = 60, 1e-3  # of the optimizer
SHORTEST_SIDE = 10  # pixels


def linear_model(
    recipe: Any, modalities: tuple[str, ...], train: Examples, validation: tuple[Arrays, np.ndarray]
) -> keras.Model | None:
    """Fit a linear model to fixed features of the images, sounds, series and columns of `modalities`.

    Logistic or ridge regression of scikit-learn; the regularization with the lowest validation loss is kept. The
    features of a missing modality are 0, the mean of the training rows. Texts and videos have no features here.

    Returns:
        a model with the layers of `models.late_fusion`; `embedding` is in front of the softmax. None where no modality
        has features.
    """
    fronts = {modality: front for modality in modalities if (front := _front(recipe, modality))}
    if not fronts:
        return None
    kept = np.linspace(0, len(train.index) - 1, min(ROWS, len(train.index))).astype(int)
    rows, labels = train.index[kept], train.labels[kept]
    for modality, front in fronts.items():
        layer = front.get_layer(FRONT_END)
        if isinstance(layer, StandardizedFeatures):
            there = rows[train.rows.present[rows, list(train.rows.arrays).index(modality)]]
            if not len(there):
                return None
            layer.adapt(batch[modality] for batch in _read(train.rows, there, (modality,)))
    measured = {
        "train": _features(fronts, _read(train.rows, rows, tuple(fronts))),
        "validation": _features(fronts, _batches(select_inputs(validation[0], [*fronts, "present"]))),
    }
    weights = _fit(recipe, measured, labels, validation[1])
    return _graph(recipe, {modality: validation[0][modality] for modality in modalities}, fronts, weights)


def _read(rows: Rows, index: np.ndarray, modalities: tuple[str, ...]) -> Iterator[Arrays]:
    """Yield inputs of the rows `index`: a table's images and sounds are never all in memory."""
    for start in range(0, len(index), BATCH):
        yield as_inputs(rows, index[start : start + BATCH], modalities)


def _batches(inputs: Arrays) -> Iterator[Arrays]:
    for start in range(0, len(inputs["present"]), BATCH):
        yield {name: x[start : start + BATCH] for name, x in inputs.items()}


def _front(recipe: Any, modality: str) -> keras.Model | None:
    """Return the features of a modality as a model of one layer, `front_end`."""
    kind, config = kind_of(modality), recipe.config
    shape, dtype = recipe.sizes().shapes((modality,), recipe.inputs)[modality], "float32"
    if kind == "image" and min(shape[:2]) >= SHORTEST_SIDE:
        layer, dtype = ImageStatistics(name=FRONT_END), "uint8"
    elif kind == "audio":
        layer = BandStatistics(config.sample_rate, config.sample_rate // 40, config.sample_rate // 100, name=FRONT_END)
    elif kind == "series":
        column = series_of(recipe.inputs)[modality]
        layer = SeriesStatistics(column.mean, column.deviation, name=FRONT_END)
    elif kind == "tabular":
        bins = [max(0, len(own) - 1) for own in edges(recipe.features)]
        layer = PiecewiseLinear(bins, name=FRONT_END)
    else:
        return None
    x = keras.Input(shape, dtype=dtype, name=modality)
    made = layer(x)
    if kind == "tabular":
        layer.set_figures(*figures(recipe.features), edges(recipe.features))
    return keras.Model(x, made, name=f"{modality}_features")


def _features(fronts: Mapping[str, keras.Model], batches: Iterable[Arrays]) -> np.ndarray:
    """Return the features `(N, F)` of batches of inputs, whose `present` has the columns of `fronts`."""
    found = []
    for inputs in batches:
        parts = [
            np.asarray(front(inputs[modality])) * inputs["present"][:, i : i + 1]
            for i, (modality, front) in enumerate(fronts.items())
        ]
        found.append(np.concatenate(parts, axis=1))
    return np.concatenate(found).astype("float32")


def _fit(
    recipe: Any, features: Mapping[str, np.ndarray], labels: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights `(F, K)` and biases `(K,)` of the regularization with the lowest validation loss."""
    best, found = np.inf, None
    for weights, biases in FITS[recipe.source.kind](recipe, features["train"], labels):
        raw = ACTIVATIONS[recipe.source.kind](features["validation"] @ weights + biases)
        loss = float(recipe.kind.row_losses(recipe, truth, raw).mean())
        if loss > best:
            break  # the weaker the regularization, the longer it takes
        best, found = loss, (weights, biases)
    return found


def _logistic(recipe: Any, x: np.ndarray, labels: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression

    count = len(recipe.source.classes)
    model = LogisticRegression(max_iter=STEPS, tol=TOLERANCE, warm_start=True)
    known = np.unique(labels).astype(int)
    for strength in STRENGTHS:
        model.set_params(C=strength)
        _quiet(model.fit, x, labels)
        weights, biases = np.zeros((x.shape[1], count), "float32"), np.full(count, -20.0, "float32")
        if len(known) == 2:
            weights[:, known[1]], biases[known] = model.coef_[0], (0.0, model.intercept_[0])
        else:
            weights[:, known], biases[known] = model.coef_.T, model.intercept_
        yield weights, biases


def _ridge(recipe: Any, x: np.ndarray, labels: np.ndarray) -> Any:
    from sklearn.linear_model import Ridge

    target = (labels - recipe.mean) / recipe.deviation
    for penalty in PENALTIES:
        model = Ridge(alpha=penalty).fit(x, target)
        yield model.coef_[:, None].astype("float32"), np.array([model.intercept_], "float32")


def _per_label(recipe: Any, x: np.ndarray, labels: np.ndarray) -> Any:
    from sklearn.linear_model import LogisticRegression

    for strength in STRENGTHS:
        weights, biases = np.zeros((x.shape[1], labels.shape[1]), "float32"), np.zeros(labels.shape[1], "float32")
        for k in range(labels.shape[1]):
            if len(np.unique(labels[:, k])) < 2:
                biases[k] = -20.0 if labels[0, k] < 0.5 else 20.0
                continue
            model = LogisticRegression(C=strength, max_iter=STEPS, tol=TOLERANCE)
            _quiet(model.fit, x, labels[:, k])
            weights[:, k], biases[k] = model.coef_[0], model.intercept_[0]
        yield weights, biases


def _quiet(fit: Callable, x: np.ndarray, labels: np.ndarray) -> None:
    with warnings.catch_warnings(action="ignore"):  # a model that has not converged is scored like the others
        fit(x, labels)


FITS = {"class": _logistic, "number": _ridge, "labels": _per_label}
ACTIVATIONS = {"class": partial(softmax, axis=1), "number": np.asarray, "labels": expit}
LAYERS = {"class": "softmax", "number": "linear", "labels": "sigmoid"}


def _graph(
    recipe: Any,
    examples: Arrays,
    fronts: Mapping[str, keras.Model],
    weights: tuple[np.ndarray, np.ndarray],
) -> keras.Model:
    modalities = tuple(examples)
    inputs = {name: keras.Input(x.shape[1:], dtype=x.dtype.name, name=name) for name, x in examples.items()}
    inputs["present"] = keras.Input((len(modalities),), name="present")
    there = split_present(inputs["present"], modalities)
    parts = []
    for modality, front in fronts.items():
        x = layers.Activation("linear", name="encoded")(front.output)
        encoder = keras.Model(front.input, x, name=front.name)
        parts.append(encoder(inputs[modality]) * there[modality])
    joint = layers.Concatenate(name="features")(parts) if len(parts) > 1 else parts[0]
    dense = layers.Dense(weights[0].shape[1], name="embedding")
    logits = dense(joint)
    dense.set_weights(weights)
    answer = layers.Activation(LAYERS[recipe.source.kind], name="linear_answer")(logits)
    answer = recipe.kind.wiring(recipe)["postprocess"]([answer, inputs["present"]])
    return keras.Model(inputs, answer, name="linear_model")
