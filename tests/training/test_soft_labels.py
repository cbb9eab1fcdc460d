"""Mixup and label smoothing of a run: what trains on shares, what stays as it is, and what cannot be mixed."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from epochs import small_recipe

from mmzoo.data.augment.mixup import mixup
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipe import Phase
from mmzoo.training.loop import fit
from mmzoo.training.options import PhaseOptions, with_options

CONFIG = SimpleNamespace(seed=3)
STEPS, CLASSES = 3, 4  # of an epoch; of the labels


def build(config):
    x = keras.Input((4,), name="x")
    return keras.Model({"x": x}, keras.layers.Dense(CLASSES, activation="softmax")(x))


def dataset(split, config, epoch=0):
    def batch(step):
        x = tf.random.stateless_normal((8, 4), tf.stack([7, tf.cast(step, tf.int32)]))
        return {"x": x}, tf.cast(tf.argmax(x, axis=1), tf.int32)

    first, last = (epoch * STEPS, (epoch + 1) * STEPS) if split == "train" else (1000, 1002)
    return tf.data.Dataset.range(first, last).map(batch)


RECIPE = small_recipe(
    build=build,
    dataset=dataset,
    objective=lambda config: {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    plan=lambda config: (Phase("train", 2, 1e-2),),
    export=lambda config: SimpleNamespace(labels=tuple("abcd")),
)


def with_soft_labels(recipe=RECIPE, **options):
    return with_options(Experiment(recipe, CONFIG), PhaseOptions(**options))


def test_training_is_mixed_from_any_epoch_on_and_nothing_else_is():
    mixed = with_soft_labels(mixup=0.4)
    for epoch in (0, 1):
        expected = mixup(dataset("train", CONFIG, epoch), CLASSES, 0.4, CONFIG.seed, epoch * STEPS)
        for (x, y), (given, told) in zip(expected, mixed.dataset("train", epoch), strict=True):
            np.testing.assert_array_equal(x["x"], given["x"])
            np.testing.assert_array_equal(y, told)
    for split in ("validation", "test"):
        for (x, y), (given, told) in zip(dataset(split, CONFIG), mixed.dataset(split), strict=True):
            np.testing.assert_array_equal(x["x"], given["x"])
            np.testing.assert_array_equal(y, told)


def test_it_trains_and_validates(tmp_path):
    soft = with_soft_labels(mixup=0.2, label_smoothing=0.1)
    model, history = fit(soft, tmp_path, "soft")
    batches = list(dataset("validation", CONFIG))
    told = np.concatenate([model(x) for x, _ in batches])
    labels = np.concatenate([y for _, y in batches])
    smooth = 0.9 * np.eye(CLASSES)[labels] + 0.1 / CLASSES
    assert history["val_loss"][-1] == pytest.approx(-(smooth * np.log(told)).sum(axis=1).mean(), rel=1e-3)
    assert history["val_accuracy"][-1] == pytest.approx((told.argmax(axis=1) == labels).mean())
    assert len(history["loss"]) == 2


def test_what_cannot_be_mixed_is_refused():
    def ids(*given):
        return dataset(*given).map(lambda x, y: ({**x, "text": tf.zeros((8, 3), tf.int32)}, y))

    asked = dataclasses.replace(RECIPE, dataset=ids)
    with pytest.raises(BadInputError, match="`mixup` needs inputs of images or numbers; ids cannot be mixed: text"):
        with_soft_labels(asked, mixup=0.2)
    assert with_soft_labels(asked, label_smoothing=0.1) is not asked
    other = dataclasses.replace(RECIPE, objective=lambda config: {"loss": keras.losses.huber})
    for option in ("mixup", "label_smoothing"):
        with pytest.raises(BadInputError, match=f"`{option}` needs a recipe whose loss is sparse_categorical"):
            with_soft_labels(other, **{option: 0.1})
    for bad in ({"mixup": -0.1}, {"mixup": float("nan")}, {"label_smoothing": 1.0}):
        with pytest.raises(BadInputError, match=r"must be 0 \(off\)"):
            PhaseOptions(**bad)
