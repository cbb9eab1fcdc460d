"""Batches of sounds, how training changes and mixes them, and the embedded sounds of events."""

import numpy as np
import pytest
import tensorflow as tf
from epochs import chain

from mmzoo.data.batches.clips import GAIN, SPEEDS, Sounds, evaluation_sounds, lay_out, mix_classes, training_sounds
from mmzoo.data.sources import synthetic_events
from mmzoo.errors import BadInputError

SEED = tf.constant([5, 6])


def tones(count=6, samples=4000):
    """Return sounds of class 0 to 2, of a tone of 100, 200, ... periods in `samples`, each half as loud as can be."""
    time = np.arange(samples) / samples
    clips = [16000 * np.sin(2 * np.pi * 100 * (i + 1) * time) for i in range(count)]
    return Sounds(np.rint(clips).astype(np.int16), np.arange(count, dtype=np.int32) % 3, 3)


def loudest(waveforms):
    """Return the strongest frequency of each row, in periods."""
    return np.abs(np.fft.rfft(waveforms, axis=1)).argmax(axis=1)


def test_evaluation_is_the_clips_as_they_are():
    data = tones()
    ((inputs, labels),) = evaluation_sounds(data, 0)
    np.testing.assert_array_equal(inputs["audio"], data.clips.astype(np.float32) / 32768)
    np.testing.assert_array_equal(labels, data.labels)
    assert inputs["audio"].dtype == np.float32


def test_training_plays_each_clip_faster_and_slower_and_louder_and_softer():
    data = tones(count=3)
    batches = chain(range(2), lambda epoch: training_sounds(data, 12, 0, epoch, passes=100, mixing=0.0))
    assert len(batches) == 2 * 3 * 100 // 12
    audio = np.concatenate([inputs["audio"] for inputs, _ in batches])
    label = np.concatenate([y for _, y in batches])
    assert set(label.ravel()) == {0, 1}
    np.testing.assert_array_equal(label.sum(axis=1), 1)
    factors = loudest(audio) / (100 * (label.argmax(axis=1) + 1))
    nearest = np.abs(factors[:, None] - SPEEDS).argmin(axis=1)
    assert np.abs(factors - np.take(SPEEDS, nearest)).max() < 0.01
    assert np.bincount(nearest, minlength=len(SPEEDS)).min() > 0.1 * len(audio)
    decibels = 20 * np.log10(np.sqrt(np.square(audio).mean(axis=1) * 2) * 32768 / 16000)
    assert -GAIN - 0.1 < decibels.min() < 0.8 * -GAIN
    assert 0.8 * GAIN < decibels.max() < GAIN + 0.1
    assert np.abs(audio).max() <= 1


def test_training_goes_on_where_it_stopped():
    whole, rest = (
        chain(epochs, lambda epoch: training_sounds(tones(), 4, 3, epoch, passes=2, mixing=0.5))
        for epochs in (range(3), range(1, 3))
    )
    for (x, y), (again, label) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(x["audio"], again["audio"])
        np.testing.assert_array_equal(y, label)


def test_a_mixture_is_its_formula():
    rng = np.random.default_rng(0)
    waveforms = (rng.normal(size=(64, 800)) * rng.uniform(0.01, 0.2, (64, 1))).astype(np.float32)
    label = np.eye(4, dtype=np.float32)[rng.integers(0, 4, 64)]
    label[::2], label[1::2] = np.eye(4)[0], np.eye(4)[1]
    mixed, told = (np.asarray(x) for x in mix_classes(waveforms, label, SEED, 1.0))
    share = np.where(label[:, 0] == 1, told[:, 0], told[:, 1])[:, None]
    assert 0.02 > share.min() > 0
    assert 0.4 < share.mean() < 0.6
    loud = np.sqrt(np.square(waveforms).mean(axis=1, keepdims=True))
    weight = 1 / (1 + loud / np.roll(loud, 1, axis=0) * (1 - share) / share)
    expected = weight * waveforms + (1 - weight) * np.roll(waveforms, 1, axis=0)
    expected /= np.sqrt(weight**2 + (1 - weight) ** 2)
    expected /= np.maximum(1, np.abs(expected).max(axis=1, keepdims=True))
    np.testing.assert_allclose(mixed, expected, atol=2e-3)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-6)


def test_half_are_mixed_and_the_rest_stays_and_silence_is_no_harm():
    waveforms = np.random.default_rng(0).uniform(-1, 1, (200, 50)).astype(np.float32)
    waveforms[50:100] = 0
    label = np.eye(200, dtype=np.float32)
    mixed, told = (np.asarray(x) for x in mix_classes(waveforms, label, SEED, 0.5))
    alone = told.max(axis=1) == 1
    assert 0.35 < alone.mean() < 0.65
    np.testing.assert_array_equal(mixed[alone], waveforms[alone])
    assert np.isfinite(mixed).all()
    assert np.abs(mixed).max() <= 1


def test_a_sound_is_cut_or_followed_by_silence():
    waveform = np.linspace(-1, 1, 10, dtype=np.float32)
    np.testing.assert_array_equal(lay_out(waveform, 4, "a.wav"), np.rint(waveform[:4] * 32768))
    laid = lay_out(waveform, 12, "a.wav")
    assert laid.dtype == np.int16
    np.testing.assert_array_equal(laid[10:], 0)
    with pytest.raises(BadInputError, match=r"a.wav: expected a sound. Received: 0 seconds of it"):
        lay_out(waveform[:0], 12, "a.wav")


def test_the_sample_is_of_its_seed_and_its_splits_differ():
    one, same, other = (synthetic_events.sample("test", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.clips, same.clips)
    np.testing.assert_array_equal(one.labels, same.labels)
    splits = [one, other, *(synthetic_events.sample(split, 0) for split in ("train", "validation"))]
    clips = [clip.tobytes() for data in splits for clip in data.clips]
    assert len(set(clips)) == len(clips)
    assert one.clips.shape == (synthetic_events.CLIPS["test"], synthetic_events.SAMPLES)
    assert set(np.bincount(one.labels)) == {synthetic_events.CLIPS["test"] // len(synthetic_events.CLASSES)}
    with pytest.raises(BadInputError, match="split: expected one of train, validation, test"):
        synthetic_events.sample("dev", 0)


def pitches(event):
    """Return the strongest frequency of the first and last third of an event, in Hz."""
    third = len(event) // 3
    rate = synthetic_events.SAMPLE_RATE
    return [loudest(part[None])[0] * rate / third for part in (event[:third], event[-third:])]


def test_events_are_what_their_class_says():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        made = {kind: synthetic_events.make_event(kind, rng) for kind in synthetic_events.CLASSES}
        for kind, event in made.items():
            assert 0.4 * 8000 <= len(event) <= 1.2 * 8000, kind
            assert np.isfinite(event).all()
            assert np.abs(event).max() > 0
        first, last = pitches(made["rise"])
        assert last > 1.1 * first
        first, last = pitches(made["fall"])
        assert last < 0.9 * first
        first, last = pitches(made["beep"])
        assert last == pytest.approx(first, rel=0.05)


def test_loudness_and_length_tell_nothing():
    """Who knows only how loud a clip is guesses: clips of a class are as loud as those of another."""
    data = synthetic_events.sample("train", 0)
    peak = np.abs(data.clips.astype(float)).max(axis=1) / 32768
    means = [peak[data.labels == label].mean() for label in range(data.num_classes)]
    assert max(means) - min(means) < 0.12
