"""Sampling from a Gaussian: moments, gradients, and the saved generator state."""

import keras
import numpy as np
import tensorflow as tf

from mmzoo.blocks.sampling import Sampling


def model(seed=0):
    mean, log_variance = keras.Input((4,)), keras.Input((4,))
    return keras.Model([mean, log_variance], Sampling(seed, name="latent")([mean, log_variance]))


GIVEN = [np.full((20_000, 4), 3.0, "float32"), np.full((20_000, 4), np.log(4.0), "float32")]


def test_moments_in_training_and_mean_in_inference():
    drawn = np.asarray(model()(GIVEN, training=True))
    np.testing.assert_allclose(drawn.mean(axis=0), 3, atol=0.06)
    np.testing.assert_allclose(drawn.std(axis=0), 2, atol=0.06)
    np.testing.assert_array_equal(model()(GIVEN, training=False), GIVEN[0])


def test_draws_differ_and_follow_the_seed():
    one, same, other = model(1), model(1), model(2)
    first, second = (np.asarray(one(GIVEN, training=True)) for _ in range(2))
    assert np.abs(first - second).max() > 0.1
    np.testing.assert_array_equal(first, same(GIVEN, training=True))
    assert np.abs(first - np.asarray(other(GIVEN, training=True))).max() > 0.1


def test_sampling_gradients_follow_the_formula():
    mean, log_variance = tf.constant([[0.5, -1.0]]), tf.constant([[0.2, 1.5]])
    layer = Sampling(3)
    with tf.GradientTape() as tape:
        tape.watch([mean, log_variance])
        drawn = layer([mean, log_variance], training=True)
    by_mean, by_log_variance = tape.gradient(drawn, [mean, log_variance])
    np.testing.assert_allclose(by_mean, 1)
    np.testing.assert_allclose(by_log_variance, (drawn - mean) / 2, rtol=1e-5)


def test_sampling_saves_the_generator_state(tmp_path):
    one, other = model(), model()
    one(GIVEN, training=True)
    one.save_weights(tmp_path / "m.weights.h5")
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(one(GIVEN, training=True), other(GIVEN, training=True))


def test_sampling_survives_save_and_load(tmp_path):
    one = model(5)
    one.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras", custom_objects={"Sampling": Sampling}, compile=False)
    assert read.get_layer("latent").seed == 5
    np.testing.assert_array_equal(one(GIVEN, training=True), read(GIVEN, training=True))
