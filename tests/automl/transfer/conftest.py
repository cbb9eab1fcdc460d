"""A small table of images."""

import csv

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
