"""Tests of `verify` on outputs that hold channels of different scales."""

import numpy as np
import pytest
import tensorflow as tf
from silent_bugs import convert

from mmzoo.verification.table import table
from mmzoo.verification.verify import verify

PIXELS = 640.0
BOXES, SCORES = (np.random.default_rng(n).normal(size=(10, n)).astype(np.float32) for n in (4, 8))


def boxes(x):
    return tf.matmul(x, BOXES) * PIXELS


def scores(x, slope=-1.0):
    """Scores that the GPU gets wrong for a slope below 0: it computes max(x, slope * x)."""
    return tf.sigmoid(tf.nn.leaky_relu(tf.matmul(x, SCORES), slope))


def joined(x):
    return tf.concat([boxes(x), scores(x)], -1)


def one_wrong_channel(x):
    parts = [boxes(x), scores(x, 0.2)]
    return tf.concat([*parts, tf.nn.leaky_relu(tf.matmul(x, SCORES[:, :1]), -0.5)], -1)


WRONG = {  # model -> shape of `x`, axis and channels of the wrong numbers
    "last axis": (joined, (1, 10), 1, range(4, 12)),
    "anchors": (joined, (1, 6, 10), 2, range(4, 12)),
    "channel first": (lambda x: tf.transpose(joined(x), (0, 2, 1)), (1, 6, 10), 1, range(4, 12)),
    "flat": (lambda x: tf.reshape(joined(x), (1, 72)), (1, 6, 10), 1, range(72)),
    "one channel": (one_wrong_channel, (1, 6, 10), 2, [12]),
    "two outputs": (lambda x: {"a": boxes(x), "b": joined(x)}, (1, 10), 1, range(4, 12)),
}


def checked(function, shape, tmp_path) -> tuple[dict, dict]:
    report = verify(convert(tmp_path / "m.tflite", function, shape))
    return report, next(row for row in report["checks"] if row["on"] == "gpu")


@pytest.mark.parametrize("name", WRONG)
def test_verify_wrong_scores_beside_boxes_name_output_channel_and_operator(gpu, tmp_path, name):
    function, shape, axis, channels = WRONG[name]
    report, row = checked(function, shape, tmp_path)
    assert report["exit_code"] == 1
    found = row["outputs"][row["worst_output"]]
    assert found["channel"]["axis"] == axis
    assert found["channel"]["index"] in channels
    assert found["scale"] < 20 < PIXELS
    assert row["first_difference"]["operator"] == "LEAKY_RELU"
    expected = f"output {row['worst_output']!r}, channel {found['channel']['index']} of axis {axis}, difference"
    assert expected in table(report)


def cancelled(x):
    """Boxes, and what rounding leaves of the difference of two equal sums."""
    again = tf.matmul(tf.gather(x, np.arange(10)[::-1].astype(np.int32), axis=2), BOXES[::-1])
    return tf.concat([boxes(x), (tf.matmul(x, BOXES) - again) * PIXELS], -1)


RIGHT = {
    "mixed": lambda x: tf.concat([boxes(x), scores(x, 0.2)], -1),
    "channel first": lambda x: tf.transpose(tf.concat([boxes(x), scores(x, 0.2)], -1), (0, 2, 1)),
    "zero channel": lambda x: tf.concat([boxes(x), boxes(x) * 0.0], -1),
    "rare class": lambda x: tf.nn.softmax(tf.matmul(x, SCORES) - np.arange(8, dtype=np.float32) * 3),
    "cancelled": cancelled,
}


@pytest.mark.parametrize("name", RIGHT)
def test_verify_right_small_channels_beside_large_ones_pass(gpu, tmp_path, name):
    report, row = checked(RIGHT[name], (1, 6, 10), tmp_path)
    assert report["exit_code"] == 0, row
