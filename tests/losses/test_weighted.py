"""Weighted sums of losses, fixed and learned, against sums by hand."""

import keras
import numpy as np
import pytest
from loss_cases import TASKS

from mmzoo.blocks.uncertainty import Uncertainty
from mmzoo.losses import weighted


def draw(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.1, 1, shape).astype("float32")


def targets_and_predictions(extra=0):
    y = np.c_[np.array([0, 2, 1, 1, 2]), draw(5, 2)].astype("float32")
    return y, draw(5, 5 + extra, seed=1)


def task_losses(y, p):
    classes = -np.log(np.exp(p[:, :3]) / np.exp(p[:, :3]).sum(1, keepdims=True))[np.arange(5), y[:, 0].astype(int)]
    return classes, np.mean((y[:, 1:] - p[:, 3:5]) ** 2, axis=1)


def test_over_modalities_weighs_each():
    y, p = draw(5, 4), draw(5, 3, 4, seed=1)
    each = [np.mean((y - p[:, i]) ** 2, axis=1) for i in range(3)]
    loss = weighted.over_modalities(keras.losses.mean_squared_error, [1.0, 0.5, 3.0])
    np.testing.assert_allclose(loss(y, p), each[0] + 0.5 * each[1] + 3 * each[2], rtol=1e-5)
    with pytest.raises(ValueError, match="Received: y_pred"):
        loss(y, p[:, :2])


def test_over_tasks_weighs_each():
    y, p = targets_and_predictions()
    classes, numbers = task_losses(y, p)
    np.testing.assert_allclose(weighted.over_tasks(TASKS, [2.0, 0.3])(y, p), 2 * classes + 0.3 * numbers, rtol=1e-5)


def test_by_uncertainty_weights_tasks_and_adds_log_variance():
    y, p = targets_and_predictions(extra=2)
    sigma = np.exp(p[:, 5:] / 2)
    parts = zip(task_losses(y, p), sigma.T, strict=True)
    expected = sum(cost / s**2 + np.log(s) for cost, s in parts)
    np.testing.assert_allclose(weighted.by_uncertainty(TASKS)(y, p), expected, rtol=1e-5)


def test_weighted_wrong_widths_raise():
    y, p = targets_and_predictions(extra=1)
    for loss in (weighted.over_tasks(TASKS, [1, 1]), weighted.by_uncertainty(TASKS)):
        with pytest.raises(ValueError, match="Received: y_true"):
            loss(y, p)
    with pytest.raises(ValueError, match="Received: y_true"):
        weighted.over_tasks(TASKS, [1, 1])(y[:, :2], p[:, :5])


def test_uncertainty_learns_the_noise_of_each_task(tmp_path):
    """The optimal log-variance equals the residual variance of a regression."""
    keras.utils.set_random_seed(0)
    half = [(lambda y, p: 0.5 * keras.losses.mean_squared_error(y, p), 1, 1)] * 2
    inputs = keras.Input((3,))
    model = keras.Model(inputs, Uncertainty(2)(keras.layers.Dense(2)(inputs)))
    model.compile(keras.optimizers.Adam(0.1), loss=weighted.by_uncertainty(half), jit_compile=False)
    rng = np.random.default_rng(0)
    y = rng.normal(0, [0.3, 2.0], (256, 2)).astype("float32")
    model.fit(np.zeros((25600, 3), "float32"), np.tile(y, (100, 1)), batch_size=256, verbose=0, shuffle=False)
    np.testing.assert_allclose(model.layers[-1].get_weights()[0][0], np.log(np.var(y, axis=0)), atol=0.1)
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Uncertainty": Uncertainty}, compile=False)
    np.testing.assert_array_equal(read.predict(y[:4, [0, 1, 1]], verbose=0), model.predict(y[:4, [0, 1, 1]], verbose=0))
