"""EfficientNet-Lite0: the published weights answer as in PyTorch, frozen and trained, on every device."""

import keras
import numpy as np
import pytest

from mmzoo.artifacts.runtimes import predictor
from mmzoo.commands.catalogue import randomize
from mmzoo.encoders.efficientnet_lite import DEVIATION, MEAN, NORMS, efficientnet_lite0, load_tensors, network
from mmzoo.errors import BadInputError
from mmzoo.export.convert import quiet
from mmzoo.export.quantize import tflite_models
from mmzoo.models.published.weights import efficientnet_lite0_tensors, has_efficientnet_lite0
from mmzoo.models.transfer import read_model
from mmzoo.tflite import flatbuffer
from mmzoo.verification.table import table
from mmzoo.verification.verify import verify

published = pytest.mark.skipif(not has_efficientnet_lite0(), reason="needs the extra pretrained")
# every 128th feature of `picture`, computed by efficientnet-lite-pytorch 0.1.0 and PyTorch 2.13, and their mean
GOLDEN = {
    128: ([0.02997, 0, 0, 3.33015, 0.30127, 0.346286, 0, 0.280753, 0, 0.536699], 0.42893085),
    224: ([0, 0, 0, 1.537562, 1.059884, 0, 0, 0, 0, 0.009363], 0.16120958),
}


def picture(side):
    """Return a color image of waves, `(1, side, side, 3)` uint8."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(9 * x * (k + 1)) * np.cos(7 * y) + np.sin(31 * (x * y + k)) for k in range(3)]
    return np.round((np.stack(waves, -1) / 4 + 0.5) * 255).astype("uint8")[None]


def features_of(encoder):
    return keras.Model(encoder.input, encoder.get_layer("embedding").input)


@published
@pytest.mark.parametrize("side", GOLDEN)
def test_published_features_are_those_of_pytorch(side):
    encoder = efficientnet_lite0((side, side, 3), 8, efficientnet_lite0_tensors())
    expected, mean = GOLDEN[side]
    found = np.asarray(features_of(encoder)(picture(side)))[0]
    np.testing.assert_allclose(found[::128], expected, atol=1e-4)
    np.testing.assert_allclose(found.mean(), mean, atol=1e-5)


def test_images_are_normalized_in_the_graph():
    encoder = efficientnet_lite0((32, 32, 3), 8)
    front_end = keras.Model(encoder.input, encoder.get_layer("front_end").output)
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    np.testing.assert_allclose(np.asarray(front_end(x)), (x / 255 - np.array(MEAN)) / np.array(DEVIATION), atol=1e-5)


def test_network_is_frozen_or_trained():
    tensors = tensors_of(network((32, 32, 3)))
    for trainable in (False, True):
        encoder = efficientnet_lite0((32, 32, 3), 8, tensors, trainable)
        assert not encoder.non_trainable_weights or not trainable  # batch normalization is folded
        assert len(encoder.trainable_weights) == (2 + 2 * 49 if trainable else 2)
    learned = efficientnet_lite0((32, 32, 3), 8, trainable=True)
    assert len(learned.non_trainable_weights) == 2 * 49  # moving averages, of random weights


def tensors_of(source):
    """Return the weights of a `network` with batch normalization, named and shaped as in the PyTorch port."""
    found = {}
    for layer in source.layers:
        if not layer.weights:
            continue
        *block, step = layer.name.removesuffix("_norm").split("_")
        place = f"_blocks.{block[0][5:]}." if block else ""
        if layer.name.endswith("_norm"):
            for one, value in zip(("weight", "bias", "running_mean", "running_var"), layer.get_weights(), strict=True):
                found[f"{place}{NORMS[step]}.{one}"] = value
        else:
            axes = (2, 3, 0, 1) if step == "depthwise" else (3, 2, 0, 1)
            name = f"{place}_{step}_conv" if block else f"_conv_{step}"
            found[f"{name}.weight"] = layer.get_weights()[0].transpose(axes)
    return found


def test_folded_network_is_the_normalized_one():
    one, other = network((32, 32, 3)), network((32, 32, 3), folded=True)
    randomize(one)
    tensors = tensors_of(one)
    load_tensors(other, tensors)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    expected = np.asarray(one(x, training=False))
    np.testing.assert_allclose(np.asarray(other(x)), expected, atol=1e-4 * expected.max())
    with pytest.raises(BadInputError, match=r"expected a tensor _blocks\.3\._bn1\.bias\. Received: 244 others"):
        load_tensors(other, {name: x for name, x in tensors.items() if name != "_blocks.3._bn1.bias"})
    with pytest.raises(BadInputError, match="expected stem of other shapes"):
        load_tensors(other, tensors | {"_conv_stem.weight": np.zeros((32, 3, 5, 5))})


@pytest.mark.parametrize("shape", [(31, 64, 3), (64, 64, 1), (64,)])
def test_bad_shape_raises(shape):
    with pytest.raises(BadInputError, match=r"efficientnet_lite0 expects a shape \(H, W, 3\) of 32 or more"):
        efficientnet_lite0(shape, 8)


def test_encoder_survives_saving(tmp_path):
    encoder = efficientnet_lite0((32, 32, 3), 8, tensors_of(network((32, 32, 3))))
    x = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype("uint8")
    encoder.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(np.asarray(read_model(tmp_path / "m.keras")(x)), np.asarray(encoder(x)))


@published
def test_published_network_on_device(tmp_path, gpu):  # `parts.json` has the verdict with random weights
    encoder = efficientnet_lite0((64, 64, 3), 8, efficientnet_lite0_tensors())
    model = keras.Model({"image": encoder.input}, {"embedding": encoder.output})
    x = np.concatenate([picture(64), 255 - picture(64), np.flip(picture(64), 1)])
    with quiet():
        files = tflite_models(model, ("float32", "dynamic"), {"image": x})
    expected = np.asarray(encoder(x))
    for (precision, file), tolerance in zip(files.items(), (1e-4, 0.1), strict=True):
        path = tmp_path / f"{precision}.tflite"
        flatbuffer.write(file, path)
        answer = predictor(path)({"image": x})["embedding"]
        assert np.abs(answer - expected).max() <= tolerance * np.abs(expected).max()
        report = verify(path, require_gpu=True, seeds=1)
        assert report["exit_code"] == 0, table(report)
    assert (tmp_path / "dynamic.tflite").stat().st_size < 4_000_000
