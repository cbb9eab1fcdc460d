"""Tests of `verify` on models that the GPU accelerator refuses: each refused operator is named with its place."""

import json
from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from silent_bugs import convert

from mmzoo.tflite import flatbuffer
from mmzoo.tflite.graph import Graph
from mmzoo.verification import parity
from mmzoo.verification.accelerator import _reason
from mmzoo.verification.bisect import first_difference
from mmzoo.verification.inputs import random_examples
from mmzoo.verification.refused import described
from mmzoo.verification.table import table
from mmzoo.verification.tflite_file import _differs, open_file
from mmzoo.verification.verify import verify

IMAGE, STEPS = (1, 5, 8, 4), (1, 5, 8)


def padded(x):
    return tf.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], "SYMMETRIC")


def around(refused):
    """Return the function with right operators before and after `refused`."""
    return lambda x: tf.nn.relu(refused(tf.nn.relu(x) * 2.0)) + 1.0


def besides(refused):
    """Return the function with right operators on another output."""
    return lambda x: {"a": tf.nn.relu(x) * 2.0 + 1.0, "b": refused(x)}


def unpacked(x):
    return tf.stack(tf.unstack(x, axis=1)[::-1], axis=1)


def split(x):
    return tf.concat(tf.split(x, 2, axis=2)[::-1], axis=2)


ONE = {  # model -> function, shape of `x`, refused operator, rule, words of the message
    "mirror pad": (padded, IMAGE, "MIRROR_PAD", "G20", "mode SYMMETRIC, paddings [[0, 0], [1, 2], [2, 1], [0, 0]]"),
    "negative stride": (lambda x: x[:, ::-1], IMAGE, "STRIDED_SLICE", "G20", "strides [1, -1, 1, 1]"),
    "response": (tf.nn.lrn, IMAGE, "LOCAL_RESPONSE_NORMALIZATION", "G20", "radius 5, bias 1"),
    "unpack": (unpacked, STEPS, "PACK", "G21", "after UNPACK (operator "),
    "split": (split, STEPS, "CONCATENATION", "G21", "after SPLIT (operator "),
    "rank 5": (lambda x: tf.transpose(x, (0, 2, 1, 3, 4)), (1, 2, 2, 3, 4), "TRANSPOSE", "G8", "input [1, 2, 2, 3, 4]"),
    "sum of three": (lambda x: tf.add_n([x, x * 2.0, x * 3.0]), STEPS, "ADD_N", None, "only supports 2 inputs"),
    "segments": (
        lambda x: tf.math.segment_sum(x, [0, 0, 1, 1, 2]),
        (5, 8),
        "SEGMENT_SUM",
        None,
        "Failed to modify graph with delegate",
    ),
    "scatter": (lambda x: tf.scatter_nd([[0], [2]], x, [4, 8]), (2, 8), "SCATTER_ND", None, "not supported"),
}


def checked(path) -> tuple[dict, dict]:
    report = verify(path)
    json.dumps(report, allow_nan=False)
    return report, next(row for row in report["checks"] if row["on"] == "gpu")


@pytest.mark.parametrize("name", ONE)
def test_verify_refused_operator_is_named_with_its_place(gpu, tmp_path, name):
    function, shape, operator, rule, words = ONE[name]
    placed = besides if function in (unpacked, split) else around  # between others these two are wrong, not refused
    path = convert(tmp_path / "m.tflite", placed(function), shape)
    graph = Graph(flatbuffer.read(path))
    report, row = checked(path)
    assert report["exit_code"] == 3
    assert row["status"] == "refused"
    entry = next(e for e in row["refused"] if e["operator"] == operator)
    assert graph.name(entry["index"]) == operator
    assert entry["tensor"] == graph.graph.tensors[int(graph.operators[entry["index"]].outputs[0])].name
    assert row.get("rule") == rule
    assert f"{operator} (operator {entry['index']}, output tensor" in row["detail"]
    assert words in row["detail"]


@pytest.mark.parametrize("name", ["mirror pad", "unpack", "segments"])
def test_verify_refusal_has_no_source_path_and_calls_nothing_correct(gpu, tmp_path, name):
    function, shape, *_ = ONE[name]
    report, row = checked(convert(tmp_path / "m.tflite", function, shape))
    text = table(report)
    for word in (".py", "Traceback", "mmzoo/", "every operator", "is correct"):
        assert word not in text
    assert "\n" not in row["detail"]


def test_verify_every_refused_operator_is_named(gpu, tmp_path):
    def several(x):
        return tf.nn.lrn(padded(tf.nn.relu(tf.nn.lrn(x)))[:, ::-1] * 2.0)

    _, row = checked(convert(tmp_path / "m.tflite", several, IMAGE))
    graph = Graph(flatbuffer.read(tmp_path / "m.tflite"))
    names = {k: graph.name(k) for k in range(len(graph.operators))}
    refused = {k: n for k, n in names.items() if n not in ("RELU", "MUL")}
    assert {entry["index"]: entry["operator"] for entry in row["refused"]} == refused
    assert len(refused) == 4


def test_verify_right_operator_of_a_refused_kind_is_not_named(gpu, tmp_path):
    def two_pads(x):
        return padded(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT") * 2.0)

    _, row = checked(convert(tmp_path / "m.tflite", two_pads, IMAGE))
    (entry,) = row["refused"]
    assert entry["index"] == 2
    assert entry["attributes"]["mode"] == "SYMMETRIC"


@pytest.mark.parametrize("function", [padded, lambda x: x[:, ::-1], unpacked])
def test_verify_advised_forms_are_right(gpu, tmp_path, function):
    rows = {padded: [0, 0, 1, 2, 3, 4, 4, 3]}.get(function, [4, 3, 2, 1, 0])
    shape = STEPS if function is unpacked else IMAGE
    gathered = convert(tmp_path / "m.tflite", lambda x: tf.gather(x, np.int32(rows), axis=1) * 2.0, shape)
    assert verify(gathered)["exit_code"] == 0


@pytest.mark.parametrize(
    ("function", "shape", "operator", "rule"),
    [
        (lambda x: tf.nn.leaky_relu(x * 2.0, -0.5), STEPS, "LEAKY_RELU", "G15"),
        (lambda x: tf.matmul(x, tf.nn.relu(x[0:1, 0:1, :, :])), (1, 3, 8, 8), "BATCH_MATMUL", "G16"),
        (lambda x: tf.cumsum(x * 2.0, axis=2, exclusive=True), STEPS, "CUMSUM", "G19"),
        (around(unpacked), STEPS, "PACK", "G21"),
        (around(split), STEPS, "CONCATENATION", "G21"),
        (lambda x: tf.unstack(x, axis=1)[0] + tf.unstack(x, axis=1)[1], (1, 4, 8), "ADD", "G21"),
    ],
)
def test_verify_wrong_operator_has_rule_and_attributes(gpu, tmp_path, function, shape, operator, rule):
    _, row = checked(convert(tmp_path / "m.tflite", function, shape))
    assert row["status"] == "wrong"
    assert (row["first_difference"]["operator"], row["rule"]) == (operator, rule)
    assert row["first_difference"]["attributes"]["inputs"]


def test_first_difference_of_refused_cuts_calls_nothing_correct(gpu, tmp_path):
    file = open_file(convert(tmp_path / "m.tflite", unpacked, STEPS))
    job = file.job(random_examples(file.specs, seeds=1).inputs, "gpu")
    found = first_difference(file.model, job, gpu, partial(_differs, parity.GPU["float32"]))
    assert found["operator"] is None
    assert found["said"] == "the accelerator refuses the models cut after an output: nothing to compare"


def test_reason_traceback_is_one_line_without_paths():
    log = 'INFO: [a.cc:1] x\nTraceback (most recent call last):\n  File "/a/worker.py", line 9, in main\n    run()\n'
    log += "RuntimeError: ERROR: [./litert/b.h:1]\n└ Failed to modify graph\nI0000 00:00:1 2 c.cc:3] y\n"
    assert _reason(log) == "Failed to modify graph"
    cause = "E0000 00:00:1 2 d.cc:4] Failed to create litert::Kernel: NOT_FOUND: Output id not found\n"
    assert _reason(cause + log) == "Failed to modify graph (NOT_FOUND: Output id not found)"


def test_described_many_operators_are_shortened():
    entry = {"operator": "RESHAPE", "message": "bad rank.", "tensor": "t", "attributes": {"inputs": [[1, 2]]}}
    text = described([entry | {"index": k} for k in range(9)])
    assert text.count("RESHAPE") == 1
    assert "and 6 more" in text
