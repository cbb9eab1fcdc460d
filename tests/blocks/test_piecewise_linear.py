"""Piecewise linear encoding against its formula, in files and on the GPU accelerator."""

import itertools

import keras
import numpy as np
import pytest
from on_device import check_on_device

from mmzoo.blocks.piecewise_linear import PiecewiseLinear
from mmzoo.encoders.tabular_mlp import tabular_piecewise

MEAN, VARIANCE = np.array([100.0, 0.0, -3.0]), np.array([400.0, 1.0, 0.25])
EDGES = ((60.0, 90.0, 100.0, 150.0), (), (-4.0, -3.0, -2.5))


def encoded(rows):
    """Return the encoding by its formula, column by column."""
    parts = [(rows - MEAN) / np.sqrt(VARIANCE)]
    for column, edges in enumerate(EDGES):
        x = rows[:, column]
        for a, b in itertools.pairwise(edges):
            parts.append(np.clip((x - a) / (b - a), 0, 1)[:, None])
    return np.concatenate(parts, axis=1)


def test_encoding_is_the_formula():
    layer = PiecewiseLinear([3, 0, 2])
    rows = np.random.default_rng(0).normal(MEAN, 2 * np.sqrt(VARIANCE), (50, 3))
    assert layer(np.zeros((1, 3), "float32")).shape == (1, 8)
    layer.set_figures(MEAN, VARIANCE, EDGES)
    np.testing.assert_allclose(layer(rows.astype("float32")), encoded(rows), atol=1e-5)
    np.testing.assert_allclose(layer(np.float32([[1e4, 1, -1e4]]))[0, 3:], [1, 1, 1, 0, 0])


def test_without_bins_it_standardizes():
    layer = PiecewiseLinear([0, 0])
    layer.build((None, 2))
    layer.set_figures(np.array([1.0, 2.0]), np.array([4.0, 0.0]), ((), ()))
    np.testing.assert_allclose(layer(np.float32([[3, 5]])), [[1, 3]])


@pytest.mark.parametrize(
    ("edges", "received"), [(((1.0, 2.0), ()), r"\(1.0, 2.0\)"), (((1.0, 3.0, 2.0), ()), r"\(1.0, 3.0, 2.0\)")]
)
def test_edges_that_cannot_be(edges, received):
    layer = PiecewiseLinear([2, 0])
    layer.build((None, 2))
    with pytest.raises(ValueError, match=f"3 ascending edges. Received: {received}"):
        layer.set_figures(np.zeros(2), np.ones(2), edges)


def test_width_that_cannot_be():
    with pytest.raises(ValueError, match="expects 2 columns"):
        PiecewiseLinear([2, 0])(np.zeros((1, 3), "float32"))


def test_encoder_is_saved_and_right_on_the_gpu(tmp_path, gpu):
    encoder = tabular_piecewise(3, 8, (MEAN, VARIANCE, EDGES), (16,))
    rows = np.random.default_rng(0).normal(MEAN, 2 * np.sqrt(VARIANCE), (8, 3)).astype("float32")
    model = keras.Model({"tabular": encoder.input}, {"embedding": encoder.output})
    check_on_device(model, {"tabular": rows}, tmp_path, gpu)
