"""The first stage of a table's model with teachers: small image encoders learn what a published network knows."""

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops

from mmzoo.automl.transfer.features import published_features
from mmzoo.automl.transfer.probe import answers_of, probe_answers, scaled_targets
from mmzoo.data.tables.batches import Examples
from mmzoo.data.tables.rows import kind_of
from mmzoo.recipe import Batches, Phase, Stage

logger = logging.getLogger(__name__)
EPOCHS = 20  # of lessons, at most as many as of the plan
SMALLEST = 0.1  # deviation of a feature, of the root mean square of all: a channel that hardly moves is not blown up


def teacher_stage(recipe: Any, config: Any) -> Stage | None:
    """Return the first stage of a `TableRecipe` at a config: its image encoders learn from teachers; None without any.

    The targets are computed once per image: the features of the teacher's network (hints: FitNets, Romero et al. 2015,
    section 2.2, with a Dense layer as regressor) and the answers of a linear model on them (Hinton et al. 2015, section
    2). The plan of the recipe then trains the whole model from these encoders; the teacher is not in it.
    """
    taught = tuple(name for name in recipe.teachers if name in config.modalities and kind_of(name) == "image")
    if not taught or config.init_from:
        return None

    @functools.cache
    def lessons() -> dict[str, Examples]:
        splits = {split: recipe.examples(split, config) for split in ("train", "validation")}
        return _lessons(
            splits, {name: published_features(recipe, config, name, recipe.teachers[name]) for name in taught}, recipe
        )

    def dataset(split: str, config: Any, epoch: int = 0) -> Batches:
        own = dataclasses.replace(config, modalities=taught, modality_dropout=0.0)
        return recipe.batches(lessons()[split], split, own, epoch).map(lambda x, y: ({n: x[n] for n in taught}, y))

    def build(config: Any) -> keras.Model:
        widths = [lessons()["train"].labels.shape[1] // len(taught) - 1 - answers_of(recipe), answers_of(recipe)]
        return pupil(recipe.modality_encoders(config, taught), *widths, recipe.source.kind)

    return Stage(
        dataset=dataset,
        build=build,
        objective=lambda config: {"loss": lesson_loss(len(taught), answers_of(recipe), recipe.source.kind)},
        plan=_plan,
        opened=lambda model: _taught(recipe.model(config), model),
    )


def _plan(config: Any) -> tuple[Phase, ...]:
    epochs = min(EPOCHS, config.epochs)
    average = 1 - 0.23 / epochs  # as of the recipe's plan: a longer average of few steps is mostly the first weights
    return (Phase("teacher", epochs, config.learning_rate, clip_norm=1.0, ema=average),)


def _lessons(splits: Mapping[str, Examples], features: Mapping[str, np.ndarray], recipe: Any) -> dict[str, Examples]:
    """Return the splits with lessons `(N, M * (F + K + 1))` as labels: features, answers and presence by modality."""
    parts: dict[str, list[np.ndarray]] = {split: [] for split in splits}
    kind, count = recipe.source.kind, answers_of(recipe)
    for name, found in features.items():
        there = {s: one.rows.present[one.index, list(one.rows.arrays).index(name)] for s, one in splits.items()}
        known = {split: np.asarray(found[one.index[there[split]]]) for split, one in splits.items()}
        targets = {split: scaled_targets(one.labels[there[split]], recipe) for split, one in splits.items()}
        answers, quality = probe_answers(known, targets, kind, count)
        logger.info(f"teacher of {name}: a linear model on its features has {quality:.4g} on the validation rows")
        mean, deviation = _standard(known["train"])
        for split, rows in there.items():
            lesson = np.zeros((len(rows), len(mean) + count + 1), np.float32)
            lesson[rows] = np.hstack(
                [(known[split] - mean) / deviation, answers[split], np.ones((rows.sum(), 1), np.float32)]
            )
            parts[split].append(lesson)
    return {s: dataclasses.replace(one, labels=np.concatenate(parts[s], axis=1)) for s, one in splits.items()}


def _standard(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and deviation `(F,)` by which features `(N, F)` of any scale are standardized."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    lowest = SMALLEST * np.sqrt(np.square(deviation).mean())
    return mean, np.maximum(deviation, lowest or 1)  # all constant: no feature is a lesson


def pupil(encoders: Mapping[str, keras.Model], features: int, answers: int, kind: str) -> keras.Model:
    """Build the model that is taught: `{modality: image}` to features and answers `(B, M * (F + K))`.

    A Dense layer after each encoder regresses the teacher's features, and another one gives the answers.
    """
    inputs = {
        name: keras.Input(one.input.shape[1:], dtype=one.input.dtype, name=name) for name, one in encoders.items()
    }
    activation = {"class": "softmax", "labels": "sigmoid"}.get(kind)
    hint = layers.Dense(features, name="hint")
    answer = layers.Dense(answers, activation=activation, name="lesson")
    made = [head(encoder(inputs[name])) for name, encoder in encoders.items() for head in (hint, answer)]
    return keras.Model(inputs, layers.Concatenate(name="lessons")(made), name="pupil")


def lesson_loss(count: int, answers: int, kind: str) -> Callable[[KerasTensor, KerasTensor], KerasTensor]:
    """Create the loss `(B,)` of the lessons of `count` modalities with K `answers` each.

    It is the mean squared error of the standardized features plus the loss of the answers: cross-entropy of classes,
    binary cross-entropy of labels, squared error of a number. `y_true` is `(B, M * (F + K + 1))`, with a last column of
    1 where the image is available, `y_pred` is `(B, M * (F + K))`. Missing images count 0.
    """
    answer_loss = {"class": keras.losses.categorical_crossentropy, "labels": keras.losses.binary_crossentropy}.get(
        kind, keras.losses.mean_squared_error
    )

    def loss(y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        total = 0.0
        for truth, found in zip(ops.split(y_true, count, axis=1), ops.split(y_pred, count, axis=1), strict=True):
            features, answer, there = truth[:, : -1 - answers], truth[:, -1 - answers : -1], truth[:, -1]
            hint = keras.losses.mean_squared_error(features, found[:, :-answers])
            total = total + there * (hint + answer_loss(answer, found[:, -answers:]))
        return total

    return loss


def _taught(model: keras.Model, pupil: keras.Model) -> keras.Model:
    """Copy the encoders of the pupil into `model`; return it."""
    for layer in pupil.layers:
        if isinstance(layer, keras.Model):
            model.get_layer(layer.name).set_weights(layer.get_weights())
    return model
