"""Jitter of series against its description."""

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.series import jitter_series

SEED = tf.constant([5, 6])
STEPS, MEASURED = 400, 300


def series(count=64):
    """Return the same series `(count, 400, 3)`: a channel around 100, a small one around 0; 300 steps are measured."""
    rng = np.random.default_rng(0)
    there = np.arange(STEPS)[:, None] < MEASURED
    values = np.where(there, rng.normal((100, 0), (10, 0.01), (STEPS, 2)), (99, 1))
    return np.repeat(np.concatenate([values, there], axis=1)[None], count, axis=0).astype(np.float32)


def test_padding_and_the_mean_of_channels_stay():
    given = series()
    found = jitter_series(tf.constant(given), SEED, 0.1, 0.05).numpy()
    np.testing.assert_array_equal(found[:, MEASURED:], given[:, MEASURED:])
    np.testing.assert_array_equal(found[..., 2], given[..., 2])
    means = found[:, :MEASURED, :2].mean(axis=1)
    assert np.abs(means - given[:, :MEASURED, :2].mean(axis=1)).max(axis=0)[0] < 0.2 * 10
    assert np.abs(means - given[:, :MEASURED, :2].mean(axis=1)).max(axis=0)[1] < 0.2 * 0.01


def test_channels_are_scaled_apart_and_noise_is_of_their_size():
    given = series()
    known = given[:, :MEASURED, :2] - given[:, :MEASURED, :2].mean(axis=1, keepdims=True)
    found = jitter_series(tf.constant(given), SEED, 0.1, 0.05).numpy()[:, :MEASURED, :2]
    found -= found.mean(axis=1, keepdims=True)
    gains = (found * known).sum(axis=1) / np.square(known).sum(axis=1)
    assert 0.88 < gains.min() < 0.93
    assert 1.07 < gains.max() < 1.12
    assert abs(np.corrcoef(gains.T)[0, 1]) < 0.4
    noise = (found - gains[:, None] * known).std(axis=1) / known.std(axis=1)
    np.testing.assert_allclose(noise.mean(axis=0), 0.05, rtol=0.05)


def test_depends_on_the_seed_and_leaves_a_series_without_steps():
    given = series(4)
    given[0, :, 2] = 0
    found = jitter_series(tf.constant(given), SEED, 0.1, 0.05).numpy()
    np.testing.assert_array_equal(found[0], given[0])
    np.testing.assert_array_equal(jitter_series(tf.constant(given), SEED, 0.1, 0.05), found)
    assert not np.array_equal(jitter_series(tf.constant(given), SEED + 1, 0.1, 0.05), found)
    assert np.isfinite(found).all()
