"""Convolutional blocks against NumPy, and on the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize

from mmzoo.blocks.conv import conv_norm, depthwise_norm, depthwise_separable, inverted_residual, squeeze_excite

BLOCKS = {
    "conv_norm": lambda x: conv_norm(x, 12, strides=2),
    "depthwise_norm": lambda x: depthwise_norm(x, strides=2),
    "depthwise_separable": lambda x: depthwise_separable(x, 12),
    "inverted_residual": lambda x: inverted_residual(x, 8),
    "inverted_residual_strided": lambda x: inverted_residual(x, 12, strides=2),
    "squeeze_excite": squeeze_excite,
}


def model_of(block):
    x = keras.Input((9, 7, 8), name="x")
    model = keras.Model({"x": x}, {"y": block(x)})
    randomize(model)
    return model


def weights_of(model):
    return {weight.path: np.asarray(weight) for weight in model.weights}


def convolve(x, kernel, strides):
    """Sum over windows of `x` `(H, W, C)` padded as TensorFlow's `same`; kernel `(k, k, C, F)`."""
    k = kernel.shape[0]
    size = [-(-n // strides) for n in x.shape[:2]]
    pad = [max(0, (m - 1) * strides + k - n) for m, n in zip(size, x.shape[:2], strict=True)]
    x = np.pad(x, [(p // 2, p - p // 2) for p in pad] + [(0, 0)])
    windows = [
        [x[i * strides : i * strides + k, j * strides : j * strides + k] for j in range(size[1])]
        for i in range(size[0])
    ]
    return np.einsum("ijabc,abcf->ijf", np.array(windows), kernel)


def depthwise(x, kernel, strides):
    """Convolve each channel of `x` separately; kernel `(k, k, C, 1)`."""
    return convolve(x, kernel * np.eye(kernel.shape[2]), strides)


def normalize(x, weights, name, epsilon=1e-3):
    gamma, beta, mean, variance = (
        weights[f"{name}_norm/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    return (x - mean) / np.sqrt(variance + epsilon) * gamma + beta


def relu(x):
    return np.maximum(x, 0)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 9, 7, 8)).astype("float32")


def answer(model, x):
    return np.asarray(model({"x": x}, training=False)["y"])


@pytest.mark.parametrize("strides", [1, 2])
def test_conv_norm(x, strides):
    model = model_of(lambda t: conv_norm(t, 12, strides=strides))
    w = weights_of(model)
    expected = [relu(normalize(convolve(one, w["conv/kernel"], strides), w, "conv")) for one in x]
    np.testing.assert_allclose(answer(model, x), expected, atol=2e-5)


def test_conv_norm_without_activation_is_linear(x):
    assert answer(model_of(lambda t: conv_norm(t, 4, activation=None)), x).min() < 0


@pytest.mark.parametrize("strides", [1, 2])
def test_depthwise_separable(x, strides):
    model = model_of(lambda t: depthwise_separable(t, 12, strides=strides))
    w = weights_of(model)
    for one, got in zip(x, answer(model, x), strict=True):
        y = relu(normalize(depthwise(one, w["separable_depthwise/kernel"], strides), w, "separable_depthwise"))
        y = relu(normalize(convolve(y, w["separable_pointwise/kernel"], 1), w, "separable_pointwise"))
        np.testing.assert_allclose(got, y, atol=2e-5)


@pytest.mark.parametrize(("filters", "strides", "adds"), [(8, 1, True), (8, 2, False), (12, 1, False)])
def test_inverted_residual_adds_input_if_shapes_agree(x, filters, strides, adds):
    model = model_of(lambda t: inverted_residual(t, filters, strides))
    w = weights_of(model)
    for one, got in zip(x, answer(model, x), strict=True):
        y = relu(normalize(convolve(one, w["inverted_expand/kernel"], 1), w, "inverted_expand"))
        y = relu(normalize(depthwise(y, w["inverted_depthwise/kernel"], strides), w, "inverted_depthwise"))
        y = normalize(convolve(y, w["inverted_project/kernel"], 1), w, "inverted_project")
        np.testing.assert_allclose(got, y + one if adds else y, atol=5e-5)


def test_squeeze_excite(x):
    model = model_of(squeeze_excite)
    w = weights_of(model)
    squeezed = x.mean(axis=(1, 2))
    reduced = relu(squeezed @ w["squeeze_excite_reduce/kernel"][0, 0] + w["squeeze_excite_reduce/bias"])
    gate = reduced @ w["squeeze_excite_expand/kernel"][0, 0] + w["squeeze_excite_expand/bias"]
    expected = x * np.clip(gate / 6 + 0.5, 0, 1)[:, None, None]
    np.testing.assert_allclose(answer(model, x), expected, atol=1e-5)


@pytest.mark.parametrize("name", BLOCKS)
def test_on_device(name, x, tmp_path, gpu):
    check_on_device(model_of(BLOCKS[name]), {"x": x}, tmp_path, gpu)
