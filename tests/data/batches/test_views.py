"""What pretraining learns from in place of labels: ids, hidden parts, the inputs themselves."""

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data.batches.views import HIDDEN, hide, hide_patches, hide_spans, hide_tokens, identify, reconstruct
from mmzoo.data.decode.text import PAD, decode_bytes
from mmzoo.data.pipeline import training_batches
from mmzoo.data.sources import digits
from mmzoo.data.sources.digit_pairs import evaluation_pairs
from mmzoo.data.sources.digit_words import LENGTH, WORDS, typed_words

BOTH = ("image", "audio")
HALF = dict.fromkeys((*BOTH, "text"), 0.5)


@pytest.fixture(scope="module")
def bank():
    return digits.sample("validation", 0)


def training(epoch):
    """Batches as `training_pairs` makes them, of numbers that cost nothing."""

    def make(index, seed):
        draw = tf.random.stateless_uniform([tf.shape(index)[0], 8000], seed)
        image = tf.cast(draw[:, :784] * 255, tf.uint8)
        inputs = {
            "image": tf.reshape(image, (-1, 28, 28, 1)),
            "audio": draw,
            "present": tf.ones([tf.shape(index)[0], 2]),
        }
        return inputs, tf.cast(index % 10, tf.int32)

    return training_batches(make, 64, 16, 0, epoch)


def same(one, other):
    """Whether two batches are equal, inputs and y."""
    flat = [tf.nest.flatten(batch) for batch in (one, other)]
    return all(np.array_equal(a, b) for a, b in zip(*flat, strict=True))


CHANGES = {
    "identify": lambda batches, first: identify(batches, first, typed_words(4, 0)),
    "hide": lambda batches, first: hide(batches, HALF, 0, first),
    "hide with words": lambda batches, first: hide(batches, HALF, 0, first, typed_words(4, 0)),
    "reconstruct": lambda batches, first: reconstruct(batches),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_epoch_is_repeatable_and_differs_from_another(change):
    steps = len(training(0))
    first, later, again = change(training(0), 0), change(training(1), steps), change(training(1), steps)
    assert len(later) == steps
    for one, found, repeated in zip(first, later, again, strict=True):
        assert same(found, repeated)
        assert not same(one, found)


def test_ids_differ_within_a_batch_and_from_batch_to_batch(bank):
    ids = np.concatenate([y.numpy() for _, y in identify(evaluation_pairs(bank, BOTH, 0).unbatch().batch(50))])
    assert ids.dtype == np.int32
    assert len(np.unique(ids)) == len(ids) == len(bank.images)
    late = next(iter(identify(evaluation_pairs(bank, BOTH, 0), first_step=10**7)))[1].numpy()
    np.testing.assert_array_equal(late.astype("float32").astype("int64"), late)
    assert len(np.unique(late)) == len(late)


def test_ids_tell_no_label_and_present_is_gone(bank):
    inputs, _ = next(iter(identify(evaluation_pairs(bank, BOTH, 0))))
    assert list(inputs) == ["image", "audio"]


def test_words_are_those_of_the_labels(bank):
    words = typed_words(1, 0)
    batches = evaluation_pairs(bank, ("image",), 0)
    (_, label), (inputs, _) = next(iter(batches)), next(iter(identify(batches, words=words)))
    np.testing.assert_array_equal(inputs["text"], words[label.numpy(), 0])


def edits(a, b):
    """Levenshtein distance."""
    row = range(len(b) + 1)
    for i, x in enumerate(a, 1):
        before, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


def test_words_are_typed_carelessly():
    words = typed_words(200, 0)
    assert words.shape == (10, 200, LENGTH)
    assert words.dtype == np.int32
    np.testing.assert_array_equal(words, typed_words(200, 0))
    for word, rows in zip(WORDS, words, strict=True):
        typed = [decode_bytes(row) for row in rows]
        away = [edits(t.lower(), word) for t in typed]
        assert max(away) <= 2, "a letter left out or doubled, or two swapped"
        assert 0.35 < np.mean(np.array(away) > 0) < 0.65
        assert {word, word.upper(), word.title()} < set(typed)


def test_hidden_patches_are_black_and_the_rest_stays(bank):
    images = np.maximum(bank.images[:32], 1)
    hidden, mask = (np.asarray(x) for x in hide_patches(tf.constant(images), 0.5, [0, 1]))
    assert mask.shape == (32, 49)
    np.testing.assert_array_equal(mask.sum(axis=1), round(0.5 * 49))
    wide = np.kron(mask.reshape(32, 7, 7), np.ones((4, 4)))[..., None]
    np.testing.assert_array_equal(hidden, images * (wide == 0))
    assert not np.array_equal(mask[0], mask[1])


def test_hidden_frames_are_wholly_silent():
    """Against the definition of a frame, sample by sample: nothing that a hidden frame hears is left."""
    waveforms = np.random.default_rng(0).uniform(0.1, 1, (16, 8000)).astype("float32")
    silent, mask = (np.asarray(x) for x in hide_spans(tf.constant(waveforms), 0.4, [0, 1]))
    assert mask.shape == (16, 14)
    np.testing.assert_array_equal(mask.sum(axis=1), round(0.4 * 14))
    expected = waveforms.copy()
    for i, row in enumerate(mask):
        for span in row.nonzero()[0]:
            for frame in range(7 * span, 7 * span + 7):
                expected[i, 80 * frame : 80 * frame + 200] = 0
    np.testing.assert_array_equal(silent, expected)


def test_what_is_hidden_does_not_leak(bank):
    """Two batches that differ only where something is hidden are the same to the model, and not in `y`."""
    image, audio = tf.constant(bank.images[:8]), tf.random.stateless_uniform([8, 8000], [0, 0], -1, 1)

    def seen(image, audio):
        batches = tf.data.Dataset.from_tensors(({"image": image, "audio": audio}, tf.zeros([8])))
        return next(iter(hide(batches, HALF, 3)))

    hidden, y = seen(image, audio)
    patches = tf.reshape(y[:, 784 : 784 + 49], (8, 7, 7, 1))
    pixels = tf.cast(tf.repeat(tf.repeat(patches, 4, axis=1), 4, axis=2), tf.uint8)
    spans = tf.pad(tf.repeat(y[:, -14:], 560, axis=1), [[0, 0], [0, 160]])
    other, changed = seen(image + pixels * 77, audio * (1 - 0.5 * spans))
    assert same(hidden, other)
    assert np.abs(y - changed).max() > 0.1


def test_y_holds_all_that_was_there(bank):
    batches = evaluation_pairs(bank, BOTH, 0)
    inputs, _ = next(iter(batches))
    flat = np.concatenate([np.reshape(inputs["image"], (-1, 784)) / 255, inputs["audio"]], axis=1)
    again, y = next(iter(reconstruct(batches)))
    np.testing.assert_allclose(y, flat, atol=1e-6)
    assert same(again, inputs)
    hidden, y = next(iter(hide(batches, HALF, 0)))
    assert list(hidden) == ["image", "audio"]
    np.testing.assert_allclose(np.delete(y, np.r_[784:833, 8833:8847], axis=1), flat, atol=1e-6)


def test_hidden_bytes_are_no_bytes_and_padding_is_not_hidden():
    ids = typed_words(16, 0).reshape(-1, LENGTH)
    hidden, mask = (np.asarray(x) for x in hide_tokens(tf.constant(ids), 0.5, [3, 4]))
    np.testing.assert_array_equal(hidden, np.where(mask > 0, HIDDEN, ids))
    assert not mask[ids == PAD].any()
    assert mask[ids > PAD].mean() == pytest.approx(0.5, abs=0.05)
    assert HIDDEN not in ids
