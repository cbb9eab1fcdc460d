"""The question looks at the feature map."""

import keras
import numpy as np
import pytest
from on_device import randomize

from mmzoo.models import film_answer


def look(places, question, present=(1.0, 1.0), seed=0):
    """Return what the model of one picture makes of `places` `(H, W, D)`, and the weights of its layers by name."""
    given = {"image": keras.Input(places.shape), "text": keras.Input(question.shape)}
    there = keras.Input((2,))
    found = film_answer.look(given, there, lambda found, present: found["image"])
    model = keras.Model({**given, "present": there}, found)
    randomize(model, seed)
    weights = {layer.name: layer.get_weights() for layer in model.layers if layer.get_weights()}
    inputs = {"image": places[None], "text": question[None], "present": np.float32([present])}
    return np.asarray(model(inputs))[0], weights


@pytest.mark.parametrize("present", [(1.0, 1.0), (1.0, 0.0)])
def test_looking_is_its_formula(present):
    rng = np.random.default_rng(0)
    places, question = rng.normal(size=(3, 5, 4)).astype("float32"), rng.normal(size=4).astype("float32")
    found, weights = look(places, question, present)
    asked = question if present[1] else weights["asked_absent"][0][0]
    scale, shift = (asked @ weights[name][0] + weights[name][1] for name in ("look_scale", "look_shift"))
    np.testing.assert_allclose(found, np.maximum((1 + scale) * places + shift, 0).max(axis=(0, 1)), rtol=1e-5)
