"""Sublinear frequencies of counts against their formula."""

import numpy as np

from mmzoo.blocks.hashed_text import SublinearFrequencies


def frequencies(counts):
    """Compute 1 + ln(count), and norm 1 in each half."""
    x = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1).astype(float)), 0)
    halves = np.split(x, 2, axis=-1)
    norms = [np.linalg.norm(half, axis=-1, keepdims=True) for half in halves]
    return np.concatenate([half / np.where(norm > 0, norm, 1) for half, norm in zip(halves, norms, strict=True)], -1)


def test_sublinear_frequencies_formula():
    rng = np.random.default_rng(0)
    counts = (rng.integers(0, 256, (6, 64)) * (rng.random((6, 64)) < 0.3)).astype(np.uint8)
    counts[0] = 0
    counts[1, 32:] = 0
    counts[2] = 255
    counts[3] = np.eye(64, dtype=np.uint8)[5]
    found = np.asarray(SublinearFrequencies()(counts))
    np.testing.assert_allclose(found, frequencies(counts), atol=1e-6)
    assert found.dtype == np.float32


def test_sublinear_frequencies_of_long_texts_fit_half_precision():
    counts = np.full((1, 2**15), 255, np.uint8)
    found = np.asarray(SublinearFrequencies(dtype="float16")(counts), np.float64)
    np.testing.assert_allclose(found, 2**-7, rtol=0.02)
