"""Decoding of image files to arrays, one-line errors, and synthetic degradations."""

import io

import numpy as np
import pytest
from PIL import Image

from mmzoo.data.decode.image import decode_image, fit_components, hide_part, keep_components, read_image
from mmzoo.errors import BadInputError

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)


def encoded(array, kind="PNG", **how):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **how)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "JPEG"])
def test_formats(tmp_path, kind):
    smooth = np.add.outer(np.arange(16), np.arange(24)).astype(np.uint8) * 5
    path = tmp_path / "picture"
    path.write_bytes(encoded(smooth, kind))
    image = read_image(path)
    assert image.shape == (16, 24, 1)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[..., 0], smooth, atol=6 if kind == "JPEG" else 0)


def test_channels():
    np.testing.assert_array_equal(decode_image(encoded(RGB), channels=3), RGB)
    gray = RGB @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(decode_image(encoded(RGB))[..., 0], gray, atol=1)
    np.testing.assert_array_equal(decode_image(encoded(RGB[..., 0]), channels=3), np.repeat(RGB[..., :1], 3, 2))
    alpha = np.concatenate([RGB, np.full((6, 9, 1), 128, np.uint8)], axis=2)
    np.testing.assert_allclose(decode_image(encoded(alpha), channels=3), RGB * (128 / 255) + 127, atol=1)
    with pytest.raises(BadInputError, match=r"channels: expected 1 or 3\. Received: 2"):
        decode_image(encoded(RGB), channels=2)


def test_black_shapes_on_nothing_stay_shapes():
    shape = np.zeros((8, 8, 4), np.uint8)
    shape[2:5, 2:5, 3] = 255
    np.testing.assert_array_equal(decode_image(encoded(shape))[..., 0], 255 - shape[..., 3])


def test_sixteen_bits_are_scaled():
    deep = np.array([[0, 255, 256, 65535]], np.uint16)
    np.testing.assert_array_equal(decode_image(encoded(deep))[..., 0], [[0, 0, 1, 255]])


def test_exif_rotation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    assert decode_image(encoded(RGB, "TIFF", exif=exif), channels=3).shape == (9, 6, 3)


def test_size():
    image = decode_image(encoded(np.full((10, 20), 77, np.uint8)), size=(5, 8))
    assert image.shape == (5, 8, 1)
    assert (image == 77).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated(kind, part):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    whole = encoded(noise, kind)
    with pytest.raises(BadInputError, match=r"cut\.png: expected an image that decodes") as raised:
        decode_image(whole[: int(len(whole) * part)], name="cut.png")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"hello, world" * 100])
def test_read_image_bad_content_raises(content):
    with pytest.raises(BadInputError, match=r"notes\.txt: expected an image that decodes"):
        decode_image(content, name="notes.txt")


def test_no_file(tmp_path):
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(BadInputError, match="expected a readable image file") as raised:
            read_image(path)
        assert str(path) in str(raised.value)


def test_hide_part():
    white = np.full((50, 28, 28, 1), 255, np.uint8)
    hidden = hide_part(white, side=10, grain=0, rng=np.random.default_rng(0))
    assert ((hidden == 0).sum(axis=(1, 2, 3)) == 100).all()
    assert (white == 255).all()
    for picture in hidden[..., 0] == 0:
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        assert len(rows) == len(columns) == 10
        assert np.ptp(rows) == np.ptp(columns) == 9
    gray = np.full((50, 28, 28, 1), 128, np.uint8)
    grainy = hide_part(gray, side=0, grain=20, rng=np.random.default_rng(0))
    assert grainy.std() == pytest.approx(20, rel=0.02)


def test_fit_components_equal_singular_vectors():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 6, 5, 1)).astype(np.uint8)
    mean, directions = fit_components(images)
    flat = images.reshape(300, 30).astype(np.float64)
    np.testing.assert_allclose(mean, flat.mean(axis=0))
    left, values, right = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    expected = left[:, :7] * values[:7] @ right[:7] + flat.mean(axis=0)
    kept = keep_components(images, mean, directions, 7)
    np.testing.assert_array_equal(kept, np.clip(np.rint(expected), 0, 255).astype(np.uint8).reshape(images.shape))
    np.testing.assert_array_equal(keep_components(images, mean, directions, 30), images)
