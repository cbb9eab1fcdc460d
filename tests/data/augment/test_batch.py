"""Batch augmentation: correct, bounded, and a function of the seed."""

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.augment.batch import change_speed, draw_gain, drop_modalities, jitter_images, mix_noise, place_clips

SEED = tf.constant([1, 2])


@pytest.fixture
def clips():
    """Return three clips of 800, 160 and 0 samples in a second of 1600."""
    clips = np.zeros((3, 1600), np.int16)
    clips[0, :800] = np.arange(1, 801)
    clips[1, :160] = -np.arange(1, 161)
    return tf.constant(clips), tf.constant([800, 160, 0])


def test_clips_are_centered_without_a_seed(clips):
    placed = place_clips(*clips, 1600).numpy()
    np.testing.assert_array_equal(placed[0, 400:1200], np.arange(1, 801) / 32768)
    assert not placed[0, :400].any()
    assert not placed[0, 1200:].any()
    np.testing.assert_array_equal(placed[1, 720:880], -np.arange(1, 161) / 32768)


def test_clips_begin_anywhere_where_they_fit_and_stay_whole(clips):
    begins = set()
    for i in range(50):
        placed = place_clips(*clips, 1600, tf.constant([0, i])).numpy()
        begin = int(np.flatnonzero(placed[0])[0])
        np.testing.assert_array_equal(placed[0, begin : begin + 800], np.arange(1, 801) / 32768)
        begins.add(begin)
    assert min(begins) < 100
    assert max(begins) > 700
    assert max(begins) <= 800


def test_mix_noise_has_the_given_ratio(clips):
    lengths = tf.constant([1600, 1600])
    rng = np.random.default_rng(0)
    speech = tf.constant(rng.normal(0, 0.01, (2, 1600)).astype("float32"))
    noise = rng.normal(0, 1, (4, 1600)).astype("float32")
    noise /= np.sqrt((noise**2).mean(axis=1, keepdims=True))
    for snr in (-5.0, 0.0, 10.0):
        added = (mix_noise(speech, lengths, tf.constant(noise), snr, SEED) - speech).numpy()
        ratio = 10 * np.log10((speech.numpy() ** 2).mean(axis=1) / (added**2).mean(axis=1))
        np.testing.assert_allclose(ratio, snr, atol=0.01)


def test_mix_noise_ratio_counts_only_speech_samples():
    speech = np.zeros((1, 1600), "float32")
    speech[0, :160] = 0.01
    noise = tf.ones((1, 1600))
    mixed = mix_noise(tf.constant(speech), tf.constant([160]), noise, 20.0, SEED).numpy()
    np.testing.assert_allclose(mixed[0, 160:], 0.001, rtol=1e-4)


def test_loud_mixtures_stay_in_range():
    loud = tf.fill((2, 1600), 0.9)
    mixed = mix_noise(loud, tf.constant([1600, 1600]), tf.ones((1, 1600)), -20.0, SEED).numpy()
    assert np.abs(mixed).max() <= 1


def test_gain_is_bounded_and_drawn_for_each():
    gains = 20 * np.log10(draw_gain(tf.fill((500, 8), 0.1), SEED, 6.0).numpy()[:, 0] / 0.1)
    assert -6 <= gains.min() < -5 < 5 < gains.max() <= 6


def test_draw_gain_stays_in_range():
    assert np.abs(draw_gain(tf.fill((50, 8), 0.9), SEED, 6.0)).max() <= 1


def test_change_speed_changes_length_and_pitch():
    tone = np.zeros((1, 8000), np.int16)
    tone[0, :4000] = np.rint(8000 * np.sin(2 * np.pi * 500 * np.arange(4000) / 8000))
    for factor in (0.8, 1.0, 1.25):
        changed, lengths = change_speed(tone, np.array([4000], np.int32), factor)
        assert lengths[0] == pytest.approx(4000 / factor, abs=1)
        spectrum = np.abs(np.fft.rfft(changed[0, : lengths[0]]))
        assert spectrum.argmax() * 8000 / lengths[0] == pytest.approx(500 * factor, abs=4)
        assert not changed[0, lengths[0] :].any()


def test_jitter_of_zero_is_the_identity_and_moves_are_small():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (4, 28, 28, 1)).astype("uint8"))
    np.testing.assert_array_equal(jitter_images(images, SEED, 0.0, 0.0, 0.0), images)
    dot = np.zeros((200, 28, 28, 1), "uint8")
    dot[:, 13:15, 13:15] = 255
    moved = jitter_images(tf.constant(dot), SEED, 2.0, 0.0, 0.0).numpy().astype(float)[..., 0]
    total = moved.sum(axis=(1, 2))
    row = (moved.sum(axis=2) * np.arange(28)).sum(axis=1) / total
    column = (moved.sum(axis=1) * np.arange(28)).sum(axis=1) / total
    for center in (row, column):
        assert np.abs(center - 13.5).max() <= 2.1
        assert center.min() < 12.1
        assert center.max() > 14.9


def test_jitter_turns_about_the_center():
    bar = np.zeros((100, 29, 29, 1), "uint8")
    bar[:, 14, 4:25] = 255
    turned = jitter_images(tf.constant(bar), SEED, 0.0, 20.0, 0.0).numpy()
    assert (turned[:, 14, 14, 0] > 200).all()
    assert (turned[:, 14, 4, 0] < 200).any()


def test_modality_dropout_never_takes_all():
    present = drop_modalities(4000, 3, SEED, 0.3).numpy()
    missing = 3 - present.sum(axis=1)
    assert set(missing) == {0, 1}
    assert missing.mean() == pytest.approx(0.3, abs=0.03)
    np.testing.assert_allclose((1 - present).mean(axis=0), 0.1, atol=0.02)
    assert (drop_modalities(100, 2, SEED, 0.0).numpy() == 1).all()


@pytest.mark.parametrize(
    "function",
    [
        lambda s: jitter_images(tf.constant(np.arange(6272).reshape(8, 28, 28, 1) % 251, tf.uint8), s),
        lambda s: draw_gain(tf.fill((8, 16), 0.1), s),
        lambda s: drop_modalities(64, 2, s, 0.5),
        lambda s: mix_noise(
            tf.ones((8, 80)), tf.fill([8], 80), tf.random.stateless_normal((4, 80), [0, 0]), (0, 20), s
        ),
    ],
)
def test_same_seed_same_batch(function):
    np.testing.assert_array_equal(function(SEED), function(SEED))
    assert not np.array_equal(function(SEED), function(SEED + 1))
