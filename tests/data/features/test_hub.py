"""Features of SavedModels, written here: nothing is downloaded."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.features.hub import hub_features
from mmzoo.errors import BadInputError

pytest.importorskip("tensorflow_hub")
PUBLISHED = Path(__file__).parents[3] / "saved_models" / "spoken_digits"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Write a SavedModel with a variable, a signature of two inputs and one of a single, and a call."""
    path = str(tmp_path_factory.mktemp("hub") / "saved")
    module = tf.Module()
    module.scale = tf.Variable([1.0, 2.0, 3.0])
    row = tf.TensorSpec((None, 3), tf.float32)

    @tf.function(input_signature=[row])
    def call(x):
        return x * module.scale

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "x")])
    def one(x):
        return {"scaled": x * module.scale}

    @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, "a"), tf.TensorSpec((None,), tf.int32, "b")])
    def two(a, b):
        return {"sum": tf.reduce_sum(a * module.scale, axis=1) + tf.cast(b, tf.float32), "first": a[:, :1]}

    module.__call__ = call
    tf.saved_model.save(module, path, signatures={"serving_default": one, "two": two})
    return path


X = np.arange(21.0).reshape(7, 3)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 32])
def test_hub_features_keep_order_over_batches(saved, batch_size):
    made = hub_features(saved, X, batch_size=batch_size)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, X * [1, 2, 3])


def test_inputs_and_outputs_by_name(saved):
    arrays = {"a": X, "b": np.arange(7)}
    made = hub_features(saved, arrays, signature="two", output="sum", batch_size=4)
    np.testing.assert_array_equal(made, X @ [1, 2, 3] + np.arange(7))
    assert hub_features(saved, arrays, signature="two", output="first").shape == (7, 1)


def test_without_signature_the_model_is_called(tmp_path):
    module = tf.Module()
    module.scale = tf.Variable(2.0)
    module.__call__ = tf.function(lambda x: x * module.scale, input_signature=[tf.TensorSpec((None, 3), tf.float32)])
    tf.saved_model.save(module, str(tmp_path))
    np.testing.assert_array_equal(hub_features(tmp_path, X.astype("float32"), signature=None), X * 2)


def test_published_model_gives_its_golden_embedding():
    with np.load(PUBLISHED / "golden.npz") as golden:
        inputs = {name: golden[f"input/{name}"] for name in ("image", "audio", "present")}
        expected = golden["output/embedding"]
    made = hub_features(PUBLISHED / "saved_model", inputs, output="embedding")
    np.testing.assert_allclose(made, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"signature": "nothing"},
            r"expected a signature of \['serving_default', 'two'\]. Received: signature='nothing'",
        ),
        ({"signature": "two"}, r"expected inputs \['a', 'b'\]. Received: \['None'\]"),
        ({"arrays": {"y": X}}, r"expected inputs \['x'\]. Received: \['y'\]"),
        ({"arrays": {"a": X, "b": np.arange(7)}, "signature": "two"}, "one of .*'sum'.*. Received: output=None"),
        ({"output": "nothing"}, r"one of \['scaled'\]. Received: output='nothing'"),
        ({"arrays": {"a": X, "b": np.arange(6)}, "signature": "two"}, "arrays of one length"),
        ({"arrays": X[:0]}, "at least 1"),
        ({"arrays": X[:, :2]}, "expected inputs that it takes. Received: "),
        ({"arrays": {"a": X, "b": X}, "signature": None}, "a model to call with one array"),
    ],
)
def test_hub_features_unknown_names_raise(saved, changed, message):
    given = {"arrays": X, **changed}
    with pytest.raises(BadInputError, match=message):
        hub_features(saved, **given)


def test_hub_features_bad_model_raises(tmp_path):
    with pytest.raises(BadInputError, match=r"expected a SavedModel. Received: "):
        hub_features(tmp_path / "nothing", X)


def test_missing_package_is_named(monkeypatch, saved):
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    with pytest.raises(BadInputError, match=r"tensorflow-hub is not installed: pip install 'mmzoo\[hub\]'"):
        hub_features(saved, X)
