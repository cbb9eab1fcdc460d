"""A folder that is opened once: its card, recipe, config and files, and what is wrong with them."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from mmzoo.artifacts.folder import ARTIFACTS
from mmzoo.artifacts.model_folder import ModelFolder
from mmzoo.errors import BadInputError
from mmzoo.recipes import spoken_digits

OWN = '''"""A recipe in a folder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    depth: int = 3
    data_dir: str = ""


TINY = Config()
build = objective = plan = export = lambda config: None


def dataset(split, config, epoch):
    return None
'''


def opened(folder, **card):
    (folder / "card.json").write_text(json.dumps({"recipe": "spoken_digits", **card}))
    return ModelFolder.open(str(folder))


def test_recipe_and_config_are_those_of_the_card(tmp_path):
    config = {"epochs": 3, "modalities": ["image"], "source": "sample", "data_dir": ""}
    folder = opened(tmp_path, config=config)
    assert folder.path == tmp_path
    assert folder.card.recipe == "spoken_digits"
    assert folder.recipe.name == "spoken_digits"
    assert folder.recipe is folder.recipe
    expected = spoken_digits.Config(epochs=3, modalities=("image",))
    assert dataclasses.asdict(folder.config()) == dataclasses.asdict(expected)
    assert folder.config("elsewhere").data_dir == "elsewhere"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"epochs": "three"}, r"`config\.epochs` .*integer, got \"three\""),
        ({"epochs": None}, r"`config\.epochs`"),
        ({"modalities": [1]}, r"`config\.modalities\.0`"),
        ({"learning_rate": []}, r"`config\.learning_rate`"),
        ({"epochs": -1}, "`epochs` must be"),
    ],
)
def test_config_of_another_type_is_one_line(config, said, tmp_path):
    with pytest.raises(BadInputError, match=said) as caught:
        opened(tmp_path, config=config).config()
    assert "\n" not in str(caught.value)


def test_a_recipe_in_the_folder_is_run_only_if_it_is_trusted(tmp_path):
    ran = tmp_path.parent / "ran"
    (tmp_path / "recipe.py").write_text(f"{OWN}\nopen({str(ran)!r}, 'w')\n")
    folder = opened(tmp_path, recipe="recipe.py", config={"depth": 5})
    with pytest.raises(BadInputError, match=r"recipe.py: code of the folder is not run; .* allow it with `trust`$"):
        folder.config()
    assert not ran.exists()
    assert ModelFolder.open(tmp_path, trust=True).config().depth == 5
    assert ran.exists()
    (tmp_path / "recipe.py").unlink()
    with pytest.raises(BadInputError, match=r"expected recipe.py in it. Received a folder with card.json"):
        _ = ModelFolder.open(tmp_path, trust=True).recipe


@pytest.mark.parametrize("name", ["../evil.py", "{}/evil.py", "inner/evil.py", "..\\evil.py"])
def test_code_outside_of_the_folder_is_not_run(name, tmp_path):
    folder, ran = tmp_path / "folder", tmp_path / "ran"
    for place in (tmp_path, folder / "inner"):
        place.mkdir(exist_ok=True, parents=True)
        (place / "evil.py").write_text(f"open({str(ran)!r}, 'w')\n{OWN}")
    named = name.format(tmp_path)
    with pytest.raises(BadInputError) as raised:
        opened(folder, recipe=named).recipe  # noqa: B018
    assert str(raised.value) == f"{folder}: expected the name of a file in it. Received: {named}"
    assert not ran.exists()


def test_what_the_card_names_and_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BadInputError, match=r"card.json: expected a recipe of mmzoo.recipes. Received: no_such$"):
        _ = opened(tmp_path, recipe="no_such").recipe
    with pytest.raises(BadInputError, match=r"card.json: expected a config of spoken_digits .* Received: gone, more$"):
        opened(tmp_path, config={"gone": 1, "epochs": 2, "more": 2}).config()
    with pytest.raises(BadInputError, match="no such folder"):
        ModelFolder.open(tmp_path / "none")
    (tmp_path / "card.json").unlink()
    with pytest.raises(BadInputError, match=r"expected card.json in it"):
        ModelFolder.open(tmp_path)


def test_chosen_files_are_all_that_there_are_or_the_one_that_is_named(tmp_path):
    folder = opened(tmp_path)
    with pytest.raises(BadInputError, match=r"expected one of model.keras, saved_model, .*Received: none of them"):
        folder.chosen("all")
    for name in ("model.onnx", "model_int8.tflite", "notes.txt"):
        (tmp_path / name).touch()
    assert folder.chosen("all") == ["model_int8.tflite", "model.onnx"]
    assert folder.chosen("onnx") == ["model.onnx"]
    assert folder.artifact("notes.txt") == tmp_path / "notes.txt"
    with pytest.raises(BadInputError, match=rf"artifact: expected all, {', '.join(ARTIFACTS)}. Received: fp8"):
        folder.chosen("fp8")
    with pytest.raises(BadInputError, match=r"expected model.keras in it"):
        folder.chosen("keras")


def test_its_model_predicts(tmp_path):
    x = keras.Input((3,), name="x")
    model = keras.Model({"x": x}, {"y": keras.layers.Dense(2)(x)})
    model.save(tmp_path / "model.keras")
    folder, given = opened(tmp_path), {"x": np.eye(3, dtype="float32")}
    expected = np.asarray(model(given)["y"])
    np.testing.assert_allclose(folder.predictor()(given)["y"], expected, atol=1e-6)
    np.testing.assert_allclose(np.asarray(folder.keras()(given)["y"]), expected, atol=1e-6)
