"""Teachers: a small encoder learns the features and the answers of a published network, which is not shipped."""

import dataclasses

import keras
import numpy as np
import pytest

from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.transfer import teacher
from mmzoo.automl.transfer.probe import probe_answers
from mmzoo.automl.transfer.teacher import lesson_loss, pupil
from mmzoo.errors import BadInputError
from mmzoo.models.table_encoders import table_encoders
from mmzoo.training.stages import fit, lessons

pytestmark = pytest.mark.usefixtures("cache")


def splits_of(rows, targets, cut):
    return {"train": rows[:cut], "validation": rows[cut:]}, {"train": targets[:cut], "validation": targets[cut:]}


@pytest.mark.parametrize("kind", ["class", "labels", "number"])
def test_probe_answers_rows_that_it_has_not_seen(kind):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 8)).astype("float32") * 5 + 3
    score = (rows[:, :3] - 3) / 5
    targets = {"class": score.argmax(axis=1), "labels": (score > 0).astype(float), "number": score[:, 0]}[kind]
    count = 1 if kind == "number" else 3
    answers, quality = probe_answers(*splits_of(rows, targets, 300), kind, count)
    assert {split: x.shape for split, x in answers.items()} == {"train": (300, count), "validation": (100, count)}
    if kind == "number":
        np.testing.assert_allclose(answers["train"][:, 0], targets[:300], atol=0.2)
        assert quality > -0.1
    else:
        assert quality > 0.9
        assert answers["train"].min() >= 0
        assert answers["train"].max() <= 1
    # noise is not learned: what a row is answered does not come from its own target
    noise = rng.permutation(targets)
    answers, _ = probe_answers(*splits_of(rows, noise, 300), kind, count)
    if kind == "class":
        assert np.mean(answers["train"].argmax(axis=1) == noise[:300]) < 0.45


def test_probe_of_a_class_without_training_rows_answers_0_for_it():
    rows = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    targets = (rows[:, 0] > 0).astype(int) * 2  # never 1
    answers, _ = probe_answers(*splits_of(rows, targets, 30), "class", 3)
    assert not answers["train"][:, 1].any()
    np.testing.assert_allclose(answers["validation"].sum(axis=1), 1, atol=1e-6)
    alone, _ = probe_answers(*splits_of(rows, np.zeros(40, int), 30), "class", 2)
    np.testing.assert_array_equal(alone["train"], [[1, 0]] * 30)


@pytest.mark.parametrize("kind", ["class", "labels", "number"])
def test_lesson_loss_is_the_formula(kind):
    rng = np.random.default_rng(0)
    features, count = 5, 1 if kind == "number" else 3
    truth, found = (rng.uniform(0.1, 0.9, (4, 2, features + count)).astype("float32") for _ in range(2))
    there = np.array([[1, 1], [1, 0], [0, 1], [0, 0]], "float32")
    expected = np.zeros(4)
    for i in range(2):
        t, p = truth[:, i], found[:, i]
        hint = ((t[:, :features] - p[:, :features]) ** 2).mean(axis=1)
        t, p = t[:, features:], p[:, features:]
        answer = {
            "class": -(t * np.log(p / p.sum(axis=1, keepdims=True))).sum(axis=1),
            "labels": -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1),
            "number": ((t - p) ** 2).mean(axis=1),
        }[kind]
        expected += there[:, i] * (hint + answer)
    given = np.concatenate([truth, there[:, :, None]], axis=2).reshape(4, -1)
    loss = np.asarray(lesson_loss(2, count, kind)(given, found.reshape(4, -1)))
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_pupil_has_features_and_answers_of_each_image():
    encoders = table_encoders({"image_front": (32, 32, 3), "image_back": (32, 32, 3)}, 8000, 8)
    model = pupil(encoders, 6, 3, "class")
    x = {
        name: np.random.default_rng(i).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
        for i, name in enumerate(encoders)
    }
    found = np.asarray(model(x)).reshape(2, 2, 9)
    np.testing.assert_allclose(found[:, :, 6:].sum(axis=2), 1, atol=1e-5)
    assert len([layer for layer in model.layers if isinstance(layer, keras.Model)]) == 1  # shared


def experiment_of(table, folder, weights, ignore=("price",)):
    from mmzoo import recipes

    request = Request(epochs=1, teacher=(f"image=mobilenet_v3_small:{weights}",), ignore=ignore)
    text = recipe_text(from_values(assemble(table, "kind", request)))
    (folder / "recipe.py").write_text(text, encoding="utf-8")
    return recipes.experiment(str(folder / "recipe.py")), text


def test_lessons_are_learned():
    rng = np.random.default_rng(0)
    color = rng.integers(0, 3, 64)
    images = rng.integers(0, 120, (64, 32, 32, 3)).astype("uint8")
    images[np.arange(64), ..., color] += 120
    answers = np.eye(3, dtype="float32")[color]
    features = (answers @ rng.normal(size=(3, 5))).astype("float32")
    lesson = np.hstack([features, answers, np.ones((64, 1), "float32")])
    keras.utils.set_random_seed(0)
    model = pupil(table_encoders({"image": (32, 32, 3)}, 8000, 16, 0.25), 5, 3, "class")
    model.compile(keras.optimizers.Adam(5e-3), loss=lesson_loss(1, 3, "class"))
    model.fit({"image": images}, lesson, batch_size=16, epochs=20, verbose=0)
    found = np.asarray(model({"image": images}, training=True))  # few steps: the moving averages are behind
    assert np.square(found[:, :5] - features).mean() < 0.5 * np.square(features).mean()
    assert np.mean(found[:, 5:].argmax(axis=1) == color) > 0.9


@pytest.mark.slow
def test_encoder_learns_from_the_teacher_and_ships_alone(table, weights, tmp_path, monkeypatch):
    monkeypatch.setattr("mmzoo.data.tables.batches.SMALLEST_EPOCH", 192)
    experiment, text = experiment_of(table, tmp_path, weights, ignore=("back", "price"))
    assert "teachers={" in text
    assert "int8" in experiment.export().precisions
    experiment = experiment.changed(epochs=12, width=0.5)  # of the lessons, too
    taught = lessons(experiment)
    learned, before = fit(taught, tmp_path / "lessons", "lessons")
    assert before["loss"][-1] < 0.9 * before["loss"][0]
    y = np.concatenate([np.asarray(y) for _, y in taught.dataset("validation")])
    assert y.shape[1] == 576 + 3
    missed = np.square(learned.predict(taught.dataset("validation"), verbose=0) - y[:, :-1])[:, :576].mean()
    assert missed < 0.9 * np.square(y[:, :576]).mean()  # of 0, the mean of each feature
    short = experiment.changed(epochs=1)
    model, history = fit(short, tmp_path / "work", "taught")
    assert model.count_params() == experiment.build().count_params() < 500_000
    assert len(history["val_accuracy"]) == 1
    stage = experiment.recipe.first_stage(experiment.config)
    begun = stage.opened(learned).get_layer("image_encoder")
    for own, expected in zip(begun.get_weights(), learned.get_layer("image_encoder").get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_features_of_any_scale_are_lessons(scale):
    features = np.random.default_rng(0).normal(size=(200, 6)) * [1, 2, 3, 0.5, 1e-3, 0] * scale + 5 * scale
    mean, deviation = teacher._standard(features.astype("float32"))
    spread = ((features - mean) / deviation).std(axis=0)
    np.testing.assert_allclose(spread[:4], 1, atol=1e-3)
    assert spread[4] < 0.02  # it hardly moves
    assert spread[5] < 1e-3
    np.testing.assert_array_equal(teacher._standard(np.full((9, 2), scale))[1], 1)


def test_missing_images_have_no_lesson(table, weights, tmp_path):
    experiment, _ = experiment_of(table, tmp_path, weights)
    taught = lessons(experiment).dataset("validation")
    y = np.concatenate([np.asarray(y) for _, y in taught])
    there = y.reshape(len(y), 2, -1)[:, :, -1]  # of the front and the back
    examples = experiment.recipe.table.examples("validation", experiment.config)
    np.testing.assert_array_equal(there.astype(bool), examples.rows.present[examples.index])
    assert not y.reshape(len(y), 2, -1)[there == 0].any()
    assert y.reshape(len(y), 2, -1)[there == 1].any()


def test_teacher_is_for_images_without_a_published_encoder(table, weights):
    spec = f"image=mobilenet_v3_small:{weights}"
    with pytest.raises(
        BadInputError, match="`teacher` must be of a modality without `encoder`, got image_back, image_fr"
    ):
        assemble(table, "kind", Request(encoder=(spec,), teacher=(spec,)))
    with pytest.raises(
        BadInputError, match="`teacher` must be image_front=NETWORK, image_back=NETWORK, got video=vgg16"
    ):
        assemble(table, "kind", Request(teacher=("video=vgg16",)))


def test_recipe_without_its_images_has_no_lessons(table, weights, tmp_path):
    experiment, _ = experiment_of(table, tmp_path, weights)
    stage = experiment.recipe.first_stage
    assert stage(dataclasses.replace(experiment.config, init_from="model.keras")) is None
    alone = experiment.changed(modalities=("image_back",))
    assert [*lessons(alone).dataset("train").element_spec[0]] == ["image_back"]
