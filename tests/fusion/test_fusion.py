"""Fusions: formulas in NumPy, every modality subset, and the device."""

import itertools

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize

from mmzoo.fusion.concat import concat
from mmzoo.fusion.gated import gated

WIDTH = 8
NAMES = ("image", "audio", "text")
FUSIONS = {"concat": concat, "gated": gated}
PATTERNS = np.array(list(itertools.product((0, 1), repeat=3)), "float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def fused(fuse):
    inputs = {name: keras.Input((WIDTH,), name=name) for name in NAMES}
    present = keras.Input((3,), name="present")
    model = keras.Model({**inputs, "present": present}, {"y": fuse(inputs, present)})
    randomize(model)
    return model


@pytest.fixture
def inputs():
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=(len(PATTERNS), WIDTH)).astype("float32") for name in NAMES}
    return {**values, "present": PATTERNS}


def replaced(inputs, weights):
    """Return the three embeddings with the learned one where a modality is missing."""
    there = {name: inputs["present"][:, i : i + 1] for i, name in enumerate(NAMES)}
    return [inputs[n] * there[n] + weights[f"{n}_absent/kernel"] * (1 - there[n]) for n in NAMES]


def numpy_concat(inputs, weights):
    joined = np.concatenate(replaced(inputs, weights), axis=1)
    return np.maximum(joined @ weights["fusion/kernel"] + weights["fusion/bias"], 0)


def numpy_gated(inputs, weights):
    joined = np.concatenate(replaced(inputs, weights), axis=1)
    total = 0
    for i, name in enumerate(NAMES):
        gate = sigmoid(joined @ weights[f"{name}_gate/kernel"] + weights[f"{name}_gate/bias"])
        total = total + gate * inputs[name] * inputs["present"][:, i : i + 1]
    return total


@pytest.mark.parametrize(("fuse", "formula"), [(concat, numpy_concat), (gated, numpy_gated)])
def test_formula(fuse, formula, inputs):
    model = fused(fuse)
    weights = {weight.path: np.asarray(weight) for weight in model.weights}
    answer = np.asarray(model(inputs)["y"])
    assert answer.shape == (len(PATTERNS), WIDTH)
    np.testing.assert_allclose(answer, formula(inputs, weights), atol=1e-5)


@pytest.mark.parametrize("fuse", FUSIONS.values(), ids=FUSIONS)
def test_fusion_is_invariant_to_content_of_missing_modality(fuse, inputs):
    model = fused(fuse)
    other = {name: x + 100 * (1 - PATTERNS[:, i : i + 1]) for i, (name, x) in enumerate(list(inputs.items())[:3])}
    expected = np.asarray(model(inputs)["y"])
    np.testing.assert_allclose(np.asarray(model({**other, "present": PATTERNS})["y"]), expected, atol=1e-4)
    assert np.isfinite(expected).all()


@pytest.mark.parametrize("fuse", FUSIONS.values(), ids=FUSIONS)
def test_fusion_depends_on_every_available_modality(fuse, inputs):
    model = fused(fuse)
    before = np.asarray(model(inputs)["y"])
    for i, name in enumerate(NAMES):
        moved = np.abs(np.asarray(model({**inputs, name: inputs[name][::-1]})["y"]) - before).max(axis=1)
        assert (moved[PATTERNS[:, i] == 1] > 1e-3).all()


@pytest.mark.parametrize("fuse", FUSIONS.values(), ids=FUSIONS)
def test_on_device(fuse, inputs, tmp_path, gpu):
    inner = fused(fuse)
    model = keras.Model(inner.input, {"y": keras.layers.Dense(4)(inner.output["y"])})
    randomize(model)
    check_on_device(model, inputs, tmp_path, gpu)
