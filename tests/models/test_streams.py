"""Models over tokens: one stream for all modalities, and a stream for each."""

import itertools
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy_transformer import cross_block, dense, layer_norm, softmax, transformer_block, weights_of
from on_device import check_on_device, randomize

from mmzoo.fusion.concat import concat
from mmzoo.heads.classifier import classifier
from mmzoo.models.multi_stream import multi_stream
from mmzoo.models.single_stream import single_stream
from mmzoo.models.transfer import load_encoders, read_model

WIDTH = 8
STEPS = {"image": 4, "audio": 3, "text": 2}
PATTERNS = np.array(list(itertools.product((0, 1), repeat=3)), "float32")
HEAD = partial(classifier, num_classes=4)


def encoder(name):
    x = keras.Input((STEPS[name], 5))
    return keras.Model(x, keras.layers.Dense(WIDTH, activation="relu", name="own")(x), name=f"{name}_encoder")


def model_of(kind, *names, num_layers=2):
    encoders = {name: encoder(name) for name in names}
    if kind == "single":
        model = single_stream(encoders, HEAD, num_layers=num_layers, num_heads=2)
    else:
        model = multi_stream(encoders, concat, HEAD, num_layers=num_layers, num_heads=2)
    randomize(model)
    return model


@pytest.fixture(scope="module")
def models():
    return {kind: model_of(kind, *STEPS) for kind in KINDS}


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(8, steps, 5)).astype("float32") for name, steps in STEPS.items()}
    return {**values, "present": PATTERNS}


def tokens_of(inputs, weights, model):
    """Return each encoder's tokens, computed by Keras, and their mask `{modality: (8, T)}`."""
    there = {name: PATTERNS[:, i : i + 1] for i, name in enumerate(STEPS)}
    tokens = {name: np.asarray(model.get_layer(f"{name}_encoder")(inputs[name])) for name in STEPS}
    return tokens, {name: np.repeat(there[name], steps, axis=1) for name, steps in STEPS.items()}


def answer_of(joint, weights):
    return softmax(dense(np.maximum(dense(joint, weights, "embedding"), 0), weights, "probabilities"))


def numpy_single(inputs, weights, model):
    tokens, seen = tokens_of(inputs, weights, model)
    x = [(tokens[n] + weights[f"{n}_place/positions"]) * seen[n][..., None] for n in STEPS]
    x = [dense(part, weights, f"{n}_tokens") for n, part in zip(STEPS, x, strict=True)]
    x = np.concatenate([np.repeat(weights["fusion_token/tokens"], 8, axis=0), *x], axis=1)
    mask = np.concatenate([np.ones((8, 1)), *seen.values()], axis=1)
    for i in range(2):
        x = transformer_block(x, weights, 2, mask, f"fusion{i}")
    return answer_of(layer_norm(x[:, 0], weights, "fusion"), weights)


def numpy_multi(inputs, weights, model):
    tokens, seen = tokens_of(inputs, weights, model)
    x = {n: tokens[n] * seen[n][..., None] + weights[f"{n}_place/positions"] for n in STEPS}
    for i in range(2):
        after = {}
        for n in STEPS:
            keys = np.concatenate([x[other] for other in STEPS if other != n], axis=1)
            mask = np.concatenate([seen[other] for other in STEPS if other != n], axis=1)
            mask = np.where(mask.any(axis=1, keepdims=True), mask, 1)  # all alike where there is nothing to see
            after[n] = cross_block(x[n], keys, weights, 2, mask, f"{n}{i}_cross")
            after[n] = transformer_block(after[n], weights, 2, np.ones((8, STEPS[n])), f"{n}{i}")
        x = after
    parts = []
    for n in STEPS:
        there, mean = seen[n][:, :1], layer_norm(x[n], weights, f"{n}_norm").mean(axis=1)
        parts.append(mean * there + (1 - there) * weights[f"{n}_absent/kernel"])
    return answer_of(np.maximum(dense(np.concatenate(parts, axis=1), weights, "fusion"), 0), weights)


KINDS = {"single": numpy_single, "multi": numpy_multi}


@pytest.mark.parametrize("kind", KINDS)
def test_formula(kind, models, inputs):
    model = models[kind]
    assert list(model.input) == [*STEPS, "present"]
    assert model.get_layer("embedding").output.shape == (None, WIDTH)
    expected = KINDS[kind](inputs, weights_of(model), model)
    np.testing.assert_allclose(np.asarray(model(inputs)), expected, atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_streams_depend_only_on_available_modalities(kind, models, inputs):
    before = np.asarray(models[kind](inputs))
    for i, name in enumerate(STEPS):
        after = np.asarray(models[kind]({**inputs, name: inputs[name][::-1] + 1}))
        np.testing.assert_array_equal(np.abs(after - before).max(axis=1) > 1e-7, PATTERNS[:, i] == 1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_gets_a_gradient(kind, models, inputs):
    model = models[kind]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(inputs, training=True) * tf.constant([1.0, 2.0, -3.0, 4.0]))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_variables])
    paths = [w.path for w in model.trainable_variables]
    none = [p for p, g in zip(paths, gradients, strict=True) if g is None or np.abs(g).max() < 1e-6]
    # scores that all keys share change nothing in a softmax: that bias of attention is idle by nature
    assert not [p for p in none if not p.endswith("_key/bias")]


@pytest.mark.parametrize("kind", KINDS)
def test_streams_one_modality_has_no_present(kind):
    model = model_of(kind, "audio")
    assert list(model.input) == ["audio"]
    assert not [w.path for w in model.weights if "cross" in w.path or "absent" in w.path]
    answer = np.asarray(model({"audio": np.ones((2, 3, 5), "float32")}))
    np.testing.assert_allclose(answer.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_streams_load_encoders_by_name(kind, models, inputs, tmp_path):
    models[kind].save(tmp_path / "m.keras")
    np.testing.assert_array_equal(read_model(tmp_path / "m.keras")(inputs), models[kind](inputs))
    names = [f"{name}_encoder" for name in STEPS]
    assert load_encoders(model_of(kind, "text"), tmp_path / "m.keras", names) == ["text_encoder"]


@pytest.mark.parametrize("kind", KINDS)
def test_on_device(kind, inputs, tmp_path, gpu):
    inner = model_of(kind, "image", "audio", num_layers=1)
    model = keras.Model(inner.input, {"probabilities": inner.output})
    given = {"image": inputs["image"], "audio": inputs["audio"], "present": PATTERNS[:, :2]}
    check_on_device(model, given, tmp_path, gpu)
