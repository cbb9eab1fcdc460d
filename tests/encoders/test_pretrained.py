"""Published networks as encoders, with random weights: nothing is downloaded."""

import sys

import keras
import numpy as np
import pytest

from mmzoo.encoders.pretrained import example, pretrained
from mmzoo.errors import BadInputError
from mmzoo.models.transfer import read_model


def pictures(shape, count=2):
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype("uint8")


def test_application_is_a_named_model_that_survives_saving(tmp_path):
    model = example()
    assert [(x.name, x.dtype, x.shape) for x in model.inputs] == [("image", "uint8", (None, 96, 96, 3))]
    assert model.output.shape == (None, 64)
    assert [w.path for w in model.trainable_weights] == ["embedding/kernel", "embedding/bias"]
    made = np.asarray(model(pictures((96, 96, 3))))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(read_model(tmp_path / "model.keras")(pictures((96, 96, 3)))), made)


def test_pretrained_images_are_scaled_to_the_network_range():
    model = pretrained("MobileNetV2", (32, 32, 3), 8)
    (network,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    kernel, bias = model.get_layer("embedding").get_weights()
    image = pictures((32, 32, 3))
    features = np.asarray(network(image / np.float32(127.5) - 1, training=False))
    np.testing.assert_allclose(np.asarray(model(image)), np.maximum(features @ kernel + bias, 0), atol=1e-5)


def test_pretrained_gray_is_repeated_to_three_channels():
    gray, color = pretrained("MobileNetV2", (32, 32, 1), 8, trainable=True), pretrained("MobileNetV2", (32, 32, 3), 8)
    assert len(gray.trainable_weights) > len(color.trainable_weights) == 2
    for name in ("mobilenetv2_1.00_32", "embedding"):
        color.get_layer(name).set_weights(gray.get_layer(name).get_weights())
    image = pictures((32, 32, 1))
    expected = np.asarray(color(np.repeat(image, 3, axis=-1), training=False))
    np.testing.assert_allclose(np.asarray(gray(image, training=False)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("handle", "shape", "weights", "message"),
    [
        ("MobileNetV3Small", (96, 96, 3), "/nowhere.h5", "pretrained MobileNetV3Small: expected weights='/nowhere.h5'"),
        ("MobileNetV3Small", (8, 8, 3), None, "pretrained MobileNetV3Small: expected weights=None"),
        ("MobileNetV3Small", (16,), None, "Received: shape=\\(16,\\)"),
        ("MobileNetV3Small", (96, 96, 4), None, "Received: shape=\\(96, 96, 4\\)"),
        ("some_preset", (16,), "imagenet", "weights to be None or 'preset'. Received: weights='imagenet'"),
    ],
)
def test_pretrained_bad_arguments_raise(handle, shape, weights, message):
    with pytest.raises(BadInputError, match=message):
        pretrained(handle, shape, 8, weights)


def test_pretrained_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_nlp", None)
    with pytest.raises(BadInputError, match=r"some_preset: expected a name of keras.applications.*mmzoo\[text\]"):
        pretrained("some_preset", (16,), 8)


def test_pretrained_unknown_preset_raises(tmp_path):
    pytest.importorskip("keras_nlp")
    with pytest.raises(
        BadInputError, match=r"expected a name of keras.applications or a preset of keras-nlp. Received"
    ):
        pretrained(str(tmp_path / "nothing"), (16,), 8)


def test_text_preset_from_a_folder(tmp_path):
    keras_nlp = pytest.importorskip("keras_nlp")
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 12}
    bert = keras_nlp.models.BertBackbone(vocabulary_size=50, **sizes)
    bert.save_to_preset(str(tmp_path / "bert"))
    model = pretrained(str(tmp_path / "bert"), (12,), 8, weights="preset")
    ids = np.array([[5, 9, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]], "int32")
    given = {"token_ids": ids, "padding_mask": (ids > 0).astype("int32"), "segment_ids": ids * 0}
    kernel, bias = model.get_layer("embedding").get_weights()
    mean = np.asarray(bert(given)["sequence_output"])[:, :3].mean(axis=1)
    np.testing.assert_allclose(np.asarray(model(ids)), np.maximum(mean @ kernel + bias, 0), atol=1e-5)
    with pytest.raises(BadInputError, match=r"expects another input. Received: [^\x1b]+$"):
        pretrained(str(tmp_path / "bert"), (32, 32, 3), 8)


def test_image_preset_from_a_folder(tmp_path):
    keras_nlp = pytest.importorskip("keras_nlp")
    stages = {"stackwise_num_filters": [64], "stackwise_num_blocks": [1], "stackwise_num_strides": [1]}
    stem = {"input_conv_filters": [64], "input_conv_kernel_sizes": [3]}
    resnet = keras_nlp.models.ResNetBackbone(block_type="basic_block", image_shape=(None, None, 3), **stem, **stages)
    resnet.save_to_preset(str(tmp_path / "resnet"))
    model = pretrained(str(tmp_path / "resnet"), (32, 32, 3), 8, weights="preset")
    image = pictures((32, 32, 3))
    kernel, bias = model.get_layer("embedding").get_weights()
    mean = np.asarray(resnet(image / np.float32(255))).mean(axis=(1, 2))
    np.testing.assert_allclose(np.asarray(model(image)), np.maximum(mean @ kernel + bias, 0), atol=1e-5)
    with pytest.raises(BadInputError, match="expects a network of token ids"):
        pretrained(str(tmp_path / "resnet"), (12,), 8)
