"""Tests of the on-device runner: outputs against the interpreter, file formats, one-line errors."""

import itertools
import json
import os
import subprocess
import sys
import venv
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from adding_model import ADD, with_constant
from PIL import Image

from mmzoo.device import Runner
from mmzoo.device.__main__ import main
from mmzoo.device.media import to_int16, to_rate
from mmzoo.tflite import flatbuffer

ROOT = Path(__file__).resolve().parents[2]
LABELS = [f"digit {n}" for n in range(10)]
SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json"
BLOCKED = {"tensorflow", "keras", "PIL", "scipy", "soundfile", "librosa", "sklearn", "matplotlib", "pandas"}


def direct(path, feed):
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(str(path)).get_signature_runner("serving_default")(**feed)


@pytest.mark.parametrize("pattern", [(1, 1), (1, 0), (0, 1)])
def test_runner_any_modality_subset_equals_interpreter(model, example, pattern):
    given = dict(itertools.compress(example.items(), pattern))
    feed = {"image": np.zeros((1, 28, 28, 1), np.uint8), "audio": np.zeros((1, 8000), np.float32)}
    feed |= {name: array[None] for name, array in given.items()} | {"present": np.array([pattern], np.float32)}
    expected = direct(model, feed)
    runner = Runner(model)
    for _ in range(2):  # a second call is independent of the first
        answer = runner(**given)
        assert list(answer["probabilities"]) == LABELS
        np.testing.assert_array_equal(list(answer["probabilities"].values()), expected["probabilities"][0])
        np.testing.assert_array_equal(answer["embedding"], expected["embedding"][0])
        assert answer["label"] == LABELS[expected["probabilities"].argmax()]


def test_runner_opened_describes_inputs_and_labels(model):
    runner = Runner(model.parent, threads=2)
    assert runner.labels == LABELS
    assert runner.inputs["image"] == {
        "name": "image",
        "unit": "a unit",
        "shape": (1, 28, 28, 1),
        "dtype": "uint8",
    }
    assert set(runner.inputs) == {"image", "audio", "present"}


def test_runner_wav_file_equals_array(write_wav, model, example, tmp_path):
    path = write_wav(tmp_path / "a.wav", example["audio"], 4)
    runner = Runner(model)
    rounded = to_int16(example["audio"]) / np.float32(32768)  # as in training
    np.testing.assert_array_equal(runner(audio=Path(path))["embedding"], runner(audio=rounded)["embedding"])


def test_runner_card_without_rate_refuses_files(write_wav, embed, model, example, tmp_path):
    entries = [{"name": name} for name in ("image", "audio", "present")]
    embed(model, json.dumps({"labels": LABELS, "inputs": entries}).encode(), tmp_path / "m.tflite")
    runner = Runner(tmp_path / "m.tflite")
    assert runner(audio=example["audio"])["label"] == Runner(model)(audio=example["audio"])["label"]
    with pytest.raises(ValueError, match=r"a.wav: expected an array, as the model's card has no rate in Hz"):
        runner(audio=write_wav(tmp_path / "a.wav", example["audio"]))


def heard(model, embed, place, card):
    """Return a function of a waveform to the embedding, of `model` with another card."""
    embed(model, json.dumps(card).encode(), place / "m.tflite")
    runner = Runner(place / "m.tflite")
    return lambda samples: runner(audio=np.float32(samples))["embedding"]


UNIT = "waveform at 8000 Hz, -1 to 1"


@pytest.mark.parametrize(
    ("recipe", "unit", "before", "cut"),
    [
        ("spoken_digits", UNIT, 1000, False),  # its training centers clips
        ("sound_events", UNIT, 0, True),  # published before cards contained it
        ("sound_events", f"{UNIT}, start of a longer one, zeros behind a shorter one", 0, True),
        ("recipe.py", f"{UNIT}, zeros behind a shorter one", 0, False),
        ("recipe.py", UNIT, 1000, False),
    ],
)
def test_runner_fits_waveforms_as_training_did(model, embed, tmp_path, recipe, unit, before, cut):
    entries = [{"name": name, "unit": unit if name == "audio" else ""} for name in ("image", "audio", "present")]
    embedding = heard(model, embed, tmp_path, {"recipe": recipe, "inputs": entries})
    samples = np.random.default_rng(0).uniform(-1, 1, 6000)
    padded = np.pad(samples, (before, 2000 - before))
    np.testing.assert_array_equal(embedding(samples), embedding(padded))
    long = np.concatenate([samples / 9, samples])
    np.testing.assert_array_equal(embedding(long), embedding(long[:8000] if cut else long[-8000:]))


def test_published_models_of_whole_clips_cut_and_pad_the_end():
    runner = Runner(ROOT / "saved_models" / "sound_events")
    samples = np.random.default_rng(0).uniform(-1, 1, 90_000).astype(np.float32)
    for given, fitted in ((samples, samples[:80_000]), (samples[:50_000], np.pad(samples[:50_000], (0, 30_000)))):
        assert runner(audio=given)["probabilities"] == runner(audio=fitted)["probabilities"]


def test_runner_resampling_warns_once(write_wav, model, tmp_path):
    path = write_wav(tmp_path / "a.wav", np.full(16000, 0.5), rate=16000)
    runner = Runner(model)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        first, second = runner(audio=path), runner(audio=path)
    assert [str(w.message) for w in caught] == ["audio resampled from 16000 to 8000 Hz"]
    np.testing.assert_array_equal(first["embedding"], second["embedding"])
    full_scale = np.sign(np.sin(np.arange(16000) / 9)).astype(np.float32)
    with pytest.warns(UserWarning, match="resampled"):
        assert np.abs(to_rate(full_scale, 16000, 8000)).max() <= 1


def test_runner_image_file_equals_array(model, example, tmp_path):
    runner = Runner(model)
    gray = example["image"][..., 0]
    images = {
        "gray.png": Image.fromarray(gray),
        "color.png": Image.fromarray(np.stack([gray] * 3, axis=-1)),
        "alpha.png": Image.fromarray(
            np.stack([0 * gray] * 3 + [255 - gray], axis=-1)
        ),  # black through which white shows
        "deep.png": Image.fromarray(gray.astype(np.uint16) * 257),
        "palette.gif": Image.fromarray(gray),
    }
    expected = runner(image=example["image"])["embedding"]
    for name, image in images.items():
        image.save(tmp_path / name)
        np.testing.assert_array_equal(runner(image=tmp_path / name)["embedding"], expected, err_msg=name)
    Image.fromarray(np.full((90, 50, 3), 77, np.uint8)).save(tmp_path / "large.jpg", quality=100)
    flat = runner(image=np.full((1, 28, 28, 1), 77, np.uint8))["embedding"]
    np.testing.assert_allclose(runner(image=tmp_path / "large.jpg")["embedding"], flat, atol=0.02)


def test_runner_bad_array_raises(model, example):
    runner = Runner(model)
    bad = [
        ({}, "expected image or audio. Received: nothing"),
        ({"text": np.zeros(3)}, "expected image or audio. Received: text"),
        ({"present": np.ones((1, 2))}, "expected image or audio. Received: present"),
        ({"image": np.zeros((28, 28, 3), np.uint8)}, r"shape \(28, 28, 1\). Received: \(28, 28, 3\)"),
        ({"image": example["image"] / 255}, "expected uint8 values. Received: float64"),
        ({"image": np.full((28, 28, 1), 256)}, r"values in \[0, 255\]. Received: \[256, 256\]"),
        ({"audio": np.zeros((8000, 2))}, r"one channel of samples, \(T,\). Received: shape \(8000, 2\)"),
        ({"audio": np.zeros(0)}, "Received: shape"),
        ({"audio": np.zeros(8000, np.int16)}, "expected float32 values. Received: int16"),
        ({"audio": np.full(8000, 2.0)}, r"values in \[-1, 1\]. Received: \[2.0, 2.0\]"),
        ({"audio": np.full(8000, np.nan)}, "Received: .nan, nan"),
    ]
    for given, message in bad:
        with pytest.raises(ValueError, match=message):
            runner(**given)


def test_runner_bad_file_raises(write_wav, model, tmp_path):
    runner = Runner(model)
    whole = Path(write_wav(tmp_path / "whole.wav", np.zeros(800))).read_bytes()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / "whole.png")
    image = (tmp_path / "whole.png").read_bytes()
    contents = {"cut.wav": whole[:-10], "head.wav": whole[:30], "text.wav": b"hello" * 20, "empty.wav": b""}
    contents |= {"float.wav": whole[:20] + b"\x03" + whole[21:], "adpcm.wav": whole[:20] + b"\x11" + whole[21:]}
    contents |= {"flac.wav": b"fLaC" + bytes(100)}
    contents |= {"cut.png": image[:900], "text.png": b"hello" * 20, "empty.png": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    write_wav(tmp_path / "five.wav", np.zeros((800, 5)))
    write_wav(tmp_path / "slow.wav", np.zeros(800), rate=10)
    write_wav(tmp_path / "nothing.wav", np.zeros((0, 1)))
    for name in [*contents, "five.wav", "slow.wav", "nothing.wav", "missing.wav", "missing.png"]:
        kind = "audio" if name.endswith("wav") else "image"
        with pytest.raises(ValueError, match=f"{name}: expected .*Received: .") as caught:
            runner(**{kind: tmp_path / name})
        assert "\n" not in str(caught.value)


def test_runner_bad_model_raises(embed, model, tmp_path):
    content = model.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.tflite").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    embed(model, b"{not json", tmp_path / "json.tflite")
    embed(model, b"{}", tmp_path / "order.tflite")
    for name in ["cut.tflite", "empty.tflite", "folder", "json.tflite", "order.tflite", "missing.tflite"]:
        with pytest.raises(ValueError, match=f"{name}.*: expected .*Received.*: .") as caught:
            Runner(tmp_path / name)
        assert "\n" not in str(caught.value)
    for threads in (0, -1, 1.5):
        with pytest.raises(ValueError, match="threads: expected"):
            Runner(model, threads=threads)
    with pytest.raises(ValueError, match="accelerator: expected cpu or gpu"):
        Runner(model, accelerator="npu")


def test_main_one_example_prints_prediction(write_wav, model, example, tmp_path, capsys):
    sound = write_wav(tmp_path / "a.wav", example["audio"])
    assert main([str(model), "--audio", sound]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == Runner(model)(audio=sound)["label"] == lines[1].rsplit(maxsplit=1)[0].strip()
    assert len(lines) == 11
    for arguments in ([str(model)], [str(model), "--audio", "missing.wav"], [str(tmp_path)]):
        assert main(arguments) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(SystemExit, match="2"):
        main([str(model), "--video", "a.mp4"])
    assert len(capsys.readouterr().err.splitlines()) == 1


def run_code(python, code, environment=None):
    """Run `code` in a child process; return its exit code, stdout and stderr."""
    known = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment = {**known, "PYTHONPATH": str(ROOT), **(environment or {})}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, env=environment, timeout=300)
    return done.returncode, done.stdout, done.stderr


def test_runner_other_packages_blocked_predicts(write_wav, model, example, tmp_path):
    sound = write_wav(tmp_path / "a.wav", example["audio"])
    code = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
from mmzoo.device import Runner
before = set(sys.modules)
print(any(name.split(".")[0] == "ai_edge_litert" for name in before))
runner = Runner({str(model)!r})
print(runner(audio={sound!r})["label"])
try:
    runner(image="a.png")
except ValueError as error:
    print(error)
print([n for n in sys.modules if n.startswith("mmzoo.") and not n.startswith("mmzoo.device")])
"""
    status, out, err = run_code(sys.executable, code)
    assert status == 0, err
    assert out.splitlines() == [
        "False",  # importing mmzoo.device does not import the runtime
        Runner(model)(audio=sound)["label"],
        "a.png: Pillow is not installed, which image files need: pip install pillow",
        "[]",
    ]


@pytest.mark.slow
def test_runner_minimal_environment_predicts(write_wav, model, example, tmp_path):
    sound = write_wav(tmp_path / "a.wav", example["audio"])
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv/bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "numpy", "ai-edge-litert"], check=True, timeout=600)
    code = f"from mmzoo.device.__main__ import main; main([{str(model)!r}, '--audio', {sound!r}])"
    status, out, err = run_code(python, code)
    assert status == 0, err
    assert out.splitlines()[0] == Runner(model)(audio=sound)["label"]


def test_runner_gpu_agrees_or_names_missing_driver(model, example, tmp_path):
    np.savez(tmp_path / "example.npz", **example)
    code = f"""
import numpy as np
from mmzoo.device import Runner
example = dict(np.load({str(tmp_path / "example.npz")!r}))
runner = Runner({str(model)!r}, accelerator="gpu")
asked = (["image", "audio"], ["image"], ["audio"])
answers = [runner(**{{name: example[name] for name in names}})["embedding"] for names in asked]
np.save({str(tmp_path / "answers.npy")!r}, answers)
"""
    driver = {"VK_ICD_FILENAMES": SWIFTSHADER} if os.path.exists(SWIFTSHADER) else {}
    status, _, err = run_code(sys.executable, code, {"XDG_RUNTIME_DIR": "/tmp", **driver})
    if status and not driver and not os.environ.get("MMZOO_REQUIRE_GPU_CHECK"):
        assert "expected a GPU with a driver that takes the whole model" in err
        return
    assert status == 0, err
    runner = Runner(model)
    asked = (["image", "audio"], ["image"], ["audio"])
    expected = [runner(**{name: example[name] for name in names})["embedding"] for names in asked]
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), expected, atol=1e-3)


def adding_runner(folder):
    """Return a runner of `y = x + 2` on four numbers, which costs little."""
    flatbuffer.write(with_constant(ADD, 2.0), folder / "add.tflite")
    return Runner(folder / "add.tflite")


def test_runner_in_eight_threads_equals_serial(tmp_path):
    runner = adding_runner(tmp_path)
    xs = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)
    serial = np.stack([runner(x=x)["y"] for x in xs])
    np.testing.assert_array_equal(serial, xs + 2)

    def answers(seed):
        order = np.random.default_rng(seed).permutation(len(xs))
        return order, np.stack([runner(x=xs[i])["y"] for i in order])

    with ThreadPoolExecutor(8) as pool:
        for order, found in pool.map(answers, range(8)):
            np.testing.assert_array_equal(found, serial[order])


WRONG_CARDS = [
    [1],
    {"inputs": 5},
    {"inputs": [5]},
    {"inputs": [{"name": ["x"]}]},
    {"inputs": [{"name": "x", "unit": 5}]},
    {"inputs": [{"name": "x", "range": 5}]},
    {"inputs": [{"name": "x", "range": ["a", "b"]}]},
    {"inputs": [{"name": "x", "prepare": [1]}]},
    {"inputs": [{"name": "x", "prepare": {"channels": ["a"]}}]},
    {"labels": 5},
    {"labels": [{}]},
    {"labels": ["\ud800"]},
    {"config": []},
    {"config": {"threshold": "high"}},
    {"recipe": {}},
]


@pytest.mark.parametrize("card", WRONG_CARDS, ids=str)
def test_runner_card_of_wrong_shape_raises_one_line(embed, tmp_path, card):
    adding_runner(tmp_path)
    embed(tmp_path / "add.tflite", json.dumps(card).encode(), tmp_path / "m.tflite")
    with pytest.raises(ValueError, match=r"m\.tflite: expected .*mmzoo_card. Received: other data$"):
        Runner(tmp_path / "m.tflite")


def test_runner_deep_card_raises_one_line(embed, tmp_path):
    adding_runner(tmp_path)
    embed(tmp_path / "add.tflite", b'{"a":' * 100_000, tmp_path / "m.tflite")
    with pytest.raises(ValueError, match="expected a JSON object"):
        Runner(tmp_path / "m.tflite")


@pytest.mark.parametrize("value", [object(), "text", None, [[1], [2, 3]], np.array(["a"] * 4), b"abcd", {}, 1j])
def test_runner_any_value_raises_one_line(tmp_path, value):
    runner = adding_runner(tmp_path)
    with pytest.raises(ValueError, match="expected") as caught:
        runner(x=value)
    assert "\n" not in str(caught.value)


def test_main_name_that_is_no_text_prints_one_line(capsys):
    assert main([os.fsdecode(b"missing\xff.tflite")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
