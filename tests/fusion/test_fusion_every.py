"""Contract of every fusion in the folder: every pattern of `present`, gradients, half precision."""

import importlib
import itertools
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from on_device import randomize

import mmzoo.fusion
from mmzoo.models.transfer import read_model

WIDTH = 16
NAMES = ("image", "audio", "text")
PATTERNS = np.array(list(itertools.product((0, 1), repeat=3)), "float32")
FUSIONS = [info.name for info in pkgutil.iter_modules(mmzoo.fusion.__path__)]


def model_of(name):
    fuse = getattr(importlib.import_module(f"mmzoo.fusion.{name}"), name)
    inputs = {name: keras.Input((WIDTH,), name=name) for name in NAMES}
    present = keras.Input((3,), name="present")
    model = keras.Model({**inputs, "present": present}, {"y": fuse(inputs, present)})
    randomize(model)
    return model


@pytest.fixture(scope="module")
def models():
    return {name: model_of(name) for name in FUSIONS}


@pytest.fixture
def inputs():
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=(len(PATTERNS), WIDTH)).astype("float32") for name in NAMES}
    return {**values, "present": PATTERNS}


@pytest.mark.parametrize("name", FUSIONS)
def test_fusion_is_invariant_to_content_of_missing_modality(name, models, inputs):
    expected = np.asarray(models[name](inputs)["y"])
    assert expected.shape == (8, WIDTH)
    assert np.isfinite(expected).all()
    other = {n: inputs[n] + 100 * (1 - PATTERNS[:, i : i + 1]) for i, n in enumerate(NAMES)}
    np.testing.assert_array_equal(np.asarray(models[name]({**other, "present": PATTERNS})["y"]), expected)


@pytest.mark.parametrize("name", FUSIONS)
def test_fusion_depends_on_every_available_modality(name, models, inputs):
    before = np.asarray(models[name](inputs)["y"])
    for i, n in enumerate(NAMES):
        moved = np.abs(np.asarray(models[name]({**inputs, n: inputs[n][::-1]})["y"]) - before).max(axis=1)
        assert (moved[PATTERNS[:, i] == 1] > 1e-3).all(), n


@pytest.mark.parametrize("name", FUSIONS)
def test_gradients_reach_every_weight_and_embedding(name, models, inputs):
    model = models[name]
    given = {n: tf.constant(x) for n, x in inputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = model(given, training=True)["y"]
        loss = tf.reduce_sum(y * np.random.default_rng(4).normal(size=y.shape).astype("float32"))
    weights = {w.path: w.value for w in model.trainable_variables}
    gradients, back = tape.gradient(loss, [weights, given])
    # scores that all keys share change nothing in a softmax: that bias of attention is idle by nature
    none = [p for p, g in gradients.items() if (g is None or np.abs(g).max() < 1e-5) and not p.endswith("_key/bias")]
    assert not none
    for i, n in enumerate(NAMES):
        reached = np.abs(back[n]).max(axis=1) > 1e-6
        np.testing.assert_array_equal(reached, PATTERNS[:, i] == 1, n)


@pytest.mark.parametrize("name", FUSIONS)
def test_fusion_is_finite_in_half_precision(name, models, inputs):
    keras.config.set_dtype_policy("float16")
    try:
        half = model_of(name)
    finally:
        keras.config.set_dtype_policy("float32")
    half.set_weights(models[name].get_weights())
    big = {n: x if n == "present" else 8 * x for n, x in inputs.items()}
    expected, answer = (np.asarray(m(big)["y"], "float32") for m in (models[name], half))
    assert np.abs(answer - expected).max() <= 1e-2 * np.abs(expected).max()


@pytest.mark.parametrize("name", FUSIONS)
def test_survives_save_and_load(name, models, inputs, tmp_path):
    models[name].save(tmp_path / "m.keras")
    expected = models[name](inputs)["y"]
    np.testing.assert_array_equal(read_model(tmp_path / "m.keras")(inputs)["y"], expected)
