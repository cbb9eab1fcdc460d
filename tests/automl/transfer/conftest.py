"""A small table of images, and weights of a published network."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return a table of two images, of which the first shows the class, and of a number; some images are missing."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(0)
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        write = csv.writer(file)
        write.writerow(["front", "back", "price", "kind"])
        for i in range(80):
            for side in ("front", "back"):
                pixels = rng.integers(0, 120, (40, 40, 3))
                pixels[..., 0 if i % 2 and side == "front" else 2] += 120
                if not (side == "back" and i % 10 == 3):
                    Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{side}{i}.png")
            write.writerow([f"front{i}.png", f"back{i}.png", f"{rng.random():.3f}", "red" if i % 2 else "blue"])
    return folder / "t.csv"


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Return a file of weights of MobileNetV3Small with fitted batch norms, so that features differ between images."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    network = keras.applications.MobileNetV3Small((32, 32, 3), include_top=False, weights=None, pooling="avg")
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.5
    rng = np.random.default_rng(0)
    for _ in range(8):
        colors = rng.integers(0, 256, (32, 1, 1, 3)) + rng.normal(0, 40, (32, 32, 32, 3))
        network(np.clip(colors, 0, 255).astype(np.float32), training=True)
    network.save_weights(path)
    return path
