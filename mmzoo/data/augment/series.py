"""Augmentation of time series."""

import tensorflow as tf

from mmzoo.data.augment.batch import draw


def jitter_series(series: tf.Tensor, seed: tf.Tensor, gain: float, noise: float) -> tf.Tensor:
    """Scale each channel about its mean and add Gaussian noise; Um et al. 2017, section 3.1: scaling and jittering.

    Args:
        series: `(B, T, C + 1)`, whose last channel is 1 for a measured step; only these change.
        seed: `(2,)`, of the batch.
        gain: a channel is scaled by a factor of `1 - gain` to `1 + gain`.
        noise: standard deviation of the noise, in standard deviations of a channel of the example.
    """
    values, there = series[..., :-1], series[..., -1:]
    count = tf.maximum(tf.reduce_sum(there, axis=1, keepdims=True), 1.0)
    mean = tf.reduce_sum(values * there, axis=1, keepdims=True) / count
    away = (values - mean) * there
    deviation = tf.sqrt(tf.reduce_sum(tf.square(away), axis=1, keepdims=True) / count)
    factor = draw(seed, 61, tf.shape(mean), 1 - gain, 1 + gain)
    added = tf.random.stateless_normal(tf.shape(values), seed + tf.constant([0, 62])) * deviation * noise
    return tf.concat([tf.where(there > 0, mean + away * factor + added, values), there], axis=-1)
