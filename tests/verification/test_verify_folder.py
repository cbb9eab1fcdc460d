"""Tests of `verify` on a folder: every artifact against Keras, and weights changed by one percent."""

import json
import shutil

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from json_card import change_card
from silent_bugs import export, quantized, randomize, two_modalities

from mmzoo.artifacts import folder
from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer
from mmzoo.verification.verify import verify

FLOAT = "model_float32.tflite"


@pytest.fixture
def copied(exported, tmp_path):
    """Copy the exported folder without the artifacts that these tests do not use."""
    out = tmp_path / "copied"
    shutil.copytree(exported, out, ignore=shutil.ignore_patterns("saved_model", "*.onnx"))
    change_card(out, files={})
    return out


def row(report: dict, artifact: str, on: str) -> dict:
    return next(r for r in report["checks"] if (r["artifact"], r["on"]) == (artifact, on))


def weights(path) -> list[str]:
    """Return the names of the float constants of a `.tflite`."""
    model = flatbuffer.read(path)
    data = [model.buffers[t.buffer].data for t in model.subgraphs[0].tensors]
    held = zip(model.subgraphs[0].tensors, data, strict=True)
    return [t.name for t, d in held if t.type == schema.TensorType.FLOAT32 and d is not None and len(d)]


def change(path, name: str, factor: float) -> None:
    model = flatbuffer.read(path)
    tensor = next(t for t in model.subgraphs[0].tensors if t.name == name)
    buffer = model.buffers[tensor.buffer]
    values = np.asarray(buffer.data, np.uint8).copy().view(np.float32) * np.float32(factor)
    buffer.data = values.view(np.uint8)
    flatbuffer.write(model, path)


def test_verify_exported_folder_passes(gpu, exported):
    report = verify(exported, require_gpu=True)
    statuses = {(r["artifact"], r["on"]): r["status"] for r in report["checks"]}
    assert statuses == {
        ("1 files", ""): "right",
        ("model.keras", "cpu"): "right",
        (FLOAT, "cpu"): "right",
        (FLOAT, "gpu"): "right",
        ("saved_model", "cpu"): "right",
        ("model.onnx", "cpu"): "right",
    }
    assert report["exit_code"] == 0
    assert set(row(report, FLOAT, "gpu")["by_present"]) == {"11", "10", "01", "00"}
    assert set(row(report, FLOAT, "gpu")["outputs"]) == {"probabilities", "embedding"}
    assert row(report, FLOAT, "cpu")["max_error"] < 2e-6  # far below the tolerance that detects a changed weight
    json.dumps(report, allow_nan=False)


def test_verify_quantized_files_compare_gpu_with_cpu_run(gpu, copied):
    model, golden = randomize(two_modalities()), np.load(copied / "golden.npz")
    inputs = {name: golden[f"input/{name}"] for name in ("image", "audio", "present")}
    for name, full in (("dynamic", False), ("int8", True)):
        (copied / f"model_{name}.tflite").write_bytes(quantized(model, inputs, full))
    report = verify(copied)
    assert report["exit_code"] == 0
    assert row(report, "model_int8.tflite", "cpu")["status"] == "information"
    assert row(report, "model_int8.tflite", "cpu")["max_error"] > 1e-5
    assert row(report, "model_int8.tflite", "gpu")["status"] == "right"


def test_verify_weight_changed_by_one_percent_fails(no_driver, copied):
    """Check detection by execution only: this card has no hashes."""
    whole = (copied / FLOAT).read_bytes()
    names = weights(copied / FLOAT)
    assert len(names) >= 10
    missed = []
    for name in names:
        (copied / FLOAT).write_bytes(whole)
        change(copied / FLOAT, name, 1.01)
        if verify(copied)["exit_code"] != 1:
            missed.append(name)
    assert missed == []


def test_verify_changed_file_fails_by_hash(no_driver, copied):
    card = json.loads((copied / "card.json").read_text())
    card["files"] = {FLOAT: {"bytes": 1, "sha256": folder.sha256(copied / FLOAT)}}
    (copied / "card.json").write_text(json.dumps(card))
    assert verify(copied)["exit_code"] == 0
    change(copied / FLOAT, weights(copied / FLOAT)[0], 1 + 2**-23)
    report = verify(copied)
    assert report["exit_code"] == 1
    assert FLOAT in report["checks"][0]["detail"]


def test_verify_changed_file_does_not_blame_gpu(gpu, copied):
    change(copied / FLOAT, weights(copied / FLOAT)[-1], 1.5)
    report = verify(copied)
    assert report["exit_code"] == 1
    assert "the file itself differs" in row(report, FLOAT, "gpu")["detail"]


def test_verify_changed_golden_tensors_fails(no_driver, copied):
    arrays = dict(np.load(copied / "golden.npz"))
    arrays["output/embedding"] *= 1.001
    np.savez(copied / "golden.npz", **arrays)
    report = verify(copied)
    assert report["exit_code"] == 1
    assert row(report, "model.keras", "cpu")["status"] == "wrong"


def test_verify_constant_outputs_fails(no_driver, copied):
    model = folder.load_keras(copied)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    model.save(copied / "model.keras")
    export(model, copied / FLOAT)
    arrays = dict(np.load(copied / "golden.npz"))
    answers = model.predict_on_batch({n.removeprefix("input/"): a for n, a in arrays.items() if "input/" in n})
    np.savez(copied / "golden.npz", **arrays | {f"output/{n}": a for n, a in answers.items()})
    report = verify(copied)
    assert report["exit_code"] == 1
    assert row(report, FLOAT, "cpu")["status"] == "right"
    assert any("constant outputs" in check.get("detail", "") for check in report["checks"])


@pytest.mark.parametrize("name", ["model.keras", "golden.npz", FLOAT])
def test_verify_missing_or_truncated_artifact_raises(no_driver, copied, name):
    whole = (copied / name).read_bytes()
    (copied / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInputError, match=name):
        verify(copied)
    (copied / name).unlink()
    with pytest.raises(BadInputError, match=name):
        verify(copied)
