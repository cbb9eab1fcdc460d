"""The catalogue of parts: each is built, exported, run on the GPU accelerator, and on the other backends."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from on_device import check_on_device
from training_checks import check_gradients

from mmzoo.run import parts
from mmzoo.run.multiply_adds import multiply_adds

NAMES = parts.names()


@pytest.fixture(scope="module")
def built():
    """Return each part's example with random weights, and inputs for it, made once."""
    made = {}

    def build(part):
        if part not in made:
            keras.utils.set_random_seed(0)
            model = parts.example(part)
            parts.randomize(model)
            made[part] = model, parts.draw(model, 4)
        return made[part]

    return build


@pytest.mark.parametrize("part", NAMES)
def test_is_resident_and_right(part, built, tmp_path, gpu):
    model, inputs = built(part)
    check_on_device(model, inputs, tmp_path, gpu)
    recorded = parts.costs()[part]["multiply_adds"]
    assert multiply_adds(tmp_path / "model.tflite")[0] == recorded, "python -m mmzoo.run.parts"


@pytest.mark.parametrize("part", NAMES)
def test_every_weight_gets_a_gradient(part, built):
    model, _ = built(part)
    check_gradients(model, parts.draw(model, 8))  # of eight, each modality is absent from one


@pytest.mark.parametrize("part", NAMES)
def test_cost_is_the_recorded_one(part, built):
    assert parts.costs()[part]["parameters"] == built(part)[0].count_params(), "python -m mmzoo.run.parts"


def test_catalogue_names_what_is_there():
    assert set(parts.costs()) == set(NAMES), "python -m mmzoo.run.parts"
    assert {row["gpu"] for row in parts.costs().values()} == {"right"}


def test_list_shows_the_catalogue(mmzoo_command):
    shown = mmzoo_command("list", "--parts").stdout
    assert [line.split()[0] for line in shown.splitlines()[1:]] == NAMES
    assert "not measured" not in shown


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """Return a function of a backend to `{part: {output: answer}}`, one child process for each backend."""
    folder = tmp_path_factory.mktemp("backends")
    (folder / "given").write_bytes(
        pickle.dumps({part: (built(part)[0].get_weights(), built(part)[1]) for part in NAMES})
    )
    answers = {}

    def run(backend):
        if backend not in answers:
            code = Path(__file__).with_name("other_backend.py")
            words = [sys.executable, str(code), str(folder / "given"), str(folder / backend)]
            environ = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
            done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
            answers[backend] = pickle.loads((folder / backend).read_bytes())
        return answers[backend]

    return run


@pytest.mark.parametrize("backend", [pytest.param("jax", marks=pytest.mark.slow), "torch"])
@pytest.mark.parametrize("part", NAMES)
def test_answers_alike_on_other_backends(part, backend, built, elsewhere):
    model, inputs = built(part)
    answer = elsewhere(backend)[part]
    assert not isinstance(answer, str), answer
    for name, expected in model(inputs, training=False).items():
        expected = np.asarray(expected)
        assert np.abs(answer[name] - expected).max() <= 1e-4 * np.abs(expected).max(), name
