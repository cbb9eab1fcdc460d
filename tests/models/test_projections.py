"""Projections of embeddings that are compared in a batch."""

import keras
import numpy as np
import pytest

from mmzoo.models.projections import projections


def encoder(name, width):
    x = keras.Input((width,), name=name)
    return keras.Model(x, keras.layers.Dense(6, activation="tanh")(x), name=f"{name}_encoder")


@pytest.mark.parametrize("unit", [True, False])
def test_projections_are_two_dense_layers_on_each_embedding(unit):
    keras.utils.set_random_seed(0)
    widths = {"image": 3, "audio": 5}
    model = projections({name: encoder(name, width) for name, width in widths.items()}, 4, unit, name="pairs")
    rng = np.random.default_rng(0)
    inputs = {name: rng.normal(size=(7, width)).astype("float32") for name, width in widths.items()}
    answer = np.asarray(model(inputs))
    assert (model.name, answer.shape) == ("pairs", (7, 2, 4))
    for i, name in enumerate(widths):
        embedding = np.asarray(model.get_layer(f"{name}_encoder")(inputs[name]))
        hidden, last = (model.get_layer(f"{name}_{part}").get_weights() for part in ("projection_hidden", "projection"))
        assert hidden[0].shape == (6, 8)
        expected = np.maximum(embedding @ hidden[0] + hidden[1], 0) @ last[0] + last[1]
        if unit:
            expected = expected / np.sqrt(4 * (np.mean(expected**2, axis=1, keepdims=True) + 1e-6))
        np.testing.assert_allclose(answer[:, i], expected, atol=1e-5)
