"""Features of pictures: histograms of oriented gradients, and colours."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmzoo.data.decode.image import read_image

SIDE = 64  # pixels of a picture
CELL, BLOCK, ANGLES = 8, 2, 9  # pixels of a cell, cells of a block, bins of an angle
LEVELS, GRID = 8, 4  # bins of a channel, cells of mean colours
SMALL = 1e-5
BATCH = 500  # pictures


def read_pictures(paths: Sequence[Path | None]) -> np.ndarray:
    """Read pictures as uint8 `(N, 64, 64, 3)`, decoded as `fit` decodes them; None is a black picture."""
    pixels = np.zeros((len(paths), SIDE, SIDE, 3), np.uint8)
    places: dict[Path, list[int]] = {}
    for row, path in enumerate(paths):
        if path is not None:
            places.setdefault(path, []).append(row)
    for path, rows in places.items():
        pixels[rows] = read_image(path, 3, (SIDE, SIDE))
    return pixels


def gradients(pixels: np.ndarray) -> np.ndarray:
    """Compute histograms of oriented gradients, `(N, 1764)` float32, of uint8 `(N, 64, 64, 3)`.

    Gradients are central differences of the mean of the channels. Unsigned angles fall into 9 bins of 20 degrees,
    weighted by magnitude and divided between the two nearest bins. Blocks of 2 x 2 cells of 8 x 8 pixels overlap by a
    cell; each is normalized to length 1, clipped at 0.2, and normalized again (L2-Hys).

    Source: Dalal and Triggs 2005, Histograms of oriented gradients for human detection, section 6.
    """
    grey = pixels.mean(axis=-1, dtype=np.float32) / 255
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, :, 1:-1] = grey[:, :, 2:] - grey[:, :, :-2]
    down[:, 1:-1] = grey[:, 2:] - grey[:, :-2]
    at = (np.arctan2(down, across) % np.pi) / (np.pi / ANGLES) - 0.5
    low, size = np.floor(at), np.hypot(across, down)
    high = at - low
    count = SIDE // CELL
    cells = np.zeros((len(pixels), count, count, ANGLES), np.float32)
    for offset, weight in ((0, 1 - high), (1, high)):
        angle = (low + offset) % ANGLES
        for k in range(ANGLES):
            part = np.where(angle == k, weight * size, 0)
            cells[..., k] += part.reshape(-1, count, CELL, count, CELL).sum(axis=(2, 4))
    steps = count - BLOCK + 1
    corners = [cells[:, i : i + steps, j : j + steps] for i in range(BLOCK) for j in range(BLOCK)]
    blocks = _unit(np.minimum(_unit(np.concatenate(corners, axis=-1)), 0.2))
    return blocks.reshape(len(pixels), -1)


def _unit(blocks: np.ndarray) -> np.ndarray:
    return blocks / np.sqrt(np.square(blocks).sum(axis=-1, keepdims=True) + SMALL**2)


def colours(pixels: np.ndarray) -> np.ndarray:
    """Compute histograms of channels and 4 x 4 mean colours, in 0..1, of uint8 `(N, 64, 64, 3)`: `(N, 72)` float32."""
    side = SIDE // GRID
    means = pixels.reshape(-1, GRID, side, GRID, side, 3).mean(axis=(2, 4), dtype=np.float32) / 255
    levels = (pixels // (256 // LEVELS)).reshape(len(pixels), -1, 3)
    shares = [(levels == level).mean(axis=1, dtype=np.float32) for level in range(LEVELS)]
    return np.hstack([*shares, means.reshape(len(pixels), -1)])


def picture_features(paths: Sequence[Path | None]) -> np.ndarray:
    """Return gradients and colours, `(N, 1836)` float32, of the pictures in files."""
    pixels = read_pictures(paths)
    parts = [pixels[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    return np.concatenate([np.hstack([gradients(part), colours(part)]) for part in parts])
