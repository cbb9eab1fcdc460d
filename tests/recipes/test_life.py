"""The life of a recipe: every module of `mmzoo/recipes` goes through all of it."""

import dataclasses
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import randomize
from untraced import untraced

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.artifacts.golden import golden_examples
from mmzoo.data.presence import present_patterns
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.export.writer import export
from mmzoo.models.transfer import read_model
from mmzoo.recipe import CommonConfig
from mmzoo.training.loop import compile_phase, fit
from mmzoo.verification.table import table
from mmzoo.verification.verify import verify

PARAMETERS = json.loads((Path(__file__).parent / "parameters.json").read_text())

# the twins of their exports: trained as `mmzoo train` does it, each asserts that every file is right and on the GPU
TRAINED = {
    "anomaly_detection": "test_anomaly_detection",
    "audio_visual_speech": "test_audio_visual_speech",
    "image_text_retrieval": "test_image_text_retrieval",
    "object_detection": "test_object_detection",
    "spoken_digits": "test_first_command",
}
EXPORTED = [pytest.param(n, marks=[pytest.mark.slow] if n in TRAINED else []) for n in recipes.names()]


@pytest.fixture(scope="module", params=recipes.names())
def recipe(request):
    return recipes.load(request.param)


@pytest.fixture(scope="module")
def batch(recipe):
    return next(iter(recipe.dataset("train", recipe.tiny)))


@pytest.fixture(scope="module")
def test_batch(recipe):
    return next(iter(recipe.dataset("test", recipe.tiny)))


@pytest.fixture(scope="module")
def randomized(recipe):
    """Return the model of `recipe.tiny` and random weights for it."""
    keras.utils.set_random_seed(0)
    model = recipe.build(recipe.tiny)
    randomize(model)
    return model, model.get_weights()


@pytest.fixture
def model(randomized):
    """Return the model with its random weights, whatever another test made of them."""
    model, weights = randomized
    model.set_weights(weights)
    return model


@pytest.fixture(scope="module")
def memorized(recipe, test_batch):
    """Return a model that was trained on one small batch, the batch, and the loss before."""
    config, steps = recipe.tiny, 100
    keras.utils.set_random_seed(0)
    model = recipe.build(config)
    inputs, labels = test_batch
    inputs, labels = {name: np.asarray(x)[::16][:32] for name, x in inputs.items()}, np.asarray(labels)[::16][:32]
    compile_phase(model, recipe.objective(config), recipe.plan(config)[0], steps)
    with untraced():
        before = model.test_on_batch(inputs, labels)[0]
    for _ in range(steps):
        model.train_on_batch(inputs, labels)
    return model, inputs, labels, before


def modalities(inputs):
    return [name for name in inputs if name != "present"]


def classifies(recipe):
    """Tell whether a recipe answers with probabilities of classes."""
    return "probabilities" in recipe.export(recipe.tiny).outputs


def test_has_its_names_and_signatures(recipe):
    assert recipe.name in recipes.names()
    assert recipe.summary
    assert issubclass(recipe.Config, CommonConfig)
    assert isinstance(recipe.tiny, recipe.Config)
    assert len(dataclasses.fields(recipe.Config)) <= 17
    assert recipe.kinds is None or isinstance(recipe.kinds(recipe.tiny), tuple)


def test_training_data_are_one_epoch_of_known_length(recipe):
    config = dataclasses.replace(recipe.tiny, epochs=recipe.tiny.epochs + 1)
    first, again, second = (recipe.dataset("train", config, epoch) for epoch in (0, 0, 1))
    assert len(first) == len(second) == sum(1 for _ in first) > 0
    one, same, other = (tf.nest.flatten(next(iter(batches))) for batches in (first, again, second))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_data_fits_the_model(recipe, model, split):
    inputs, labels = next(iter(recipe.dataset(split, recipe.tiny)))
    assert set(inputs) == set(model.input)
    for name, x in inputs.items():
        assert x.dtype == model.input[name].dtype, name
        assert x.shape[1:] == model.input[name].shape[1:], name
        assert np.isfinite(np.asarray(x, "float32")).all(), name
        low, high = recipe.export(recipe.tiny).ranges[name]
        assert low <= np.min(x) <= np.max(x) <= high, name
    assert {len(x) for x in inputs.values()} == {len(labels)}
    if split != "train":
        assert np.min(inputs.get("present", 1)) == 1


def test_validation_and_test_share_no_example(recipe):
    """Training is augmented; that it shares no file with the others is tested where the sources are."""
    seen = {}
    for split in ("validation", "test"):
        inputs, _ = next(iter(recipe.dataset(split, recipe.tiny)))
        for name in modalities(inputs):
            for row in np.asarray(inputs[name]):
                assert seen.setdefault((name, row.tobytes()), split) == split


def without_gradient(recipe, config, model, inputs, labels):
    """Return the paths of the weights of `model` on which the loss of a batch does not depend."""
    loss, weights = keras.losses.get(recipe.objective(config)["loss"]), model.trainable_variables
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(loss(labels, model(inputs, training=True)))
    gradients = tape.gradient(value, [w.value for w in weights])
    return {w.path for w, g in zip(weights, gradients, strict=True) if g is None or not np.any(g)}


def test_every_weight_gets_a_gradient(recipe, model, batch):
    inputs, labels = batch
    if "present" in inputs:
        inputs = {**inputs, "present": tf.concat([inputs["present"][:-1], tf.zeros_like(inputs["present"][:1])], 0)}
    assert not without_gradient(recipe, recipe.tiny, model, inputs, labels)


def test_models_of_one_modality_begin_alive(recipe):
    """As they are built: an embedding of zeros before a ReLU would have no gradient, and would never learn."""
    for modality in getattr(recipe.tiny, "modalities", ()):
        try:
            config = dataclasses.replace(recipe.tiny, modalities=(modality,))
        except BadInputError:
            continue  # it is of several, or it is nothing
        keras.utils.set_random_seed(0)
        model = recipe.build(config)
        batches = recipe.dataset("train", config).take(3)
        still = set.intersection(*(without_gradient(recipe, config, model, *batch) for batch in batches))
        assert not still, modality


def test_memorizes_one_batch_in_inference_mode(recipe, memorized):
    model, inputs, labels, before = memorized
    if not classifies(recipe):
        with untraced():
            assert model.test_on_batch(inputs, labels)[0] < 0.8 * before
        return
    assert np.mean(np.argmax(model(inputs, training=False), axis=1) == labels) == 1


def test_every_modality_matters(model, test_batch):
    inputs, _ = test_batch
    inputs = {name: np.asarray(x) for name, x in inputs.items()}
    before = np.asarray(model(inputs))
    for name in modalities(inputs):
        moved = np.asarray(model({**inputs, name: inputs[name][::-1]}))
        assert np.abs(moved - before).max() > 1e-3, name


def test_every_subset_of_present_gives_a_finite_answer(recipe, model, test_batch):
    inputs = {name: np.asarray(x) for name, x in test_batch[0].items()}
    if "present" not in inputs:
        assert not classifies(recipe) or len(inputs) == 1, "who classifies from several inputs can do without some"
        return
    for pattern in present_patterns(modalities(inputs)).values():
        present = np.tile(np.array(pattern, "float32"), (len(inputs["present"]), 1))
        answer = np.asarray(model({**inputs, "present": present}))
        assert np.isfinite(answer).all()
        if classifies(recipe):
            np.testing.assert_allclose(answer.sum(axis=1), 1, atol=1e-5)


def test_survives_save_and_load(model, test_batch, tmp_path):
    model.save(tmp_path / "m.keras")
    inputs, _ = test_batch
    np.testing.assert_array_equal(read_model(tmp_path / "m.keras")(inputs), model(inputs))


@pytest.mark.parametrize("recipe", EXPORTED, indirect=True)
def test_exports_in_each_format_stay_close_and_run_on_the_gpu(recipe, memorized, test_batch, tmp_path, gpu):
    """Of trained weights: those drawn at random magnify rounding as no trained ones do."""
    model = memorized[0]
    spec = recipe.export(recipe.tiny)
    exported = keras.Model(model.input, {k: model.get_layer(v).output for k, v in spec.outputs.items()})
    exported.save(tmp_path / "model.keras")
    inputs, labels = ({name: np.asarray(x) for name, x in test_batch[0].items()}, np.asarray(test_batch[1]))
    some = {name: x[:64] for name, x in inputs.items()}
    export(exported, tmp_path, spec, some, golden_examples(inputs, labels), Card(recipe.name, spec.task))
    report = verify(tmp_path, require_gpu=True)
    assert report["exit_code"] == 0, table(report)
    executed = {(row["artifact"], row["on"]) for row in report["checks"] if row["status"] == "right"}
    assert executed >= {("model_float32.tflite", "cpu"), ("saved_model", "cpu"), ("model.onnx", "cpu")}
    assert executed >= {(f"model_{precision}.tflite", "gpu") for precision in spec.precisions}


def test_parameter_count_is_the_recorded_one(recipe):
    assert recipe.build(recipe.Config()).count_params() == PARAMETERS[recipe.name]


def test_two_builds_of_a_seed_are_equal_and_training_tells_its_metric(recipe, tmp_path):
    """One epoch of two batches; classifiers train their first modality only, to save time."""

    def few(split, config, epoch=0):
        return recipe.dataset(split, config, epoch).take(2 if split == "train" else 1)

    first = recipe.tiny.modalities[:1] if classifies(recipe) else recipe.tiny.modalities
    config = dataclasses.replace(recipe.tiny, modalities=first, epochs=1)
    shortened = dataclasses.replace(recipe, dataset=few)
    with untraced():  # `memorized` is traced
        one, history = fit(Experiment(shortened, config), tmp_path / "a", "first")
        two, _ = fit(Experiment(shortened, config), tmp_path / "b", "second")
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    metric = recipe.objective(config)["metrics"][0]
    metric = metric if isinstance(metric, str) else metric.__name__
    assert {"loss", metric, "val_loss", f"val_{metric}"} <= set(history)
    assert len(history[metric]) == 1
