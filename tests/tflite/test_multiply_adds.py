"""Tests of multiply-adds against formulas written by hand, and of the front-end count."""

import keras
import pytest
from keras import layers, ops

from mmzoo.benchmark.peers import keras_reference
from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer
from mmzoo.tflite.multiply_adds import FRONT_END, multiply_adds


def export(inputs, outputs, path):
    model = keras.Model(inputs, outputs)
    spec = [keras.InputSpec(shape=(1, *x.shape[1:]), dtype=x.dtype, name=x.name) for x in model.inputs]
    model.export(path, format="litert", input_signature=[spec] if len(spec) > 1 else spec, verbose=False)
    return path


def test_multiply_adds_each_operator_equals_formula(tmp_path):
    x = image = keras.Input((16, 12, 4), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)  # (16, 12, 8)
    x = layers.DepthwiseConv2D(5, strides=2, padding="same", activation="relu")(x)  # (8, 6, 8)
    x = layers.Conv2D(12, (3, 1), groups=4, activation="relu")(x)  # (6, 6, 12)
    x = layers.Conv2DTranspose(5, 2, strides=2, activation="relu")(x)  # (12, 12, 5)
    x = layers.Reshape((20, 36))(x)
    # products with and without an adjoint flag: the converter may turn a transpose into a flag
    x = ops.matmul(x, ops.transpose(2.0 * x, (0, 2, 1)))  # (20, 20)
    x = ops.matmul(ops.transpose(x, (0, 2, 1)), 3.0 * ops.abs(x))  # (20, 20)
    x = layers.Dense(7)(layers.Flatten()(x))
    counts = [
        16 * 12 * 8 * (3 * 3 * 4),
        8 * 6 * 8 * (5 * 5),
        6 * 6 * 12 * (3 * 1 * 2),
        6 * 6 * 12 * (2 * 2 * 5),
        20 * 20 * 36,
        20 * 20 * 20,
        400 * 7,
    ]
    assert multiply_adds(export(image, x, tmp_path / "m.tflite")) == (sum(counts), 0)


def test_multiply_adds_mobilenet_equals_keras_layers(tmp_path):
    """Compare MobileNet 0.25 at 96 pixels with the convolutions of its Keras layers, classes included."""
    model = keras.applications.MobileNet((96, 96, 3), alpha=0.25, weights=None, classes=1000)
    expected = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            height, width = layer.output.shape[1:3]
            expected += height * width * layer.kernel.shape.num_elements()
    path = keras_reference("mobilenet_v1_025", tmp_path)
    assert multiply_adds(path) == (expected, 0)
    graph = flatbuffer.read(path).subgraphs[0]
    shapes = [list(graph.tensors[i].shape) for i in [*graph.inputs, *graph.outputs]]
    assert shapes == [[1, 96, 96, 3], [1, 1000]]


class FrontEnd(layers.Layer):
    """Apply two matrix products with constants, as a log-mel spectrogram does."""

    def call(self, waveform):
        framed = ops.reshape(waveform, (-1, 50, 20))
        power = ops.square(ops.matmul(framed, ops.ones((20, 16))))
        return ops.log(ops.maximum(ops.matmul(power, ops.ones((16, 8))), 1e-6))


def test_multiply_adds_front_end_includes_upstream(tmp_path):
    audio = keras.Input((1000,), name="audio")
    image = keras.Input((10, 10, 1), dtype="uint8", name="image")
    hidden = keras.Input((1000,))
    encoder = keras.Model(hidden, layers.Dense(6)(FrontEnd(name="front_end")(hidden)), name="audio_encoder")
    seen = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255, name="front_end")(image))
    emphasized = layers.Dense(1000, name="emphasis")(audio)  # upstream of the front end
    outputs = layers.Concatenate()([layers.Flatten()(encoder(emphasized)), layers.Flatten()(seen)])
    path = export([audio, image], layers.Dense(3)(outputs), tmp_path / "m.tflite")
    front_end = 1000 * 1000 + 50 * 20 * 16 + 50 * 16 * 8
    rest = 50 * 8 * 6 + 8 * 8 * 4 * 9 + (300 + 256) * 3
    assert multiply_adds(path) == (front_end + rest, front_end)


def test_front_end_pattern_matches_layer_names_only():
    yes = ["functional_1/audio_encoder_1/front_end_1/Log", "functional_2_1/audio_front_end_1/Tensordot", "front_end"]
    no = ["functional_1/audio_encoder_1/conv/Relu", "front_ends/dense/MatMul", "confront_end/x", "front_end1x/y"]
    assert [bool(FRONT_END.search(name)) for name in yes + no] == [True] * 3 + [False] * 4


def test_multiply_adds_bad_file_raises(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"no model")
    for name in ("m.tflite", "missing.tflite"):
        with pytest.raises(BadInputError, match=rf"{name}: expected .* Received"):
            multiply_adds(tmp_path / name)
