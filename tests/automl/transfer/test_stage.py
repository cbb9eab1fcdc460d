"""A table's model on cached features of a frozen network is the model on its images."""

import dataclasses

import keras
import numpy as np
import pytest

from mmzoo import recipes
from mmzoo.artifacts.card import Card
from mmzoo.automl.fit import assemble, fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.transfer import features
from mmzoo.automl.transfer.features import image_features
from mmzoo.data.arrays import split_arrays
from mmzoo.models.published.weights import has_efficientnet_lite0
from mmzoo.training.checkpoint import KEPT_EPOCH
from mmzoo.training.stages import first_part, fit

pytestmark = pytest.mark.usefixtures("cache")
published = pytest.mark.skipif(not has_efficientnet_lite0(), reason="needs the extra pretrained")


def experiment_of(table, folder, encoder, **request):
    values = assemble(table, "kind", Request(epochs=2, encoder=(encoder,), **request))
    (folder / "recipe.py").write_text(recipe_text(from_values(values)), encoding="utf-8")
    return recipes.experiment(str(folder / "recipe.py"))


def small_network():
    """Return a network of images to six features, with random weights."""
    x = keras.Input((32, 32, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 255)(x)
    found = keras.layers.Conv2D(6, 3, strides=2, activation="relu", use_bias=False)(scaled)
    return keras.Model(x, keras.layers.GlobalAveragePooling2D()(found), name="small")


def test_model_on_images_answers_as_the_model_on_features(table, weights, tmp_path):
    experiment = experiment_of(table, tmp_path, f"image=mobilenet_v3_small:{weights}")
    keras.utils.set_random_seed(0)
    on_features = first_part(experiment)
    assert {name: x.shape[1:] for name, x in on_features.build().input.items()} == {
        "image_front": (576,),
        "image_back": (576,),
        "tabular": experiment.build().input["tabular"].shape[1:],
        "present": (3,),
    }
    trained = on_features.build()
    model = experiment.recipe.first_stage(experiment.config).whole(trained)
    assert {name: x.dtype for name, x in model.input.items()}["image_front"] == "uint8"
    found = model.predict(split_arrays(experiment, "validation")[0], verbose=0)
    expected = trained.predict(split_arrays(on_features, "validation")[0], verbose=0)
    assert found.std(axis=0).max() > 1e-3
    np.testing.assert_allclose(found, expected, atol=1e-5)
    (network,) = [x for x in model._flatten_layers() if x.name.startswith("MobileNetV3")]  # both images share it
    theirs = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=str(weights), pooling="avg")
    for own, expected in zip(network.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


@pytest.mark.slow
def test_fit_gives_the_model_on_images(table, weights, tmp_path):
    experiment = experiment_of(table, tmp_path, f"image=mobilenet_v3_small:{weights}")
    model, history = fit(experiment, tmp_path / "work", "both")
    assert len(history["val_loss"]) == 2
    inputs, labels = split_arrays(experiment, "validation")
    accuracy = np.mean(model.predict(inputs, verbose=0).argmax(axis=1) == labels)
    assert accuracy == pytest.approx(history["val_accuracy"][history[KEPT_EPOCH] - 1])


def test_features_are_computed_once(tmp_path, monkeypatch):
    network = small_network()
    images = np.lib.format.open_memmap(tmp_path / "image.npy", "w+", np.uint8, (70, 32, 32, 3))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape)
    expected = network.predict(images, verbose=0)
    np.testing.assert_allclose(image_features(np.array(images), network, "in memory"), expected, atol=1e-4)
    monkeypatch.setattr(features, "has_accelerator", lambda: True)
    np.testing.assert_allclose(image_features(images, network, "in a file"), expected, atol=1e-5)
    monkeypatch.setattr(features, "extractor", lambda network: pytest.fail("computed again"))
    np.testing.assert_allclose(image_features(images, network, "in a file"), expected, atol=1e-5)
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        image_features(images, small_network(), "of other weights")
    assert not [*tmp_path.glob(".image*")]


def test_first_stage_is_of_frozen_images_only(table, weights, tmp_path):
    frozen = experiment_of(table, tmp_path, f"image=mobilenet_v3_small:{weights}")
    assert frozen.recipe.first_stage(frozen.changed(modalities=("tabular",)).config) is None
    assert frozen.recipe.first_stage(frozen.changed(init_from="model.keras").config) is None
    opened = frozen.changed(opened=3).config
    assert frozen.recipe.first_stage(opened).later(opened) == ()  # it has batch normalization
    trained = experiment_of(table, tmp_path, "image=mobilenet_v3_small:random")
    assert first_part(trained) is trained


@pytest.mark.slow
@published
def test_opened_network_is_kept_where_validation_gains(table, tmp_path, monkeypatch):
    experiment = experiment_of(table, tmp_path, "image=efficientnet_lite0", ignore=("back", "price"))
    experiment = experiment.changed(image_size=32, opened=1, epochs=1, batch_size=16)
    monkeypatch.setattr("mmzoo.data.tables.batches.SMALLEST_EPOCH", 32)
    first = experiment.recipe.first_stage(experiment.config)
    (phase,) = first.later(experiment.config)
    assert (phase.epochs, phase.learning_rate) == (1, pytest.approx(2e-4))
    model, history = fit(experiment, tmp_path / "work", "frozen, then opened")
    frozen, before = fit(first_part(experiment), tmp_path / "work" / "first", "it is done")
    kept = len(history["val_loss"]) == 2
    assert kept == (history[KEPT_EPOCH] == 2)
    assert kept or history == before
    plain = first.whole(frozen).get_layer("image_encoder").get_layer("network")
    own = model.get_layer("image_encoder").get_layer("network")
    moved = any((a != b).any() for a, b in zip(plain.get_weights(), own.get_weights(), strict=True))
    assert moved == kept
    opened = first.opened(frozen)
    assert len(opened.get_layer("image_encoder").get_layer("network").trainable_weights) == 98


@pytest.mark.slow
@published
def test_fit_table_with_efficientnet_lite0_gives_a_verified_folder(table, tmp_path):
    folder = fit_table(table, "kind", tmp_path / "out", Request(epochs=2, encoder=("image=efficientnet_lite0",)))
    card = Card.read(folder)
    assert card.verification.exit_code in (0, 4), card.verification
    assert {"model_float32.tflite", "model_dynamic.tflite"} < set(card.files)
    assert card.files["model_float32.tflite"].bytes < 15_000_000  # once, for both images
    assert dataclasses.asdict(card)["scores"]
