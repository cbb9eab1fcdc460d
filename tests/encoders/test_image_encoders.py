"""Image encoders: shapes, Transformer tokens, widths, learning, and the device."""

import keras
import numpy as np
import pytest
from on_device import check_on_device
from training_checks import check_memorizes

from mmzoo.commands.catalogue import randomize
from mmzoo.encoders.lc_net import lc_net
from mmzoo.encoders.light_cnn import light_cnn
from mmzoo.encoders.vit_tiny import vit_tiny

ENCODERS = {
    "vit_tiny": lambda: vit_tiny((12, 20, 3), 24, units=32, num_layers=2, dropout=0.1),
    "lc_net": lambda: lc_net((20, 25, 3), 24, width=0.25),
    "light_cnn": lambda: light_cnn((16, 16, 1), 24, width=0.5),
}


@pytest.fixture(params=ENCODERS)
def encoder(request):
    keras.utils.set_random_seed(0)
    model = ENCODERS[request.param]()
    assert model.name == request.param
    return model


def pictures(encoder, count=3):
    shape = (count, *encoder.input.shape[1:])
    return np.random.default_rng(0).integers(0, 256, shape).astype("uint8")


def until(encoder, layer):
    return keras.Model(encoder.input, encoder.get_layer(layer).output)


def test_image_encoder_first_layer_is_the_front_end(encoder):
    assert encoder.input.dtype == "uint8"
    assert encoder.output.shape == (None, 24)
    assert encoder.get_layer("front_end").input is encoder.input
    assert encoder.get_layer("embedding").output is encoder.output


def test_image_encoder_memorizes_sixteen_images(encoder):
    check_memorizes(encoder, pictures(encoder, 16), np.arange(16) % 4)


def test_on_device(encoder, tmp_path, gpu):
    randomize(encoder)
    model = keras.Model({"image": encoder.input}, {"embedding": encoder.output})
    check_on_device(model, {"image": pictures(encoder)}, tmp_path, gpu)


class TestVitTiny:
    def test_images_are_scaled_to_minus_one_to_one(self):
        front_end = until(vit_tiny((8, 8, 1), 8, units=16, num_layers=1), "front_end")
        for pixel, expected in ((0, -1.0), (255, 1.0)):
            np.testing.assert_allclose(front_end(np.full((1, 8, 8, 1), pixel, "uint8")), expected, rtol=1e-6)

    def test_tokens_are_patches_row_by_row(self):
        model = vit_tiny((12, 20, 3), 24, units=32, num_layers=1)
        randomize(model)
        x = pictures(model)
        kernel, bias = model.get_layer("patches").get_weights()
        (positions,) = model.get_layer("positions").get_weights()
        cut = (x / 127.5 - 1).reshape(3, 3, 4, 5, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(3, 15, -1)
        expected = cut @ kernel.reshape(-1, 32) + bias + positions
        np.testing.assert_allclose(np.asarray(until(model, "positions")(x)), expected, atol=1e-5)

    @pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 3), (2, 4)])
    def test_patch_changes_only_its_own_token(self, row, column):
        model = vit_tiny((12, 20, 3), 24, units=32, num_layers=1)
        x = pictures(model, 1)
        changed = x.copy()
        changed[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] ^= 255
        tokens = until(model, "positions")
        moved = np.abs(np.asarray(tokens(x)) - np.asarray(tokens(changed))).max((0, 2)) > 1e-6
        assert list(np.flatnonzero(moved)) == [5 * row + column]

    def test_patch_order_changes_the_embedding(self):
        model = vit_tiny((8, 8, 1), 24, units=32, num_layers=1)
        randomize(model)
        x = pictures(model, 1)
        swapped = np.concatenate([x[:, 4:], x[:, :4]], axis=1)
        assert np.abs(np.asarray(model(x)) - np.asarray(model(swapped))).max() > 1e-3
        model.get_layer("positions").set_weights([np.zeros((4, 32))])
        np.testing.assert_allclose(np.asarray(model(x)), np.asarray(model(swapped)), atol=1e-5)

    def test_embedding_is_from_the_mean_token(self):
        model = vit_tiny((8, 8, 1), 24, units=32, num_layers=1)
        randomize(model)
        x = pictures(model)
        kernel, bias = model.get_layer("embedding").get_weights()
        expected = np.maximum(np.asarray(until(model, "norm")(x)).mean(1) @ kernel + bias, 0)
        np.testing.assert_allclose(np.asarray(model(x)), expected, atol=1e-5)

    def test_dropout_acts_only_in_training(self):
        model = vit_tiny((8, 8, 1), 24, units=32, num_layers=1, dropout=0.5)
        randomize(model)
        x = pictures(model)
        once, again, trained = (np.asarray(model(x, training=t)) for t in (False, False, True))
        np.testing.assert_array_equal(once, again)
        assert np.abs(trained - once).max() > 1e-2

    @pytest.mark.parametrize(("shape", "patch_size"), [((28, 30, 1), 4), ((28, 28, 1), 0)])
    def test_indivisible_patches_raise(self, shape, patch_size):
        with pytest.raises(ValueError, match=r"Received: shape=\(28, .*, patch_size="):
            vit_tiny(shape, 24, patch_size)

    @pytest.mark.parametrize("units", [0, 40])
    def test_bad_units_raise(self, units):
        with pytest.raises(ValueError, match=f"multiples of 16. Received: units={units}"):
            vit_tiny((28, 28, 1), 24, units=units)


class TestLcNet:
    def test_width_one_equals_the_paper(self):
        model = lc_net((224, 224, 3), 8)
        blocks = [model.get_layer(f"block{i}_pointwise_{'relu' if i < 6 else 'hard_swish'}") for i in range(13)]
        assert [x.output.shape[1] for x in blocks] == [112, 56, 56, 28, 28, *[14] * 6, 7, 7]
        assert [x.output.shape[-1] for x in blocks] == [32, 64, 64, 128, 128, *[256] * 6, 512, 512]
        kernels = [model.get_layer(f"block{i}_depthwise").kernel.shape[0] for i in range(13)]
        assert kernels == [3] * 6 + [5] * 7
        excited = [x.name for x in model.layers if x.name.endswith("excite_scale")]
        assert excited == ["block11_excite_scale", "block12_excite_scale"]

    def test_small_images_keep_four_pixels(self):
        model = lc_net((28, 40, 1), 8, width=0.25)
        assert model.get_layer("block12_pointwise").output.shape[1:3] == (4, 5)

    @pytest.mark.parametrize(("width", "expected"), [(0.25, 128), (0.3, 152), (0.001, 4)])
    def test_channels_are_multiples_of_four(self, width, expected):
        model = lc_net((28, 28, 1), 8, width=width)
        assert model.get_layer("block12_pointwise").output.shape[-1] == expected

    def test_dropout_acts_only_in_training(self):
        model = lc_net((28, 28, 1), 8, width=0.125, dropout=0.5)
        assert model.get_layer("dropout").rate == 0.5

    def test_bad_width_raises(self):
        with pytest.raises(ValueError, match="Received: width=0"):
            lc_net((28, 28, 1), 24, width=0)


class TestLightCnnWidth:
    def test_one_leaves_the_channels_as_they_are(self):
        assert light_cnn((28, 28, 1), 64).count_params() == light_cnn((28, 28, 1), 64, width=1).count_params() == 43024
        assert light_cnn((28, 28, 1), 64, widths=(10, 6)).get_layer("stem").filters == 10

    def test_scales_to_multiples_of_four(self):
        model = light_cnn((28, 28, 1), 64, width=0.4)
        assert [model.get_layer(name).filters for name in ("stem", "stage1", "stage2")] == [8, 12, 20]

    def test_bad_width_raises(self):
        with pytest.raises(ValueError, match="Received: width=-1"):
            light_cnn((28, 28, 1), 24, width=-1)
