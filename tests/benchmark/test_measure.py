"""Tests of the benchmark: consistent figures, child processes, reference models, bad input."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from mmzoo.benchmark import worker
from mmzoo.benchmark.measure import benchmark, log_mel_ratio
from mmzoo.benchmark.peers import cached_reference, keras_reference, stft_log_mel_model, to_tflite
from mmzoo.benchmark.timing import measure
from mmzoo.errors import BadInputError
from mmzoo.tflite import flatbuffer

SETTINGS = {"sample_rate": 8000, "frame_length": 200, "hop": 80, "num_mels": 40}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a folder with `model_float32.tflite` and a model of 9 times as many multiply-adds."""
    folder = tmp_path_factory.mktemp("models")
    for name, units in (("model_float32", 512), ("a_large", 1536)):
        x = waveform = keras.Input((units,))
        for _ in range(2):
            x = keras.layers.Dense(units)(x)
        to_tflite(keras.Model(waveform, x), folder / f"{name}.tflite")
    return folder


def test_benchmark_two_models_returns_consistent_figures(models, tmp_path, caplog):
    caplog.set_level("INFO", "mmzoo")
    reference = str(models / "a_large.tflite")
    result = benchmark([models], against=[reference], out=tmp_path / "figures.json", runs=60)
    assert json.loads((tmp_path / "figures.json").read_text()) == result
    small, large, again = result["models"]
    names = [f"{models.name}/model_float32.tflite", f"{models.name}/a_large.tflite", reference]
    assert [model["name"] for model in result["models"]] == names
    assert [model["peer"] for model in result["models"]] == [False, False, True]
    assert small["bytes"] == (models / "model_float32.tflite").stat().st_size
    assert (small["multiply_adds"], large["multiply_adds"]) == (2 * 512**2, 2 * 1536**2)
    assert not again["threads"]["1"]["ratio"]
    for model in (small, large):
        assert list(model["threads"]) == ["1", "2"]
        for count, f in model["threads"].items():
            assert 0 < f["best_ms"] <= f["median_ms"] <= f["p95_ms"]
            gflops = 2 * model["multiply_adds"] / f["best_ms"] / 1e6
            assert f["gflops"] == pytest.approx(gflops, rel=0.01)
            assert f["peak_share"] == pytest.approx(gflops / result["peak_gflops"][count], rel=0.02)
            other = again["threads"][count]
            assert f["ratio"][reference]["best"] == pytest.approx(f["best_ms"] / other["best_ms"], rel=0.01)
            assert f["ratio"][reference]["median"] == pytest.approx(f["median_ms"] / other["median_ms"], rel=0.01)
    ratios = [model["threads"]["1"]["ratio"][reference]["best"] for model in (small, large)]
    assert ratios[0] < 0.5 < ratios[1]
    table = "\n".join(caplog.messages)
    assert all(name in table for name in names)
    assert f"wrote {tmp_path / 'figures.json'}" in table


def test_measure_memory_excludes_parent_process(models):
    """Check that a child's peak does not include this process, which has loaded TensorFlow."""
    timing = measure([models / "model_float32.tflite", models / "a_large.tflite"], 1, 20)
    (before, small), (_, large) = timing.memory
    assert 10e6 < before < small < large < 150e6 < worker.peak_memory()
    assert large - small > 10e6  # 19 MB of weights against 2


def test_worker_other_packages_blocked_runs(models):
    code = f"""
import runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {{"mmzoo", "tensorflow", "keras", "tqdm", "scipy", "PIL"}}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
sys.argv = ["worker.py", "model", {str(models / "model_float32.tflite")!r}, "1"]
runpy.run_path({worker.__file__!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], input="5\n7\n", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [len(answer.get("times", [])) for answer in answers] == [0, 5, 7]


def test_matmul_step_cycles_sizes_and_returns_operations():
    step = worker.matmul_step()
    assert [step() for _ in range(5)] == [2 * n**3 for n in (*worker.SIZES, worker.SIZES[0])]
    assert len(worker.timed(step, 3)) == 3


def test_log_mel_ratio_is_at_most_one_half(tmp_path):
    """Check the required speed of the front end; the layer's own test checks its values."""
    from ai_edge_litert.interpreter import Interpreter

    waveform = np.random.default_rng(0).uniform(-1, 1, (1, 8000)).astype(np.float32)
    signature = Interpreter(str(stft_log_mel_model(8000, SETTINGS, tmp_path))).get_signature_runner()
    (answer,) = signature(**{next(iter(signature.get_input_details())): waveform}).values()
    assert answer.shape == (1, 98, 40)
    assert np.isfinite(answer).all()
    result = log_mel_ratio(runs=200)
    assert result["best"] == pytest.approx(result["log_mel"]["best_ms"] / result["stft_mel"]["best_ms"], rel=0.01)
    assert result["best"] <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3_small", "mobilenet_v3_large_075", "mobilenet_v2_035", "mobilenet_v1"])
def test_keras_reference_any_architecture_runs(tmp_path, name):
    assert measure([keras_reference(name, tmp_path)], 1, 20).peak > 0


def test_cached_reference_is_built_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(tmp_path / "cache"))
    made = []

    def make(name, folder):
        made.append(name)
        (folder / "made.tflite").write_text(name)
        return folder / "made.tflite"

    first = cached_reference("mobilenet_v1", tmp_path, make)
    assert (first.parent, first.read_text()) == (tmp_path / "cache", "mobilenet_v1")
    assert cached_reference("mobilenet_v1", tmp_path, make) == first
    assert cached_reference("mobilenet_v2", tmp_path, make) != first
    assert (made, len([*first.parent.iterdir()])) == (["mobilenet_v1", "mobilenet_v2"], 2)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMZOO_CACHE_DIR", str(tmp_path / "file"))
    assert cached_reference("mobilenet_v1", tmp_path, make) == tmp_path / "made.tflite"


def test_benchmark_bad_input_raises_one_line(models, tmp_path):
    model = models / "model_float32.tflite"
    (tmp_path / "text.tflite").write_text("hello")
    bad = [
        (
            {"paths": [tmp_path / "missing"]},
            "missing: no .tflite file found: expected a folder with .tflite files, or such a file",
        ),
        ({"paths": [models.parent]}, "no .tflite file found"),
        ({"paths": []}, "`paths` must be folders or .tflite files, got none"),
        ({"paths": [tmp_path / "text.tflite"]}, "text.tflite: expected a .tflite file"),
        ({"against": ["resnet"]}, "`against` must be .* got resnet"),
        ({"against": ["missing.tflite"]}, "`against`: no such file: missing.tflite"),
        ({"runs": 0}, r"`runs` must be whole numbers from 1, got \[0\]"),
        ({"threads": [1, -2]}, r"`threads` must be whole numbers from 1, got \[1, -2\]"),
        ({"threads": []}, "`threads` must be"),
        ({"out": tmp_path}, "`out`: cannot write the file"),
        ({"out": tmp_path / "no" / "such.json"}, "`out`: cannot write the file"),
    ]
    for arguments, message in bad:
        with pytest.raises(BadInputError, match=message) as caught:
            benchmark(**{"paths": [model], "against": [], **arguments})
        assert "\n" not in str(caught.value)


def test_measure_model_that_does_not_run_is_named(models, tmp_path):
    model = flatbuffer.read(models / "model_float32.tflite")
    for code in model.operatorCodes:
        code.deprecatedBuiltinCode = code.builtinCode = 32  # CUSTOM
        code.customCode = "Unheard"
    flatbuffer.write(model, tmp_path / "custom.tflite")
    before = set(os.listdir("/proc"))
    with pytest.raises(BadInputError, match=r"custom.tflite: expected a model that LiteRT runs. Received: exit 1, .+"):
        measure([models / "a_large.tflite", tmp_path / "custom.tflite"], 1, 20)
    children = [pid for pid in set(os.listdir("/proc")) - before if pid.isdigit()]
    remaining = [pid for pid in children if _parent(pid) == os.getpid()]
    assert not remaining, "a child process is still running"


def _parent(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0
