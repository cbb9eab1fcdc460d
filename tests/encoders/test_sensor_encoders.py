"""Sensor encoders: standardization in the graph, causality, and learning."""

import keras
import numpy as np
import pytest
from on_device import check_on_device, randomize
from training_checks import check_memorizes

from mmzoo.blocks.standardize import Standardize
from mmzoo.encoders.series_conv import series_conv
from mmzoo.encoders.tabular_mlp import tabular_mlp
from mmzoo.models.transfer import read_model

MEAN, VARIANCE = np.array([10.0, -3.0, 0.5]), np.array([4.0, 0.25, 9.0])
STEPS = 20
ENCODERS = {
    "tabular_mlp": lambda **more: tabular_mlp(3, 12, widths=(16, 8), **more),
    "series_conv": lambda **more: series_conv((STEPS, 3), 12, widths=(8, 8, 12), **more),
}


def examples(name, count=6, seed=0):
    shape = (count, 3) if name == "tabular_mlp" else (count, STEPS, 3)
    noise = np.random.default_rng(seed).normal(size=shape)
    return (MEAN + noise * np.sqrt(VARIANCE)).astype("float32")


@pytest.mark.parametrize("name", ENCODERS)
class TestEncoder:
    def test_is_a_named_model_of_one_embedding(self, name):
        model = ENCODERS[name]()
        assert model.name == name
        assert model.output.shape == (None, 12)

    def test_scales_in_the_graph(self, name):
        model = ENCODERS[name](mean=MEAN, variance=VARIANCE)
        scaled = keras.Model(model.input, model.get_layer("front_end").output)
        x = examples(name)
        np.testing.assert_allclose(np.asarray(scaled(x)), (x - MEAN) / np.sqrt(VARIANCE), atol=1e-5)

    def test_statistics_equal_adapt_and_are_not_trainable(self, name):
        model = ENCODERS[name]()
        x = examples(name, 50)
        model.get_layer("front_end").adapt(x)
        made = np.asarray(keras.Model(model.input, model.get_layer("front_end").output)(x)).reshape(-1, 3)
        np.testing.assert_allclose(made.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(made.std(axis=0), 1, atol=1e-4)
        assert not model.get_layer("front_end").trainable_weights

    def test_statistics_are_copied_with_the_weights(self, name, tmp_path):
        model = ENCODERS[name](mean=MEAN, variance=VARIANCE)
        randomize(model)
        expected = np.asarray(model(examples(name)))
        model.save(tmp_path / "model.keras")
        np.testing.assert_array_equal(np.asarray(read_model(tmp_path / "model.keras")(examples(name))), expected)
        other = ENCODERS[name]()
        other.set_weights(model.get_weights())
        np.testing.assert_array_equal(np.asarray(other(examples(name))), expected)

    def test_on_device(self, name, tmp_path, gpu):
        model = ENCODERS[name](mean=MEAN, variance=VARIANCE)
        figures = model.get_layer("front_end").get_weights()
        randomize(model)
        model.get_layer("front_end").set_weights(figures)
        given = model.input.name
        model = keras.Model({given: model.input}, {"embedding": model.output})
        check_on_device(model, {given: examples(name)}, tmp_path, gpu)

    def test_mean_without_variance_raises(self, name):
        with pytest.raises(ValueError, match=rf"{name} expects mean and variance together. Received: .*variance=None"):
            ENCODERS[name](mean=MEAN)
        with pytest.raises(ValueError, match=r"of shape \(3,\). Received: mean.shape=\(2,\), variance.shape=\(2,\)"):
            ENCODERS[name](mean=MEAN[:2], variance=VARIANCE[:2])


def test_standardize_constant_channel_is_not_divided():
    layer = Standardize()
    layer.build((None, 2))
    layer.adapt([[5.0, 1.0], [5.0, 3.0]])
    np.testing.assert_allclose(np.asarray(layer(np.array([[6.0, 4.0]], "float32"))), [[1.0, 2.0]])


@pytest.mark.parametrize(("mean", "variance"), [([0, np.nan], [1, 1]), ([0, 0], [1, -1]), ([0, 0], [np.inf, 1])])
def test_standardize_bad_statistics_raise(mean, variance):
    layer = Standardize()
    layer.build((None, 2))
    with pytest.raises(ValueError, match=r"Standardize expects finite figures, variance >= 0. Received: "):
        layer.set_figures(mean, variance)


def test_tabular_mlp_formula():
    model = ENCODERS["tabular_mlp"](mean=MEAN, variance=VARIANCE, dropout=0.5)
    randomize(model)
    model.get_layer("front_end").set_figures(MEAN, VARIANCE)
    x = (examples("tabular_mlp") - MEAN) / np.sqrt(VARIANCE)
    for name in ("dense0", "dense1", "embedding"):
        kernel, bias = model.get_layer(name).get_weights()
        x = np.maximum(x @ kernel + bias, 0)
    np.testing.assert_allclose(np.asarray(model(examples("tabular_mlp"), training=False)), x, atol=1e-4)


def causal(x, kernel, dilation):
    """Convolve `(T, C)` causally with `(3, C, D)`."""
    padded = np.concatenate([np.zeros((2 * dilation, x.shape[1])), x])
    return sum(padded[i * dilation : i * dilation + len(x)] @ kernel[i] for i in range(3))


def test_series_conv_formula():
    model = ENCODERS["series_conv"]()
    rng = np.random.default_rng(0)
    weights = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([rng.normal(0, 0.3, layer.kernel.shape)])
            weights[layer.name] = layer.get_weights()[0][:, 0]
    kernel, bias = model.get_layer("embedding").get_weights()
    series = rng.normal(size=(2, STEPS, 3)).astype("float32")
    norm = 1 / np.sqrt(1.001)  # batch norm, fresh
    for x, made in zip(series, np.asarray(model(series, training=False)), strict=True):
        for i in range(3):
            y = np.maximum(causal(x, weights[f"stage{i}_in"], 2**i) * norm, 0)
            y = np.maximum(causal(y, weights[f"stage{i}_out"], 2**i) * norm, 0)
            shortcut = weights.get(f"stage{i}_shortcut")
            x = np.maximum(y + (x if shortcut is None else x @ shortcut[0] * norm), 0)
        np.testing.assert_allclose(made, np.maximum(x.mean(axis=0) @ kernel + bias, 0), atol=1e-5)


def test_series_conv_is_causal_with_documented_receptive_field():
    model = series_conv((STEPS, 3), 12, widths=(8, 8))
    randomize(model)
    steps = keras.Model(model.input, model.get_layer("stage1_relu").output)
    x = np.random.default_rng(0).normal(size=(1, STEPS, 3)).astype("float32")
    seen = np.zeros((STEPS, STEPS), bool)
    for k in range(STEPS):
        other = x.copy()
        other[0, k] += 3
        seen[k] = np.abs(np.asarray(steps(other)) - np.asarray(steps(x))).max(axis=(0, 2, 3)) > 0
    ahead = np.arange(STEPS) - np.arange(STEPS)[:, None]
    assert not seen[(ahead < 0) | (ahead > 12)].any()
    assert seen[ahead == 0].all()
    assert seen[ahead == 12].any()


@pytest.mark.parametrize("name", ENCODERS)
def test_memorizes_a_batch(name):
    keras.utils.set_random_seed(0)
    x = examples(name, 16)
    encoder = ENCODERS[name]()
    encoder.get_layer("front_end").adapt(x)
    check_memorizes(encoder, x, np.random.default_rng(1).integers(0, 2, 16))


def padded_series(count, measured):
    """Return series `(count, STEPS, 4)` of which `measured` steps are measured, the others at the mean."""
    there = np.arange(STEPS)[:, None] < measured
    values = np.where(there, examples("series_conv", count), MEAN)
    return np.concatenate([values, np.broadcast_to(there, (count, STEPS, 1))], axis=-1).astype("float32")


def test_series_conv_averages_measured_steps_alone(tmp_path, gpu):
    figures = {"mean": np.append(MEAN, 0), "variance": np.append(VARIANCE, 1)}
    model = series_conv((STEPS, 4), 12, widths=(8, 8), measured=True, **figures)
    randomize(model)
    model.get_layer("front_end").set_figures(*figures.values())
    steps = keras.Model(model.input, [model.get_layer("stage1_relu").output, model.get_layer("embedding").input])
    for measured in (0, 7, STEPS):
        features, pooled = steps(padded_series(2, measured))
        mean = np.asarray(features)[:, :measured, 0].sum(axis=1) / max(1, measured)
        np.testing.assert_allclose(np.asarray(pooled), mean, rtol=1e-4, atol=1e-5)
    given = np.concatenate([padded_series(2, 7), padded_series(2, STEPS)])
    x = keras.Input((STEPS, 4), name="series")
    check_on_device(keras.Model({"series": x}, {"y": model(x)}), {"series": given}, tmp_path, gpu)
