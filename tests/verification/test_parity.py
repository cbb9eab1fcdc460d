"""Tests of the parts of `verify` that need neither a driver nor an export."""

import dataclasses
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from silent_bugs import quantized, randomize

from mmzoo import tasks
from mmzoo.artifacts.card import Card, Scores
from mmzoo.tasks.regression import MAE
from mmzoo.tflite import flatbuffer
from mmzoo.tflite.flatbuffer import METADATA, embedded_card
from mmzoo.verification import parity
from mmzoo.verification.accelerator import Answer
from mmzoo.verification.gpu_rules import RULES, explain, refusals
from mmzoo.verification.inputs import Examples, Spec, every_pattern, input_specs, random_examples
from mmzoo.verification.table import table
from mmzoo.verification.tflite_file import summary
from mmzoo.verification.verify import _exit_code, _score_row

TOLERANCE = parity.Tolerance(1e-3, 1e-5)
SCALES = np.array([640.0] * 4 + [1.0] * 8)  # boxes in pixels, then scores
# layout -> axis of the channels, and the shape of one example
LAYOUTS = {
    "last": (1, (1, 12)),
    "anchors": (2, (1, 10, 12)),
    "channel first": (1, (1, 12, 10)),
    "grid": (3, (1, 5, 4, 12)),
    "grid, channel first": (1, (1, 12, 5, 4)),
    "no batch": (0, (12, 10)),
}


def mixed_scales(layout: str, examples: int = 6) -> np.ndarray:
    """Return an output `(K, ...)` with boxes and scores along one axis."""
    axis, shape = LAYOUTS[layout]
    scales = SCALES.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return (np.random.default_rng(0).uniform(0.5, 1, (examples, *shape)) * scales).astype(np.float32)


def test_compare_errors_are_relative_to_largest_value():
    reference = {"y": np.array([[0.0, 4.0], [4.0, -2.0]])}
    found = parity.compare(reference, {"y": np.array([[0.0, 4.0], [4.1, -2.0]])}, TOLERANCE)
    assert found["y"]["relative"] == pytest.approx(0.1 / 4)
    assert found["y"]["worst"] == 1
    assert parity.right(found, parity.Tolerance(0.03, 1e-5))
    assert not parity.right(found, parity.Tolerance(0.02, 1e-5))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_compare_wrong_score_beside_boxes_in_pixels_is_wrong(layout):
    reference, axis = mixed_scales(layout), LAYOUTS[layout][0]
    answer = reference.copy()
    answer[(2, *np.where(np.arange(answer.ndim - 1) == axis, 9, 0))] += 0.05
    found = parity.compare({"y": reference}, {"y": answer}, TOLERANCE)
    assert not parity.right(found, TOLERANCE)
    assert found["y"]["worst"] == 2
    assert found["y"]["channel"] == {"axis": axis, "index": 9}
    assert found["y"]["difference"] == pytest.approx(0.05, rel=1e-3)
    assert 0.9 < found["y"]["scale"] <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("small", [0.0, 1e-4, 1.0])
def test_compare_rounding_of_largest_scale_is_right_in_a_small_channel(layout, small):
    reference = mixed_scales(layout)
    np.moveaxis(reference, LAYOUTS[layout][0] + 1, -1)[..., 5:] *= small
    noise = np.random.default_rng(1).uniform(-1, 1, reference.shape) * 640 * 16 * 2.0**-24
    found = parity.compare({"y": reference}, {"y": reference + noise}, parity.CPU)
    assert parity.right(found, parity.CPU)


def test_compare_channels_of_an_int8_tensor_share_its_step():
    reference = mixed_scales("last")
    found = parity.compare({"y": reference}, {"y": reference + 0.5}, parity.GPU["int8"])
    assert parity.right(found, parity.GPU["int8"])
    assert not parity.right(parity.compare({"y": reference}, {"y": reference + 40}, parity.GPU["int8"]), TOLERANCE)


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 1, 1)])
def test_compare_one_number_has_no_channel(shape):
    reference = np.arange(6.0).reshape(shape)
    found = parity.compare({"y": reference}, {"y": reference * 1.1}, TOLERANCE)["y"]
    assert found["relative"] == pytest.approx(0.1)
    assert found["channel"] is None


def test_summary_names_worst_output_and_channel():
    reference = {"boxes": mixed_scales("last"), "scores": mixed_scales("channel first"), "ids": np.ones((6, 1, 3))}
    answer = reference | {"scores": reference["scores"].copy()}
    answer["scores"][4, 0, 7, 3] += 0.2
    found = parity.compare(reference, answer, TOLERANCE)
    row = summary(found, Examples({}, tuple("abcdef"), ("",) * 6))
    assert (row["worst"], row["worst_output"]) == ("e", "scores")
    assert row["outputs"]["scores"]["channel"] == {"axis": 1, "index": 7}
    text = table(_report(row | {"artifact": "m.tflite", "on": "gpu", "against": "", "status": "wrong"}))
    assert "worst on e: output 'scores', channel 7 of axis 1, difference 2.0e-01, scale 1.0e+00" in text


def _report(row: dict) -> dict:
    gpu = {"status": "executed", "adapter": "a"}
    return {"path": "m.tflite", "exit_code": 1, "gpu": gpu, "checks": [row], "notes": []}


@pytest.mark.parametrize("answer", [{}, {"y": np.zeros(3)}, {"y": np.array([0.0, np.nan])}])
def test_right_invalid_output_is_false(answer):
    tolerance = parity.Tolerance(1.0, 1.0)
    assert not parity.right(parity.compare({"y": np.array([0.0, 1.0])}, answer, tolerance), tolerance)


def test_near_constant_outputs_are_named():
    varying, constant = np.arange(6.0).reshape(3, 2), np.full((3, 2), 7.0)
    outputs = {"varying": varying, "constant": constant, "zero": constant * 0}
    assert parity.near_constant(outputs, TOLERANCE) == ["constant", "zero"]


def test_repeat_error_dependent_run_is_detected():
    outputs = {"y": np.array([[1.0], [2.0]], np.float32)}
    same = Answer(outputs, again={"y": np.float32([1.0])}, fresh={"y": np.float32([2.0])})
    leak = Answer(outputs, again={"y": np.float32([1.1])}, fresh={"y": np.float32([2.0])})
    assert parity.repeat_error(same) == 0
    assert parity.repeat_error(leak) == pytest.approx(0.05, rel=1e-3)


def test_repeat_error_dependent_small_channel_is_detected():
    outputs = {"y": np.array([[640.0, 1.0], [320.0, 0.5]], np.float32)}
    leak = Answer(outputs, again={"y": np.float32([640.0, 0.999])}, fresh={"y": np.float32([320.0, 0.5])})
    assert parity.repeat_error(leak) > parity.REPEAT.relative


def test_kind_int8_embedding_table_is_a_weight(tmp_path):
    ids = keras.Input((12,), dtype="int32", name="ids")
    x = layers.Embedding(40, 32, name="table")(ids)
    model = randomize(keras.Model({"ids": ids}, {"y": layers.Dense(8, name="dense")(layers.Flatten()(x))}))
    file = flatbuffer.parse(quantized(model, {"ids": np.zeros((1, 12), np.int32)}, full=False))
    assert flatbuffer.operators(file)["DEQUANTIZE"] == 1
    assert parity.kind(file) == "dynamic"
    plain = parity.float_weights(file)
    assert parity.kind(plain) == "float32"
    assert "DEQUANTIZE" not in flatbuffer.operators(plain)
    flatbuffer.write(plain, tmp_path / "plain.tflite")
    given = np.random.default_rng(0).integers(0, 40, (1, 12)).astype(np.int32)
    runner = Interpreter(str(tmp_path / "plain.tflite")).get_signature_runner()
    expected = model.predict_on_batch({"ids": given})["y"]
    np.testing.assert_allclose(runner(ids=given)["y"], expected, atol=0.02 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("statuses", "gpu", "demanded", "code"),
    [
        (["right", "information", "reference"], "executed", True, 0),
        (["refused", "wrong"], "executed", False, 1),
        (["wrong"], "not executed", True, 1),
        (["right", "died"], "executed", False, 3),
        (["refused"], "not executed", True, 3),
        (["not executed"], "not executed", True, 4),
        (["not executed"], "not executed", False, 0),
    ],
)
def test_exit_code_several_failures_returns_most_severe(statuses, gpu, demanded, code):
    assert _exit_code([{"status": status} for status in statuses], {"status": gpu}, demanded) == code


def test_random_examples_include_every_present_pattern():
    examples = random_examples([Spec("present", (1, 3), np.float32, 0, 1)], seeds=2)
    assert len(set(examples.present)) == 8
    assert set(np.unique(examples.inputs["present"])) == {0.0, 1.0}
    assert examples.inputs["present"].shape == (2 * 4 * 8, 1, 3)
    assert len(every_pattern(examples).origin) == 2 * 4 * 8 * 8


def test_random_examples_fill_their_range():
    specs = [Spec("a", (1, 50), np.float32, -1, 1), Spec("b", (1, 50), np.uint8, 0, 255)]
    inputs = random_examples(specs, seeds=3).inputs
    assert inputs["a"].dtype == np.float32
    assert -1 <= inputs["a"].min() < -0.9
    assert 0.9 < inputs["a"].max() <= 1
    assert inputs["b"].dtype == np.uint8
    assert (inputs["b"].min(), inputs["b"].max()) == (0, 255)


def test_input_specs_ids_have_range_of_their_table(bugs):
    spec = input_specs(flatbuffer.read(bugs["g1"]), {})[0]
    assert (spec.low, spec.high) == (0, 49)
    inputs = random_examples([spec], seeds=3).inputs["ids"]
    assert inputs.dtype == np.int32
    assert 0 <= inputs.min() < 5
    assert 45 < inputs.max() <= 49


def test_input_specs_embedded_card_gives_ranges(bugs):
    model = flatbuffer.read(bugs["right"])
    flatbuffer.set_metadata(model, METADATA, b'{"inputs": [{"name": "x", "range": [2, 3]}]}')
    spec = next(s for s in input_specs(model, embedded_card(model)) if s.name == "x")
    assert (spec.low, spec.high) == (2, 3)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("GATHER: Only support 1D indices", "G1"),
        ("GATHER: Input / output dtype mismatch.", "G3"),
        ("STRIDED_SLICE: Slice does not support shrink_axis_mask parameter.", "G7"),
        ("RESHAPE: Tensor dimensions must be less than 5. a/b", "G8"),
        ('RESHAPE: Tensor "a" has bad input dims size: 6.', "G8"),
        ("WHILE: Operation is not supported.", "G9"),
        ("CAST: Tensor type(INT64) is not supported. a/Cast", "G9"),
        ("BATCH_MATMUL: Not supported batched mat mul case: non-constant tensor", "G10"),
        ("SUB: No support of few identical inputs in the same operation.", "G6"),
        ("DENSIFY: Operation is not supported.", None),
        ("MIRROR_PAD: Only Reflective padding is supported for Mirror Pad operation. But node has 2", "G20"),
        ("STRIDED_SLICE: Reverse slices are not supported.", "G20"),
        ("LOCAL_RESPONSE_NORMALIZATION: Operation is not supported.", "G20"),
    ],
)
@pytest.mark.parametrize("count", ["1", "No"])
def test_refusals_delegate_message_maps_to_rule(count, line, rule):
    log = f"ERROR: Following operations are not supported by GPU delegate:\n{line}\n{count} operations will run"
    found = refusals(log)
    assert [entry.get("rule") for entry in found] == [rule]
    assert found[0]["operator"] == line.split(":")[0]
    assert explain(rule).get("advice") == RULES.get(rule)


@pytest.mark.parametrize(("n", "drop", "status"), [(36, 0.028, "right"), (36, 0.09, "wrong"), (1000, 0.02, "wrong")])
def test_score_row_small_test_set_tolerates_two_examples(n, drop, status, tmp_path):
    files = {"model.keras": {"accuracy": 0.9, "n": n}, "model_int8.tflite": {"accuracy": 0.9 - drop, "n": n}}
    card = Card("r", "classification", scores=Scores(artifacts=files), max_score_drop=0.01)
    file = SimpleNamespace(
        kind="int8", path=tmp_path / "model_int8.tflite", row=lambda *cells, **more: more | {"status": cells[2]}
    )
    (row,) = _score_row(file, card)
    assert row["status"] == status


@pytest.mark.parametrize(("mae", "status"), [(2.05, "right"), (1.0, "right"), (2.5, "wrong")])
def test_score_row_of_an_error_rises_where_the_file_is_worse(mae, status, tmp_path, monkeypatch):
    by_error = dataclasses.replace(tasks.load("regression"), judged=MAE)
    monkeypatch.setattr(tasks, "load", lambda name: by_error)
    files = {"model.keras": {"mae": 2.0, "n": 500}, "model_int8.tflite": {"mae": mae, "n": 500}}
    card = Card("r", "regression", scores=Scores(artifacts=files), max_score_drop=0.1)
    file = SimpleNamespace(
        kind="int8", path=tmp_path / "model_int8.tflite", row=lambda *cells, **more: more | {"status": cells[2]}
    )
    (row,) = _score_row(file, card)
    assert row["status"] == status
