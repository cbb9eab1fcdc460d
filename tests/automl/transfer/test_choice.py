"""`--encoder auto`: the published encoder where it is better than the small one on the validation rows."""

import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.automl.fit import assemble
from mmzoo.automl.options import Request
from mmzoo.automl.pretrained import encoder_values
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.transfer import choice
from mmzoo.automl.transfer.choice import chosen_encoders
from mmzoo.commands import train

pytestmark = pytest.mark.usefixtures("cache")
AUTO = Request(encoder=("auto",), epochs=1)


@pytest.fixture
def experiment(table, tmp_path):
    values = assemble(table, "kind", AUTO)
    assert values["encoders"] == {}
    (tmp_path / "recipe.py").write_text(recipe_text(from_values(values)), encoding="utf-8")
    return recipes.experiment(str(tmp_path / "recipe.py"))


@pytest.fixture
def lite0(monkeypatch):
    """Replace the published network by features that know the class, or not."""
    known = {"features": True}

    def features(recipe, config, modality, given):
        rng = np.random.default_rng(0)
        splits = [recipe.examples(split, config) for split in ("train", "validation")]
        found = rng.normal(size=(len(splits[0].rows.present), 4)).astype("float32")
        for one in splits if known["features"] else ():
            found[one.index, 0] += 9.0 * one.labels
        return found

    monkeypatch.setattr(choice, "published_features", features)
    monkeypatch.setattr(choice, "has_efficientnet_lite0", lambda: True)
    return known


class Coin:
    """A model that knows nothing."""

    def predict(self, inputs, verbose):
        return np.tile([0.4, 0.6], (len(inputs["present"]), 1))


def coin(experiment, folder, title, callbacks):
    folder.mkdir(parents=True)
    return Coin(), {}


def test_published_encoder_is_chosen_where_it_wins(experiment, lite0, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(choice, "fit", coin)
    with caplog.at_level("INFO", "mmzoo"):
        chosen = chosen_encoders(experiment, AUTO, tmp_path)
        assert set(chosen) == {"image_front", "image_back"}
        assert "it is used" in caplog.text
        assert not [*tmp_path.glob(".trained")]
        lite0["features"] = False
        assert chosen_encoders(experiment, AUTO, tmp_path) == {}
    assert "the small one is kept" in caplog.text
    values = encoder_values({"image_size": 32}, chosen, 56, "")
    assert (values["image_size"], values["encoders"]) == (128, chosen)


def test_small_encoder_is_kept_where_the_other_cannot_be(experiment, lite0, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(choice, "fit", lambda *given: pytest.fail("it was trained"))
    with caplog.at_level("INFO", "mmzoo"):
        assert chosen_encoders(experiment, Request(encoder=("auto",), size="5MB"), tmp_path) == {}
        assert "EfficientNet-Lite0 is larger than 5MB" in caplog.text
        monkeypatch.setattr(choice, "has_efficientnet_lite0", lambda: False)
        assert chosen_encoders(experiment, AUTO, tmp_path) == {}
        assert "the extra pretrained, which has another, is not installed" in caplog.text


def test_training_of_the_kept_encoder_is_handed_on(experiment, lite0, tmp_path, monkeypatch):
    lite0["features"] = False

    def fit(experiment, folder, title, callbacks):
        folder.mkdir(parents=True)
        (folder / "state.json").write_text(title, encoding="utf-8")
        return Coin(), {}

    def look(experiment, examples, working, *given):
        found = {path.parent.name: path.read_text(encoding="utf-8") for path in working.glob("*/state.json")}
        raise LookupError(found)

    monkeypatch.setattr(choice, "fit", fit)
    monkeypatch.setattr(train, "_fit", look)
    recipe, trained = str(tmp_path / "recipe.py"), tmp_path / ".trained"
    assert chosen_encoders(experiment, Request(encoder=("auto",), tune=2), tmp_path) == {}
    assert not trained.exists()  # tuning changes the config
    assert chosen_encoders(experiment, AUTO, tmp_path) == {}
    with pytest.raises(LookupError) as raised:
        train.train(recipe, experiment.config, out=tmp_path / "out")
    names = ("image_front", "image_back")
    assert raised.value.args == ({name: f"the small encoder ({name})" for name in names},)


@pytest.mark.slow
def test_small_encoder_is_trained_once(table, lite0, tmp_path, monkeypatch):
    lite0["features"] = False
    values = assemble(table, "kind", Request(encoder=("auto",), epochs=2, ignore=("back", "price")))
    (tmp_path / "recipe.py").write_text(recipe_text(from_values(values)), encoding="utf-8")
    experiment = recipes.experiment(str(tmp_path / "recipe.py"))
    assert chosen_encoders(experiment, AUTO, tmp_path) == {}
    monkeypatch.setattr("mmzoo.training.loop._run_phase", lambda *given: pytest.fail("trained again"))
    folder = train.train(str(tmp_path / "recipe.py"), experiment.config, out=tmp_path / "out")
    assert len(Card.read(folder).history["val_loss"]) == 2
