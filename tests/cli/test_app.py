"""The command line as a user types it: verbs on a trained folder, and bad input in one line."""

import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.artifacts.folder import load_keras
from mmzoo.device import Runner
from mmzoo.errors import BadInputError
from mmzoo.experiment import Experiment
from mmzoo.recipes import spoken_digits
from mmzoo.tflite import flatbuffer
from mmzoo.training.loop import fit
from mmzoo.training.resume import exclusive_run

SMALL = ("--epochs", "2", "--embed-dim", "16")


@pytest.fixture
def folder(trained, tmp_path):
    """Return a copy of the trained folder that a test may change."""
    return Path(shutil.copytree(trained[0], tmp_path / "copy"))


def test_list_names_the_recipes(mmzoo_command):
    done = mmzoo_command("list")
    assert done.returncode == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == recipes.names()
    assert "spoken_digits" in names


def test_train_help_lists_the_flags_of_the_recipe(mmzoo_here):
    done = mmzoo_here("train", "spoken_digits", "--help")
    assert done.returncode == 0
    for flag in ("--source", "--modality-dropout", "--seed", "--out", "--resume", "--init-from", "--freeze"):
        assert flag in done.stdout


def test_help_lists_the_commands(mmzoo_command):
    page = mmzoo_command("--help").stdout
    for name in ("list", "train", "fit", "predict", "evaluate", "export", "verify", "benchmark", "study", "publish"):
        assert f"\n  {name} " in page
    studies = mmzoo_command("study", "--help").stdout
    for name in (
        "fusions",
        "strategies",
        "gain-curve",
        "folds",
        "index-cost",
        "fit-cost",
        "own-tables",
        "augmentation-gallery",
    ):
        assert f"\n  {name} " in studies


def test_progress_of_the_library_is_printed(run_main, monkeypatch, capsys):
    def fit_table(*given):
        logging.getLogger("mmzoo.automl.fit").info("rare classes: `balance` weighs them more")
        raise BadInputError("`group` must have 3 groups or more, got 2")

    monkeypatch.setattr("mmzoo.automl.fit.fit_table", fit_table)
    assert run_main("fit", "t.csv", "--target", "kind") == 2
    printed = capsys.readouterr()
    assert printed.out == "rare classes: --balance weighs them more\n"
    assert printed.err == "mmzoo: --group must have 3 groups or more, got 2\n"


def test_evaluate_finds_the_scores_of_the_card(mmzoo_here, folder):
    before = json.loads((folder / "card.json").read_text())["scores"]["subsets"]
    done = mmzoo_here("evaluate", folder, "--artifact", "keras")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "card.json").read_text())["scores"]["subsets"] == before
    assert str(folder / "card.json") in done.stdout


def test_export_writes_the_same_files_again(mmzoo_command, folder):
    kept = {p.name: p.read_bytes() for p in folder.glob("*.tflite")}
    for path in folder.glob("*.tflite"):
        path.unlink()
    done = mmzoo_command("export", folder)
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in folder.glob("*.tflite")} == kept
    assert all(str(folder / name) in done.stdout for name in kept)


def keep(folder, name):
    """Remove the files for other devices than `name`: to execute them takes long."""
    for path in {*folder.glob("*.tflite"), folder / "model.onnx"} - {folder / name}:
        path.unlink()
    shutil.rmtree(folder / "saved_model")


def test_verify_says_right_and_one_percent_says_wrong(mmzoo_command, mmzoo_here, folder, gpu):
    done = mmzoo_here("verify", folder)
    assert done.returncode == 0, done.stdout
    assert ": right" in done.stdout
    assert f"recorded in {folder / 'card.json'}" in done.stdout
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "files": {}}))  # or the hashes would tell
    model = flatbuffer.read(folder / "model_float32.tflite")
    sizes = {i: len(b.data) for i, b in enumerate(model.buffers) if b.data is not None and len(b.data) > 4096}
    changed = model.buffers[sorted(sizes)[len(sizes) // 2]]
    changed.data = np.frombuffer((np.asarray(changed.data, "uint8").view("float32") * 1.01).tobytes(), "uint8")
    flatbuffer.write(model, folder / "model_float32.tflite")
    keep(folder, "model_float32.tflite")
    done = mmzoo_command("verify", folder)
    assert done.returncode == 1, done.stdout
    assert "WRONG" in done.stdout
    assert json.loads((folder / "card.json").read_text())["verification"]["exit_code"] == 1


def test_a_quantized_file_that_scores_too_low_is_wrong(mmzoo_here, folder):
    card = json.loads((folder / "card.json").read_text())
    card["scores"]["artifacts"]["model_int8.tflite"]["accuracy"] -= 0.02
    (folder / "card.json").write_text(json.dumps({**card, "files": {}}))
    keep(folder, "model_int8.tflite")
    done = mmzoo_here("verify", folder)
    assert done.returncode == 1
    assert "points of accuracy below model.keras" in done.stdout


def test_without_a_driver_it_says_so(mmzoo_command, mmzoo_here, folder, no_driver):
    done = mmzoo_here("verify", folder / "model_float32.tflite")
    assert done.returncode == 0, done.stdout
    assert "not executed" in done.stdout
    assert "chromium-common" in done.stdout
    assert mmzoo_command("verify", folder / "model_float32.tflite", "--require-gpu").returncode == 4


def test_benchmark_prints_a_table_and_keeps_the_figures(mmzoo_here, folder):
    peer = folder / "model_dynamic.tflite"
    out = folder.parent / "b.json"
    done = mmzoo_here("benchmark", folder, "--against", peer, "--runs", "20", "--out", out)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text())["models"][0]
    assert figures["multiply_adds"] > figures["front_end_multiply_adds"] == 2_744_000
    assert json.loads((folder / "card.json").read_text())["benchmark"]["models"]


def check_bad_input(code, printed, said, folder):
    """Assert that a command that ended with `code` printed one line with `said`, and wrote nothing."""
    assert code == 2, printed
    assert said in printed
    assert len(printed.strip().splitlines()) == 1, printed
    assert not list(folder.iterdir()), "something half-written is left"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "spoken_digit"], "Received: spoken_digit. Did you mean spoken_digits?"),
        (["train", "spoken_digits", "--epochs", "-1"], "--epochs must be a number above 0, got -1"),
        (["train", "spoken_digits", "--init-from", "none.keras"], "none.keras"),
        (["evaluate", "nowhere"], "nowhere"),
        (["verify", "nowhere.tflite"], "nowhere.tflite"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_line_and_code_2(mmzoo_command, tmp_path, words, said):
    done = mmzoo_command(*words, cwd=tmp_path)
    check_bad_input(done.returncode, done.stderr, said, tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "spoken_digits", "--nope"], "--nope"),
        (["train", "spoken_digits", "--epochs", "many"], '"many"'),
        (["train", "spoken_digits", "--source", "imagenet"], "--source must be one of sample, mnist_fsdd"),
        (["train", "spoken_digits", "--out", "/proc/mine"], "/proc/mine"),
        (["train", "spoken_digits", "--seed", "2147483647"], "--seed must be a number from 0 to 2147483646"),
        (["train", "spoken_digits", "--snr-db", "nan"], "--snr-db must be decibels, got nan"),
        (["train", "spoken_digits", "--source", "mnist_fsdd", "--data-dir", "nowhere"], "nowhere"),
        (["train", "spoken_digits", "--resume"], "--resume: no interrupted run in"),
        (["export", "nowhere"], "nowhere"),
        (["benchmark", "nowhere"], "nowhere"),
        (["tran"], '"tran"'),
    ],
    ids=" ".join,
)
def test_bad_input_in_this_process(run_main, tmp_path, monkeypatch, capfd, words, said):
    """As above, without the seconds in which a new process imports TensorFlow."""
    monkeypatch.chdir(tmp_path)
    check_bad_input(run_main(*words), capfd.readouterr().err, said, tmp_path)


def test_one_modality_alone_goes_all_the_way(mmzoo_command, tmp_path):
    words = ("--modalities", "image", "--epochs", "2", "--out", tmp_path / "out", "--freeze", "image_encoder/stem")
    done = mmzoo_command("train", "spoken_digits", *words, "--clip-norm", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert [entry["name"] for entry in card["inputs"]] == ["image"]
    assert card["training"] == {"freeze": ["image_encoder/stem"], "clip_norm": 1.0}
    assert "baselines" not in card
    golden = np.load(tmp_path / "out" / "golden.npz")
    assert Runner(tmp_path / "out")(image=golden["input/image"][0])["label"] in list("0123456789")


@pytest.mark.slow  # its twins: test_pretraining_goes_all_the_way_and_is_taken_up, and training/test_init_from
def test_encoders_of_another_run_are_taken_up(mmzoo_command, trained, tmp_path):
    words = ("--epochs", "1", "--modalities", "image", "--init-from", trained[0] / "model.keras", "--out", "out")
    done = mmzoo_command("train", "spoken_digits", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    scratch = json.loads((trained[0] / "card.json").read_text())["history"]["baselines"]["image"]["accuracy"][0]
    assert card["history"]["accuracy"][0] > scratch + 0.1
    assert card["config"]["init_from"] == "model.keras"


def test_pretraining_goes_all_the_way_and_is_taken_up(mmzoo_command, tmp_path):
    words = ("--epochs", "1", "--embed-dim", "16", "--batch-size", "256")
    done = mmzoo_command("train", "contrastive_pretraining", *words, "--out", "pretrained", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    card = json.loads((tmp_path / "pretrained" / "card.json").read_text())
    assert set(card["scores"]["details"]["objective"]) == {"loss", "strangers"}
    assert "test strangers" in done.stdout
    assert "--init-from" in (tmp_path / "pretrained" / "README.md").read_text()
    assert {path.name for path in (tmp_path / "pretrained").glob("*.png")} == {"learning_curve.png"}
    refused = mmzoo_command("evaluate", "pretrained", cwd=tmp_path)
    assert refused.returncode == 2
    assert "a model of the task pretraining is scored by `mmzoo train` only" in refused.stderr
    model = spoken_digits.build(spoken_digits.Config(embed_dim=16, init_from=str(tmp_path / "pretrained/model.keras")))
    theirs = load_keras(tmp_path / "pretrained").get_layer("audio_encoder").get_weights()
    for a, b in zip(model.get_layer("audio_encoder").get_weights(), theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def interrupted(state, *words, folder):
    """Run `mmzoo WORDS...` in `folder` and interrupt it when the file `state` is there, again if it would finish.

    Returns exit code and the last line of stderr.
    """
    command = [Path(sys.executable).with_name("mmzoo"), *map(str, words)]
    usual = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell starts what is in its background without
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=usual
    ) as process:
        deadline = time.monotonic() + 600
        while not state.is_file() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = []
        for line in process.stderr:
            said.append(line.strip())
            if "press Ctrl-C again" in line:
                process.send_signal(signal.SIGINT)
    return process.returncode, [line for line in said if line][-1]


def test_interrupted_train_says_how_to_resume(tmp_path):
    state = tmp_path / ".out.training" / "fused" / "state.json"
    words = ("--epochs", 30, "--embed-dim", 8, "--modalities", "image", "--out", "out")
    code, said = interrupted(state, "train", "spoken_digits", *words, folder=tmp_path)
    assert code == 130
    assert said == f"mmzoo: interrupted; --resume continues {tmp_path / 'out'} after the last complete epoch"
    assert state.is_file()


def test_interrupted_train_before_an_epoch_leaves_nothing(tmp_path):
    started = tmp_path / ".out.training" / "run.json"
    code, said = interrupted(started, "train", "spoken_digits", "--epochs", 1, "--out", "out", folder=tmp_path)
    assert (code, said) == (130, "mmzoo: interrupted")
    assert not list(tmp_path.iterdir())


def test_interrupted_fit_says_how_to_resume(tmp_path):
    rows = "".join(f"word{i % 7} word{i % 2},{'ab'[i % 2]}\n" for i in range(400))
    (tmp_path / "t.csv").write_text(f"note,kind\n{rows}", encoding="utf-8")
    state = tmp_path / ".out.training" / "fused" / "state.json"
    code, said = interrupted(state, "fit", "t.csv", "--target", "kind", "--out", "out", folder=tmp_path)
    assert code == 130
    assert said == f"mmzoo: interrupted; --resume continues {tmp_path / 'out'} after the last complete epoch"


def test_two_trainings_do_not_share_a_folder(tmp_path):
    out = tmp_path / "out"
    said = r"`out`: .*out is in use by another training run"
    with exclusive_run(out), pytest.raises(BadInputError, match=said), exclusive_run(out):
        pass
    with exclusive_run(out):
        assert not out.exists()
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_that_is_not_there_is_named(mmzoo_command, folder):
    (folder / "model_int8.tflite").unlink()
    done = mmzoo_command("evaluate", folder, "--artifact", "int8")
    assert done.returncode == 2
    assert "model_int8.tflite" in done.stderr.strip()
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow  # its twins, in one process, are in test_sentiment and test_pretraining
def test_resume_after_a_kill_ends_at_the_same_weights(tmp_path):
    """Killed in the second epoch of the fused model, then resumed; against the same run without a stop."""
    command = [Path(sys.executable).with_name("mmzoo"), "train", "spoken_digits", *SMALL, "--out", tmp_path / "run"]
    state = tmp_path / ".run.training" / "fused" / "state.json"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 300
        while not state.is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # into the second epoch
        process.send_signal(signal.SIGKILL)
    assert json.loads(state.read_text())["epochs"] == 1
    assert not (tmp_path / "run").exists(), "the folder appears whole or not at all"

    changed = subprocess.run([*command, "--seed", "1", "--resume"], capture_output=True, text=True, check=False)
    assert changed.returncode == 2
    assert "another seed" in changed.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr[-2000:]

    config = spoken_digits.Config(epochs=2, embed_dim=16)
    whole, history = fit(Experiment(recipes.load("spoken_digits"), config), tmp_path / "whole", "uninterrupted")
    ours = load_keras(tmp_path / "run")
    for a, b in zip(ours.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["history"]["loss"] == pytest.approx(history["loss"], rel=1e-4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run", "whole"]
