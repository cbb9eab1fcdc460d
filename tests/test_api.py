"""The Python interface: lazy names, options of `train` and `fit`, and a trained model."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo.automl.options import Request
from mmzoo.recipes import spoken_digits
from mmzoo.training.options import PhaseOptions

SAVED = Path(__file__).parents[1] / "saved_models"


@pytest.fixture(scope="module")
def golden():
    with np.load(SAVED / "spoken_digits" / "golden.npz") as file:
        return {name.removeprefix("input/"): file[name] for name in file.files if name.startswith("input/")}


@pytest.fixture
def digits():
    return mmzoo.load(SAVED / "spoken_digits")


def test_public_names_are_listed_and_lazy():
    assert set(mmzoo.__all__) <= set(dir(mmzoo))
    assert mmzoo.BadInputError("x").args == ("x",)
    assert all(getattr(mmzoo, name) is not None for name in mmzoo.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = mmzoo.nothing
    code = "import sys, mmzoo; mmzoo.recipes.names(); mmzoo.load('saved_models/spoken_digits').classes_; "
    code += "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=SAVED.parent, check=False).returncode == 0


def test_train_divides_options_between_config_and_phases(monkeypatch):
    given = {}
    monkeypatch.setattr("mmzoo.commands.train.train", lambda *words, **more: given.update(words=words, **more) or SAVED)
    monkeypatch.setattr("mmzoo.api.TrainedModel", lambda folder: folder)
    assert mmzoo.train(spoken_digits, out="here", epochs=2, mixup=0.2) == SAVED
    assert given["words"] == ("spoken_digits", spoken_digits.Config(epochs=2))
    assert (given["out"], given["options"]) == ("here", PhaseOptions(mixup=0.2))
    mmzoo.train("spoken_digits", spoken_digits.TINY, seed=3)
    assert given["words"][1].seed == 3
    assert given["words"][1].embed_dim == spoken_digits.TINY.embed_dim
    with pytest.raises(TypeError, match="magic"):
        mmzoo.train("spoken_digits", magic=1)
    with pytest.raises(mmzoo.BadInputError, match="`epochs` must be"):
        mmzoo.train("spoken_digits", epochs=0)


def test_fit_takes_columns_as_words_or_lists(monkeypatch):
    given = []
    monkeypatch.setattr("mmzoo.automl.fit.fit_table", lambda *words: given.append(words) or SAVED)
    monkeypatch.setattr("mmzoo.api.TrainedModel", lambda folder: folder)
    assert mmzoo.fit("t.csv", "kind", image="photo", text=["a", "b"], folds=3) == SAVED
    assert given == [("t.csv", "kind", "", Request(image=("photo",), text=("a", "b"), folds=3), False)]
    with pytest.raises(TypeError, match="magic"):
        mmzoo.fit("t.csv", "kind", magic=1)


def test_a_folder_without_a_card_is_refused(tmp_path):
    with pytest.raises(mmzoo.BadInputError, match=r"card\.json"):
        mmzoo.load(tmp_path)


def test_predict_takes_one_example_or_several(digits, golden, tmp_path):
    images, sounds = golden["image"][:4], golden["audio"][:4]
    together = digits.predict(image=images, audio=sounds)
    assert together.shape == (4,)
    assert set(together) <= set(digits.classes_)
    assert (digits.predict({"image": images, "audio": sounds}) == together).all()
    shares = digits.predict_proba(image=images, audio=sounds)
    assert shares.shape == (4, 10)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)
    assert (digits.classes_[shares.argmax(axis=1)] == together).all()
    assert digits.score({"image": images, "audio": sounds}, together) == 1
    assert digits.predict(image=images[0], audio=sounds[0]).tolist() == together[:1].tolist()
    Image.fromarray(images[1, ..., 0]).save(tmp_path / "1.png")
    assert digits.predict(image=str(tmp_path / "1.png")).tolist() == digits.predict(image=images[1]).tolist()
    assert digits.predict(image=[str(tmp_path / "1.png")] * 3).shape == (3,)


def test_other_outputs_are_returned_by_name():
    model = mmzoo.load(SAVED / "object_detection")
    found = model.predict(image=np.zeros((240, 320, 3), np.uint8))
    assert set(found) == {"heatmap", "boxes"}
    assert all(len(array) == 1 for array in found.values())
    with pytest.raises(mmzoo.BadInputError, match="no probabilities"):
        model.predict_proba(image=np.zeros((240, 320, 3), np.uint8))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "expected image or audio"),
        ({"video": "x"}, "expected image or audio"),
        ({"image": "gone.png"}, "gone.png"),
        ({"image": [np.zeros((28, 28, 1), np.uint8)] * 2, "audio": [np.zeros(8000, np.float32)]}, "as many examples"),
    ],
    ids=str,
)
def test_inputs_that_cannot_be_are_refused(given, said, digits):
    with pytest.raises(mmzoo.BadInputError, match=said):
        digits.predict(**given)


def test_a_table_for_a_model_of_inputs_is_refused(digits):
    with pytest.raises(mmzoo.BadInputError, match="inputs by name"):
        digits.predict("new.csv")


def test_methods_are_the_commands(digits, monkeypatch):
    asked = []
    monkeypatch.setattr("mmzoo.verification.verify.verify", lambda path, **more: asked.append(path) or {"exit_code": 0})
    monkeypatch.setattr("mmzoo.commands.verify.record", lambda path, report: asked.append(report))
    assert digits.verify() == {"exit_code": 0}
    assert asked == [digits.path, {"exit_code": 0}]
    monkeypatch.setattr("mmzoo.commands.benchmark.run", lambda paths, against, runs: (paths, against, runs))
    assert digits.benchmark(runs=20) == ([str(digits.path)], ("mobilenet_v3_small",), 20)
    monkeypatch.setattr("mmzoo.commands.evaluate.evaluate", lambda folder, *given: (folder.path, folder.trust, *given))
    assert digits.evaluate("int8", limit=5) == (digits.path, False, "int8", "", 5)
    assert mmzoo.load(digits.path, trust=True).evaluate() == (digits.path, True, "all", "", 0)
    monkeypatch.setattr("mmzoo.commands.export.export_folder", lambda *given: asked.append(given))
    assert digits.export() == digits.path
