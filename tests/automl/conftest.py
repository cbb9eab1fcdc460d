"""Weights of a published network."""

import keras
import numpy as np
import pytest


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Return a file of weights of MobileNetV3Small with fitted batch norms, so that features differ between images."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    network = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None, pooling="avg")
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    rng = np.random.default_rng(0)
    for _ in range(8):
        colors = rng.integers(0, 256, (32, 1, 1, 3)) + rng.normal(0, 40, (32, 32, 32, 3))
        network(np.clip(colors, 0, 255).astype(np.float32), training=True)
    network.save_weights(path)
    return path
