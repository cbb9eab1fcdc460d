"""Histograms of gradients and colors against NumPy, in files and on the GPU accelerator."""

import keras
import numpy as np
import pytest
from on_device import check_on_device

from mmzoo.blocks.image_statistics import ImageStatistics

RNG = np.random.default_rng(0)


def expected_gradients(image):
    """Return the 8 x 8 cells of 9 orientations by the formulas of the docstring, pixel by pixel."""
    gray = np.sqrt(image / 255.0).mean(axis=-1)
    step = (min(gray.shape) - 2) // 8
    cells = np.zeros(((gray.shape[0] - 2) // step, (gray.shape[1] - 2) // step, 9))
    near = np.cos(np.pi / 9)
    for y in range(1, 1 + cells.shape[0] * step):
        for x in range(1, 1 + cells.shape[1] * step):
            dx, dy = gray[y, x + 1] - gray[y, x - 1], gray[y + 1, x] - gray[y - 1, x]
            length = np.hypot(dx, dy)
            for k in range(9):
                cosine = abs(dx * np.cos(k * np.pi / 9) + dy * np.sin(k * np.pi / 9))
                cells[(y - 1) // step, (x - 1) // step, k] += max(0, cosine - near * length) / (1 - near) / step**2
    energy = (cells**2).sum(axis=-1)
    around = np.zeros_like(energy)
    for y, x in np.ndindex(energy.shape):
        around[y, x] = energy[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].mean()
    return cells / np.sqrt(around + 1e-4)[..., None]


@pytest.mark.parametrize("shape", [(20, 20, 3), (26, 35, 1)])
def test_features_are_those_of_numpy(shape):
    images = RNG.integers(0, 256, (2, *shape), dtype=np.uint8)
    layer = ImageStatistics()
    layer(images)
    found = keras.ops.convert_to_numpy(layer.measure(images))
    assert found.shape == (2, layer.size((None, *shape)))
    for image, row in zip(images, found, strict=True):
        gradients = expected_gradients(image).ravel()
        np.testing.assert_allclose(row[: gradients.size], gradients, atol=2e-3)
        scaled, step = image / 255.0, min(shape[:2]) // 4
        height, width = shape[0] // step, shape[1] // step
        cells = scaled[: height * step, : width * step].reshape(height, step, width, step, -1).mean(axis=(1, 3)).ravel()
        np.testing.assert_allclose(row[gradients.size :][: cells.size], cells, atol=1e-5)
        levels = [np.maximum(0, 1 - 8 * np.abs(scaled - (i + 0.5) / 8)).mean(axis=(0, 1)) for i in range(8)]
        np.testing.assert_allclose(row[gradients.size + cells.size :], np.concatenate(levels), atol=1e-5)


def test_an_edge_is_in_the_cell_of_its_orientation():
    upright = np.zeros((1, 26, 26, 3), np.uint8)
    upright[:, :, 13:] = 255
    layer = ImageStatistics()
    layer(upright)
    along = lambda image: keras.ops.convert_to_numpy(layer.measure(image))[0, : 64 * 9].reshape(64, 9).sum(axis=0)  # noqa: E731
    assert along(upright)[0] > 10 * along(upright)[1:].max()
    lying = along(np.transpose(upright, (0, 2, 1, 3)))  # 90 degrees is between two of nine orientations
    np.testing.assert_allclose(lying[4], lying[5], rtol=1e-4)
    assert lying[4] > 10 * np.delete(lying, [4, 5]).max()


def test_adapted_features_have_mean_0_and_deviation_1():
    images = RNG.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    layer = ImageStatistics()
    layer(images)
    layer.adapt(images[start : start + 8] for start in range(0, 40, 8))
    found = keras.ops.convert_to_numpy(layer(images))
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.05)
    assert np.abs(found).max() <= 5
    flat = np.full((8, 16, 16, 3), 9, np.uint8)
    layer.adapt([flat])
    np.testing.assert_array_equal(layer(flat), 0)


def test_image_of_a_few_pixels_is_refused():
    with pytest.raises(ValueError, match="at least 10 pixels"):
        ImageStatistics()(np.zeros((1, 9, 20, 3), np.uint8))


def test_is_right_in_files_and_on_the_gpu(tmp_path, gpu):
    images = RNG.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    x = keras.Input((32, 32, 3), dtype="uint8", name="image")
    layer = ImageStatistics(name="front_end")
    model = keras.Model({"image": x}, {"y": layer(x)})
    layer.adapt([RNG.integers(0, 256, (64, 32, 32, 3), dtype=np.uint8)])
    check_on_device(model, {"image": images}, tmp_path, gpu)
