"""Tests of the graph of a `.tflite`: attributes of operators."""

import pytest
import tensorflow as tf
from silent_bugs import convert

from mmzoo.tflite import flatbuffer
from mmzoo.tflite.graph import Graph


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (
            lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 2]], "REFLECT"),
            {"mode": "REFLECT", "paddings": [[0, 0], [1, 0], [0, 2]], "inputs": [[1, 4, 8]]},
        ),
        (
            lambda x: x[:, ::-1, 1:7:2],
            {"begin": [0, 0, 1], "end": [0, 0, 7], "strides": [1, -1, 2], "inputs": [[1, 4, 8]]},
        ),
        (lambda x: tf.nn.leaky_relu(x, 0.25), {"alpha": 0.25, "inputs": [[1, 4, 8]]}),
        (lambda x: tf.reverse(x, [2]), {"axis": [2], "inputs": [[1, 4, 8]]}),
        (lambda x: tf.unstack(x, axis=1)[1], {"num": 4, "axis": 1, "inputs": [[1, 4, 8]]}),
        (tf.exp, {"inputs": [[1, 4, 8]]}),
    ],
)
def test_attributes_are_set_options_constants_and_shapes(tmp_path, function, expected):
    graph = Graph(flatbuffer.read(convert(tmp_path / "m.tflite", function, (1, 4, 8))))
    assert graph.attributes(0) == expected
