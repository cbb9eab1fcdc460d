"""Decoding of image files to uint8 arrays, and synthetic degradations."""

from pathlib import Path

import numpy as np

from mmzoo.device import media
from mmzoo.errors import BadInputError

ROWS = 4096  # images at a time in float64


def read_image(path: str | Path, channels: int = 1, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read an image file as uint8 `(H, W, channels)`, 0 to 255.

    `channels` is 1 (gray) or 3 (RGB). `size` `(height, width)` resizes it (bilinear). EXIF rotation is applied,
    transparency composited on white. `mmzoo.device.media.decode_image` decodes it, as on the device.

    Raises:
        BadInputError: the file is missing, truncated, too large, not an image, or its pixels have no known range.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable image file. Received: {error.strerror}.") from None
    return decode_image(content, channels, size, name=str(path))


def decode_image(
    content: bytes, channels: int = 1, size: tuple[int, int] | None = None, name: str = "image"
) -> np.ndarray:
    """Decode the bytes of an image file as `read_image` does.

    `name` names the file in error messages.
    """
    if channels not in (1, 3):
        raise BadInputError(f"channels: expected 1 or 3. Received: {channels}.")
    try:
        return media.decode_image(content, channels, size, name)
    except ValueError as error:
        raise BadInputError(str(error)) from None


def hide_part(images: np.ndarray, side: int, grain: float, rng: np.random.Generator) -> np.ndarray:
    """Blacken one random square of each image, then add Gaussian noise.

    `images` are uint8 `(N, H, W, 1)`. The square has `side` pixels and lies inside the image. `grain` is the standard
    deviation of the noise, of 255. Returns a new array.
    """
    count, height, width, _ = images.shape
    top = rng.integers(0, height - side + 1, (count, 1, 1, 1))
    left = rng.integers(0, width - side + 1, (count, 1, 1, 1))
    y, x = np.arange(height).reshape(1, -1, 1, 1), np.arange(width).reshape(1, 1, -1, 1)
    hidden = (y >= top) & (y < top + side) & (x >= left) & (x < left + side)
    noise = rng.standard_normal(images.shape, dtype=np.float32) * np.float32(grain)
    return np.clip(np.rint(np.where(hidden, 0, images) + noise), 0, 255).astype(np.uint8)


def fit_components(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute mean `(P,)` and principal directions `(P, P)` of images, strongest first.

    Images are uint8 `(N, H, W, 1)`, P = H * W. The sums over images are of integers below 2^53 and therefore exact:
    bit-identical on every machine.
    """
    pixels = images.reshape(len(images), -1)
    products = np.zeros((pixels.shape[1], pixels.shape[1]))
    for start in range(0, len(pixels), ROWS):
        part = pixels[start : start + ROWS].astype(np.float64)
        products += part.T @ part
    mean = pixels.sum(axis=0, dtype=np.int64) / len(pixels)
    _, directions = np.linalg.eigh(products / len(pixels) - np.outer(mean, mean))
    return mean, directions[:, ::-1]


def keep_components(images: np.ndarray, mean: np.ndarray, directions: np.ndarray, components: int) -> np.ndarray:
    """Reconstruct images from the first `components` principal directions.

    Images are uint8 `(N, H, W, 1)`; the result has the same shape, rounded and clipped.
    """
    pixels = images.reshape(len(images), -1)
    kept = directions[:, :components]
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), ROWS):
        part = (pixels[start : start + ROWS] - mean) @ kept @ kept.T + mean
        result[start : start + ROWS] = np.clip(np.rint(part), 0, 255)
    return result.reshape(images.shape)
