"""Order and pairing: functions of seed, epoch and index."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.pipeline import evaluation_batches, training_batches
from mmzoo.data.sources import digits
from mmzoo.data.sources.digit_pairs import SPEEDS, evaluation_pairs, training_pairs


def make(index, seed):
    return {"index": index, "seed": tf.tile(seed[None], (tf.shape(index)[0], 1))}, index


def training(seed=0, epochs=range(3), **options):
    return [
        (x["index"].numpy(), x["seed"].numpy()[0].tolist())
        for epoch in epochs
        for x, _ in training_batches(make, 50, 8, seed, epoch, **options)
    ]


def test_epoch_visits_each_example_once_and_drops_the_remainder():
    batches = training(epochs=range(1))
    assert [len(index) for index, _ in batches] == [8] * 6
    assert len(np.unique(np.concatenate([index for index, _ in batches]))) == 48


def test_passes_visit_each_example_as_often():
    batches = training(epochs=range(1), passes=4)
    assert len(batches) == 25
    assert np.bincount(np.concatenate([index for index, _ in batches])).tolist() == [4] * 50


def test_parts_of_a_large_epoch_are_epochs():
    whole = training(epochs=range(4), parts=2)
    assert len(whole) == 4 * 3
    rounds = [np.concatenate([index for index, _ in whole[6 * i : 6 * i + 6]]) for i in range(2)]
    assert [len(np.unique(index)) for index in rounds] == [48, 48]
    assert not np.array_equal(*rounds)
    assert len({tuple(seed) for _, seed in whole}) == 12
    late = training(epochs=range(3, 4), parts=2)
    np.testing.assert_array_equal([index for index, _ in late], [index for index, _ in whole[9:]])


def test_epochs_differ_and_are_independent_of_the_start():
    whole, late = training(), training(epochs=range(1, 3))
    for (index, seed), (later, later_seed) in zip(whole[6:], late, strict=True):
        np.testing.assert_array_equal(index, later)
        assert seed == later_seed
    assert not np.array_equal(whole[0][0], whole[6][0])
    assert len({tuple(seed) for _, seed in whole}) == len(whole), "two batches would be augmented alike"
    assert not np.array_equal(training(seed=1)[0][0], whole[0][0])


def test_length_is_known():
    assert len(training_batches(make, 50, 8, 0, 2)) == 6


def test_evaluation_keeps_order_and_all():
    batches = [y.numpy() for _, y in evaluation_batches(make, 50, 8, 0)]
    np.testing.assert_array_equal(np.concatenate(batches), np.arange(50))


@pytest.fixture(scope="module")
def bank():
    return digits.sample("validation", 0)


def test_pairs_are_of_one_class(bank):
    """Clips of class c hold the constant 100 + c: audio must match the image."""
    clips = np.where(np.arange(8000) < bank.lengths[:, None], 100 + bank.clip_labels[:, None], 0).astype("int16")
    images = np.broadcast_to(bank.image_labels[:, None, None, None], bank.images.shape).astype("uint8")
    told = digits.Digits(images, bank.image_labels, clips, bank.lengths, bank.clip_labels)
    for x, y in evaluation_pairs(told, ("image", "audio"), seed=0, pairings=2):
        np.testing.assert_array_equal(np.rint(x["audio"].numpy().max(axis=1) * 32768) - 100, y)
        np.testing.assert_array_equal(x["image"].numpy()[:, 0, 0, 0], y)
        assert (x["present"].numpy() == 1).all()


def test_pairings_differ_and_follow_the_seed(bank):
    def heard(seed, pairings):
        return np.concatenate([x["audio"].numpy() for x, _ in evaluation_pairs(bank, ("audio",), seed, pairings)])

    twice, size = heard(0, 2), len(bank.images)
    assert len(twice) == 2 * size
    np.testing.assert_array_equal(twice, heard(0, 2))
    assert np.mean(np.abs(twice[:size] - twice[size:]).max(axis=1) > 0) > 0.9
    assert not np.array_equal(heard(1, 1), twice[:size])


def test_training_batches_are_in_range_and_named(bank):
    x, y = next(iter(training_pairs(bank, ("image", "audio"), 32, 0, 0, 0.5)))
    assert list(x) == ["image", "audio", "present"]
    assert x["image"].shape == (32, 28, 28, 1)
    assert x["image"].dtype == tf.uint8
    assert x["audio"].shape == (32, 8000)
    assert np.abs(x["audio"]).max() <= 1
    assert 0 < np.mean(x["present"]) < 1
    assert y.shape == (32,)


def test_training_plays_each_clip_at_three_speeds(bank):
    """Each clip is one tone; in training it is played at three speeds."""
    tone = np.rint(9000 * np.sin(2 * np.pi * 500 * np.arange(8000) / 8000)).astype("int16")
    count = len(bank.clips)
    told = replace(bank, clips=np.tile(tone, (count, 1)), lengths=np.full(count, 8000, "int32"), noise=None)
    heard = set()
    for x, _ in training_pairs(told, ("audio",), 32, 0, 0, 0.0).take(8):
        assert list(x) == ["audio"]
        heard |= {round(int(peak) / 10) for peak in np.abs(np.fft.rfft(x["audio"].numpy())).argmax(axis=1)}
    assert heard == {round(500 * speed / 10) for speed in SPEEDS}


def test_training_shares_no_image_or_clip_with_other_splits():
    seen = {}
    for split in digits.SPLITS:
        small, _ = digits._handwriting(split)
        clips, lengths, _ = digits._synthesized_speech(split)
        for row in [*small, *(clip[:length] for clip, length in zip(clips, lengths, strict=True))]:
            assert seen.setdefault(row.tobytes(), split) == split
