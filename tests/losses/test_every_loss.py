"""Contract of every loss: shape, finite gradients on degenerate batches, float16, and every backend."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from loss_cases import BATCHES, LOSSES, all_answers, differentiated, examples

SCALARS = ("vicreg",)


@pytest.fixture(scope="module")
def answers():
    return all_answers()


@pytest.mark.parametrize("batch", BATCHES)
def test_loss_and_gradient_are_finite(batch, answers):
    for name in LOSSES:
        value, gradient = answers[batch, name]
        assert np.isfinite(value), name
        assert np.isfinite(gradient).all(), name
        assert batch != "usual" or np.abs(gradient).max() > 0, name


def test_loss_is_per_example_or_scalar():
    for name, (y_true, y_pred) in examples("usual").items():
        assert tuple(LOSSES[name](y_true, y_pred).shape) == (() if name in SCALARS else (len(y_pred),)), name


def test_float16_is_computed_in_float32():
    for name, (y_true, y_pred) in examples("usual").items():
        half = differentiated(name, "float16")
        rounded = y_pred.astype("float16")
        expected, exact = differentiated(name)(y_true, rounded.astype("float32"))
        value, gradient = half(y_true, rounded)
        assert gradient.dtype == "float16", name
        np.testing.assert_allclose(value, expected, rtol=1e-6, err_msg=name)
        np.testing.assert_allclose(gradient, exact, rtol=2e-3, atol=2e-3 * np.abs(exact).max(), err_msg=name)
        if name not in ("elbo", "by_uncertainty"):  # whose exponential is meant to explode
            value, gradient = half(y_true, 100 * rounded)
            assert np.isfinite(value), name
            assert np.isfinite(gradient).all(), name


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_agree(backend, answers, tmp_path):
    words = [
        sys.executable,
        str(Path(__file__).parents[1] / "support" / "losses_elsewhere.py"),
        str(tmp_path / backend),
    ]
    environ = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = pickle.loads((tmp_path / backend).read_bytes())
    assert {name for _, name in theirs} == set(LOSSES)
    for case, (other_value, other_gradient) in theirs.items():
        value, gradient = answers[case]
        np.testing.assert_allclose(other_value, value, rtol=1e-4, atol=1e-5, err_msg=str(case))
        assert np.isfinite(other_gradient).all(), case
        if case[0] == "usual":  # where several are equally far, backends choose as they like
            limit = 1e-4 * np.abs(gradient).max() + 1e-6
            np.testing.assert_allclose(other_gradient, gradient, rtol=1e-3, atol=limit, err_msg=str(case))
