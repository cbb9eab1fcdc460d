"""The output of a number that is learned as a logarithm: saved, on the GPU accelerator, and in 8 bits."""

import keras
import numpy as np
import pytest
from on_device import check_on_device

from mmzoo.blocks.standardize import ExponentialRescaling
from mmzoo.export.quantize import tflite_models
from mmzoo.models.transfer import read_model
from mmzoo.tflite.flatbuffer import write

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((6,), name="x")
    made = ExponentialRescaling(1.5, 4.0, shift=1.0, highest=9.0, dtype="float32")(keras.layers.Dense(1)(x))
    return keras.Model({"x": x}, {"value": made})


def test_the_exponential_is_clipped_and_shifted(model):
    values = model.predict({"x": 100 * X}, verbose=0)["value"]
    before = (100 * X) @ model.layers[1].get_weights()[0] * 1.5 + 4
    np.testing.assert_allclose(values, np.exp(np.minimum(before, 9)) - 1, rtol=1e-3)
    assert values.max() == pytest.approx(np.exp(9) - 1, rel=1e-5)


def test_a_saved_model_is_the_same(model, tmp_path):
    model.save(tmp_path / "m.keras")
    again = read_model(tmp_path / "m.keras").predict({"x": X}, verbose=0)["value"]
    np.testing.assert_array_equal(again, model.predict({"x": X}, verbose=0)["value"])


def test_on_device(model, tmp_path, gpu):
    check_on_device(model, {"x": X[:4]}, tmp_path, gpu)


def test_the_exponential_is_not_quantized(model, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    (made,) = tflite_models(model, ["int8"], {"x": X}).values()
    write(made, tmp_path / "m.tflite")
    run = Interpreter(str(tmp_path / "m.tflite")).get_signature_runner()
    found = np.concatenate([run(x=row[None])["value"] for row in X])
    truth = model.predict({"x": X}, verbose=0)["value"]
    np.testing.assert_allclose(np.log(found + 1), np.log(truth + 1), atol=0.1)
    assert len(np.unique(found)) > 12, "values of all sizes are told apart"
