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

from mmzoo.commands import catalogue
from mmzoo.tflite.multiply_adds import multiply_adds

NAMES = catalogue.names()


@pytest.fixture(scope="module")
def built():
    """Return each part's example with random weights, and inputs for it, made once."""
    made = {}

    def build(part):
        if part not in made:
            keras.utils.set_random_seed(0)
            model = catalogue.example(part)
            catalogue.randomize(model)
            made[part] = model, catalogue.draw(model, 4)
        return made[part]

    return build


@pytest.mark.parametrize("part", NAMES)
def test_is_resident_and_right(part, built, tmp_path, gpu):
    model, inputs = built(part)
    check_on_device(model, inputs, tmp_path, gpu)
    _, work = catalogue.own_cost(part, model, multiply_adds(tmp_path / "model.tflite")[0])
    assert catalogue.costs()[part]["multiply_adds"] == work, "mmzoo publish --parts"


@pytest.mark.parametrize("part", NAMES)
def test_every_weight_gets_a_gradient(part, built):
    model, _ = built(part)
    check_gradients(model, catalogue.draw(model, 8))  # of eight, each modality is absent from one


@pytest.mark.parametrize("part", NAMES)
def test_cost_is_the_recorded_one(part, built):
    model, _ = built(part)
    recorded = catalogue.costs()[part]
    assert recorded["parameters"] == catalogue.own_cost(part, model, 0)[0], "mmzoo publish --parts"
    assert recorded["inputs"] == catalogue.inputs_of(model), "mmzoo publish --parts"


def test_what_has_no_weights_costs_none():
    free = ("fusion/maximum", "fusion/minimum", "fusion/median")
    assert [catalogue.costs()[part]["parameters"] for part in free] == [0, 0, 0]


def test_catalogue_names_what_is_there():
    assert set(catalogue.costs()) == set(NAMES), "mmzoo publish --parts"
    assert {row["gpu"] for row in catalogue.costs().values()} == {"right"}


def test_list_shows_the_catalogue(mmzoo_here):
    shown = mmzoo_here("list", "--parts").stdout
    assert [line.split()[0] for line in shown.splitlines()[1:] if line] == [
        *NAMES,
        *catalogue.names(catalogue.WITHOUT_COST),
    ]
    assert "not measured" not in shown
    assert "[image 28x28x1 uint8]" in shown


@pytest.fixture(scope="module")
def elsewhere(built, tmp_path_factory):
    """Return a function of a backend, parts and a type to `{part: {output: answer}}`, each by a child process."""
    folder = tmp_path_factory.mktemp("backends")
    answers = {}

    def run(backend, some, dtype="float32"):
        if (backend, some) not in answers:
            given, got = folder / f"{backend}-{len(some)}", folder / f"{backend}-{len(some)}-answers"
            given.write_bytes(pickle.dumps({part: (built(part)[0].get_weights(), built(part)[1]) for part in some}))
            words = [
                sys.executable,
                str(Path(__file__).parents[1] / "support" / "other_backend.py"),
                str(given),
                str(got),
                dtype,
            ]
            environ = os.environ | {"KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
            # oneDNN's float16 convolution of 40 channels is wrong on some CPUs
            environ |= {"TF_ENABLE_ONEDNN_OPTS": "0"}
            done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr[-2000:]
            answers[backend, some] = pickle.loads(got.read_bytes())
        return answers[backend, some]

    return run


# JAX compiles each operation: a few parts with all blocks always run, the rest takes a minute
JAX = ("encoders/light_cnn", "encoders/log_mel_cnn", "encoders/text_bag", "fusion/gated", "fusion/median", "heads/ctc")
REST = tuple(part for part in NAMES if part not in JAX)
ELSEWHERE = [
    *(pytest.param("torch", tuple(NAMES), part, id=f"torch-{part}") for part in NAMES),
    *(pytest.param("jax", JAX, part, id=f"jax-{part}") for part in JAX),
    *(pytest.param("jax", REST, part, id=f"jax-{part}", marks=pytest.mark.slow) for part in REST),
]


@pytest.mark.parametrize(("backend", "some", "part"), ELSEWHERE)
def test_answers_alike_on_other_backends(backend, some, part, built, elsewhere):
    model, inputs = built(part)
    answer = elsewhere(backend, some)[part]
    assert not isinstance(answer, str), answer
    for name, expected in model(inputs, training=False).items():
        expected = np.asarray(expected)
        assert np.abs(answer[name] - expected).max() <= 1e-4 * np.abs(expected).max(), name


HALVED = tuple(part for part in NAMES if not part.startswith("fusion/"))  # those have a test with larger numbers


@pytest.mark.parametrize("part", HALVED)
def test_half_precision_holds_it(part, built, elsewhere):
    model, inputs = built(part)
    answer = elsewhere("tensorflow", HALVED, "float16")[part]
    assert not isinstance(answer, str), answer
    for name, expected in model(inputs, training=False).items():
        expected = np.asarray(expected)
        assert np.abs(answer[name].astype("float32") - expected).max() <= 1e-2 * np.abs(expected).max(), name
