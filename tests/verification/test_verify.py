"""Tests of `verify` on single files with the real accelerator: exit code, operator and rule of each known bug."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer
from mmzoo.verification.accelerator import Job, execute
from mmzoo.verification.table import table
from mmzoo.verification.verify import REQUIRE, verify


def gpu_row(report: dict) -> dict:
    return next(row for row in report["checks"] if row["on"] == "gpu")


@pytest.fixture(scope="module")
def reports(gpu, bugs):
    """Return a function from model name to report; each model is verified once."""
    return cache(lambda name: verify(bugs[name], require_gpu=True))


@pytest.mark.parametrize(
    ("name", "code", "rule", "operator"),
    [
        ("g1", 3, "G1", None),
        ("g2", 1, "G2", "ADD"),
        ("g4", 1, "G4", "CONV_2D"),
        ("g6", 3, "G6", "BATCH_MATMUL"),
        ("g9", 3, "G9", None),
        ("g11", 1, "G11", None),
        ("deep", 1, "G4", "CONV_2D"),
    ],
)
def test_verify_known_bug_reports_code_rule_and_operator(reports, name, code, rule, operator):
    report = reports(name)
    row = gpu_row(report)
    assert report["exit_code"] == code
    assert row["rule"] == rule
    assert row.get("first_difference", {}).get("operator") == operator
    text = table(report)
    assert f"rule {rule}: " in text
    json.dumps(report, allow_nan=False)


def test_verify_branched_model_names_operator(reports):
    assert "grouped" in gpu_row(reports("deep"))["first_difference"]["tensor"]


def test_verify_whole_graph_error_is_reported_as_such(reports):
    found = gpu_row(reports("g11"))["first_difference"]
    assert found["suspect"]["operator"] == "ADD"
    assert "only the whole graph is wrong" in found["said"]


def test_verify_crash_and_refusal_have_different_status(reports):
    assert gpu_row(reports("g6"))["status"] == "died"
    assert "Check failed" in gpu_row(reports("g6"))["detail"]
    assert gpu_row(reports("g9"))["status"] == "refused"
    assert gpu_row(reports("g9"))["refused"][0]["operator"] == "L2_NORMALIZATION"


@pytest.mark.parametrize("name", ["right", "right_ids"])
def test_verify_correct_model_passes(reports, name):
    report = reports(name)
    assert report["exit_code"] == 0
    assert report["gpu"]["status"] == "executed"
    assert report["gpu"]["adapter"]
    assert gpu_row(report)["max_error"] < 1e-5
    assert gpu_row(report)["repeat_error"] == 0


def test_verify_file_without_signature_passes(gpu, bugs, tmp_path):
    model = flatbuffer.read(bugs["right"])
    model.signatureDefs = []
    flatbuffer.write(model, tmp_path / "bare.tflite")
    assert verify(tmp_path / "bare.tflite")["exit_code"] == 0


def test_verify_unsupported_operator_is_not_gpu_resident(gpu, bugs, tmp_path):
    model = flatbuffer.read(bugs["right"])
    names = [flatbuffer.op_name(model, op) for op in model.subgraphs[0].operators]
    code = model.operatorCodes[model.subgraphs[0].operators[names.index("MEAN")].opcodeIndex]
    code.deprecatedBuiltinCode = code.builtinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = "FlexErf"
    flatbuffer.write(model, tmp_path / "flex.tflite")
    report = verify(tmp_path / "flex.tflite")
    assert report["exit_code"] == 3
    assert [row["status"] for row in report["checks"]] == ["refused", "refused"]
    assert gpu_row(report)["rule"] == "G13"


def test_verify_dynamic_shape_is_not_gpu_resident(bugs):
    report = verify(bugs["dynamic"])
    assert report["exit_code"] == 3
    assert "dynamic" in gpu_row(report)["detail"]


def test_verify_without_driver_reports_not_executed(no_driver, bugs):
    report = verify(bugs["g4"])
    assert report["exit_code"] == 0
    assert gpu_row(report)["status"] == report["gpu"]["status"] == "not executed"
    last = table(report).splitlines()[-2]
    assert "libvulkan1 chromium-common" in last


def test_verify_required_gpu_without_driver_returns_4(no_driver, bugs, monkeypatch):
    assert verify(bugs["right"], require_gpu=True)["exit_code"] == 4
    monkeypatch.setenv(REQUIRE, "1")
    assert verify(bugs["right"])["exit_code"] == 4
    assert verify(bugs["dynamic"])["exit_code"] == 3


def test_execute_hanging_job_times_out_and_next_runs(bugs):
    x, z = np.zeros((1, 1, 8, 8, 4), np.float32), np.zeros((1, 1, 6), np.uint8)
    jobs = [Job(str(bugs["right"]), {"x": x, "z": z})] * 2
    assert [answer.died for answer in execute(jobs, timeout=0.001)] == [True, True]
    answers = execute([Job(str(bugs["right"]), {"x": x}), jobs[0]])
    assert answers[0].outputs is None
    assert "KeyError" in answers[0].error
    assert answers[1].outputs["y"].shape == (1, 1, 4)


def test_accelerator_worker_does_not_import_tensorflow():
    code = "import sys, mmzoo.verification.accelerator_worker\n"
    code += "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_verify_bad_input_raises_one_line(bugs, tmp_path):
    truncated = tmp_path / "half.tflite"
    truncated.write_bytes(bugs["right"].read_bytes()[:800])
    text = tmp_path / "text.tflite"
    text.write_text("no model")
    (tmp_path / "empty").mkdir()
    for path in (truncated, text, tmp_path / "missing.tflite", tmp_path / "empty"):
        with pytest.raises(BadInputError, match=r"expected .* Received") as error:
            verify(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(BadInputError, match="`seeds`"):
        verify(bugs["right"], seeds=0)
