"""Features of pictures equal formulas written out for one picture."""

import numpy as np
from PIL import Image

from mmzoo.studies.own_tables.peers.pictures import colours, gradients, picture_features, read_pictures


def slow_gradients(pixels):
    """Histograms of oriented gradients of one picture `(64, 64, 3)`, pixel by pixel."""
    grey = pixels.astype(np.float64).mean(axis=-1) / 255
    cells = np.zeros((8, 8, 9))
    for y in range(64):
        for x in range(64):
            across = grey[y, x + 1] - grey[y, x - 1] if 0 < x < 63 else 0
            down = grey[y + 1, x] - grey[y - 1, x] if 0 < y < 63 else 0
            at = np.degrees(np.arctan2(down, across)) % 180 / 20 - 0.5
            low = int(np.floor(at))
            size = np.hypot(across, down)
            cells[y // 8, x // 8, low % 9] += size * (1 - (at - low))
            cells[y // 8, x // 8, (low + 1) % 9] += size * (at - low)
    found = []
    for y in range(7):
        for x in range(7):
            block = np.concatenate([cells[y, x], cells[y, x + 1], cells[y + 1, x], cells[y + 1, x + 1]])
            block = np.minimum(block / np.sqrt(block @ block + 1e-10), 0.2)
            found.append(block / np.sqrt(block @ block + 1e-10))
    return np.concatenate(found)


def test_gradients_equal_the_formula():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    found = gradients(pixels)
    assert found.shape == (2, 1764)
    for row in range(2):
        np.testing.assert_allclose(found[row], slow_gradients(pixels[row]), atol=2e-4)


def test_edge_falls_into_the_bin_of_its_angle():
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    pixels[:, :, 32:] = 200  # a vertical edge: its gradient points right, at 0 degrees, between the last and first bin
    cells = gradients(pixels).reshape(49, 4, 9).sum(axis=(0, 1))
    assert cells[[0, 8]].min() > 0
    assert cells[1:8].max() < 1e-6


def test_colours_are_shares_and_means():
    pixels = np.zeros((1, 64, 64, 3), np.uint8)
    pixels[:, :16, :16] = (255, 128, 0)
    found = colours(pixels)[0]
    histogram, means = found[:24].reshape(8, 3), found[24:].reshape(4, 4, 3)
    np.testing.assert_allclose(histogram.sum(axis=0), 1)
    np.testing.assert_allclose(histogram[7], [1 / 16, 0, 0])
    np.testing.assert_allclose(histogram[4], [0, 1 / 16, 0])
    np.testing.assert_allclose(means[0, 0], [1, 128 / 255, 0], atol=1e-6)
    assert not means[1:].any()


def test_files_are_read_in_any_mode(tmp_path):
    Image.new("L", (20, 30), 90).save(tmp_path / "grey.png")
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    found = read_pictures([tmp_path / "grey.png", None, tmp_path / "clear.png"])
    assert found.shape == (3, 64, 64, 3)
    assert [set(map(tuple, one.reshape(-1, 3))) for one in found] == [{(90,) * 3}, {(0,) * 3}, {(255,) * 3}]
    assert picture_features([tmp_path / "grey.png"]).shape == (1, 1836)
