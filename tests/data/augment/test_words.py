"""Spliced speech: audio, video and labels of a sequence are of the same words."""

import numpy as np
import pytest
import tensorflow as tf
from epochs import chain

from mmzoo.data.augment.words import MARGIN, TICKS, draw_words, spread_letters, word_letters
from mmzoo.data.batches import speech
from mmzoo.data.batches.speech import CHARACTERS, Augmentation, Sentences, encode_sentences, training_sentences
from mmzoo.data.sources import spoken_numbers
from mmzoo.metrics.decode import spell

COUNT, STEPS, RATE = 12, 30, 80  # sentences, pictures and samples for each picture
TEXTS = [f"{a} {a}{a} no" for a in "abcdefghijkl"]
SPANS = np.array([[20, 31], [31, 46], [46, 58]])  # ticks
TOLD = "abcdefghijkl"


def numbered():
    """Return sentences with loudness per tick and brightness per frame encoding tick and sentence."""
    ticks = np.arange(COUNT)[:, None] * 200 + np.arange(STEPS * TICKS)
    audio = np.repeat(ticks, RATE // TICKS, axis=1).astype(np.int16)
    video = np.arange(COUNT)[:, None] * 20 + np.arange(STEPS) // 2
    video = np.broadcast_to(video[..., None, None, None], (COUNT, STEPS, 4, 6, 1)).astype(np.uint8)
    spans = np.broadcast_to(SPANS, (COUNT, 3, 2)).astype(np.int32)
    return Sentences(audio, video, encode_sentences(TEXTS), np.ones((1, STEPS * RATE), np.float32), spans)


def said(tick, sentence):
    """Return the words at sentences and ticks `(T,)` without silence, in order."""
    words, inside = [], (tick >= SPANS[0, 0] - MARGIN) & (tick < SPANS[-1, 1] + MARGIN)
    goes_on = (np.diff(tick, prepend=-9) == 1) & (np.diff(sentence, prepend=-9) == 0) & np.roll(inside, 1)
    begins = np.flatnonzero(inside & ~goes_on)
    for at in begins:
        word = int(np.argmin(np.abs(SPANS[:, 0] - MARGIN - tick[at])))
        assert tick[at] == SPANS[word, 0] - MARGIN, "a word is heard from its beginning"
        length = SPANS[word, 1] - SPANS[word, 0] + 2 * MARGIN
        np.testing.assert_array_equal(tick[at : at + length], tick[at] + np.arange(length))
        words.append(TEXTS[sentence[at]].split()[word])
    return words


def test_spliced_audio_video_and_labels_agree():
    take = speech._taker(numbered(), ("audio", "video"), 1.0)
    inputs, labels = take(tf.range(COUNT), tf.constant([3, 5]), tf.constant(1.0))
    heard = np.rint(inputs["audio"].numpy() * 32768).astype(int).reshape(COUNT, STEPS * TICKS, -1)
    assert np.all(heard == heard[..., :1])
    sentence, tick = heard[..., 0] // 200, heard[..., 0] % 200
    middle = slice(TICKS // 2, None, TICKS)
    seen = inputs["video"].numpy()[:, :, 0, 0, 0]
    np.testing.assert_array_equal(seen, sentence[:, middle] * 20 + tick[:, middle] // TICKS // 2)
    for i in range(COUNT):
        written = spell(labels.numpy()[i, :64], CHARACTERS).split()
        assert said(tick[i], sentence[i]) == written
        assert len(written) > 1
    assert labels.shape == (COUNT, 64 + 2 * STEPS)
    assert not labels.numpy()[:, 64:].any()


def test_sequences_grow_and_keep_the_order_of_a_sentence_half_of_the_time():
    letters = np.arange(1, 361).reshape(40, 3, 3)
    few = [draw_words(letters, 500, tf.constant([1, i]), tf.constant(0.0)) for i in range(2)]
    assert np.all(few[0][2] == 1)
    assert np.any(few[0][0] != few[1][0])
    sentence, place, number = (x.numpy() for x in draw_words(letters, 500, tf.constant([1, 2]), tf.constant(0.5)))
    assert (number.min(), number.max()) == (3, 6)
    assert 0.4 < np.all(np.diff(place, axis=1) % 3 == 1, axis=1).mean() < 0.6
    assert set(place[:, 0]) == {0, 1, 2}
    assert set(sentence.ravel()) == set(range(40))


def test_half_of_the_sequences_have_each_word_of_the_vocabulary_as_often():
    letters = np.ones((30, 2, 1), int)
    letters[:, 1, 0] = np.arange(30)  # at the first place always word 1, at the second all thirty
    sentence, place, _ = (x.numpy() for x in draw_words(letters, 20_000, tf.constant([1, 2]), tf.constant(1.0)))
    word = letters[sentence, place, 0]
    share = np.bincount(word.ravel(), minlength=30) / word.size
    np.testing.assert_allclose(np.delete(share, 1), 0.5 / 60 + 0.5 / 30, rtol=0.1)
    assert share[1] == pytest.approx(0.5 * 31 / 60 + 0.5 / 30, rel=0.1)
    assert set(sentence[word == 1]) == set(range(30)), "wherever it was said"


def test_letters_lie_evenly_in_their_words():
    letters = word_letters(encode_sentences(["ab c"]), 2)
    spread = spread_letters(letters, np.array([[[3, 8], [9, 11]]]), 12)
    assert spread.tolist() == [[0, 1, 1, 2, 2, 2, 3, 1, 1, 4, 4, 0]]
    begins = spread_letters(letters, np.array([[[1, 3], [3, 3]]]), 5)
    assert begins.tolist() == [[1, 1, 1, 0, 0]]
    cut = spread_letters(letters, np.array([[[0, 2], [4, 9]]]), 6)  # it ends behind the sound
    assert cut.tolist() == [[2, 3, 1, 1, 4, 4]]


def test_first_epochs_have_frame_level_targets():
    take = speech._taker(numbered(), ("audio",), 1.0)
    inputs, labels = take(tf.range(COUNT), tf.constant([3, 5]), tf.constant(0.2))
    heard = np.rint(inputs["audio"].numpy() * 32768).astype(int).reshape(COUNT, STEPS * TICKS, -1)[..., 0]
    sentence, tick = heard[:, 1::2] // 200, heard[:, 1::2] % 200
    spread = spread_letters(word_letters(encode_sentences(TEXTS), 3), numbered().words, STEPS * TICKS)
    np.testing.assert_array_equal(labels.numpy()[:, 64:], 1 + spread[sentence, tick])


def whole(epochs, joined):
    """Return the fraction of training sentences that are not spliced."""
    augmentation, data = Augmentation(joined=joined, epochs=epochs.stop), numbered()
    batches = chain(epochs, lambda epoch: training_sentences(data, ("audio",), 12, 0, epoch, augmentation))
    return np.mean([spell(row[:64], CHARACTERS) in TEXTS for _, labels in batches for row in labels])


def test_original_sentences_come_after_the_first_epochs():
    # of 100 epochs the first twenty have none, and a joined sequence is of three words, as a sentence, by chance alone
    augmentation, numbers = Augmentation(joined=0.5, epochs=100), numbered()
    data = chain(range(5), lambda epoch: training_sentences(numbers, ("audio",), 12, 0, epoch, augmentation))[:5]
    assert {len(spell(row[:64], CHARACTERS).split()) for _, labels in data for row in labels} == {1}
    assert 0.3 < whole(range(70, 100), 0.5) < 0.7
    assert whole(range(1), 0.0) == 1


def test_word_letters_wrong_count_raises():
    assert word_letters(encode_sentences(["a bc"]), 2)[0].tolist() == [[1, 2, 0], [1, 3, 4]]
    with pytest.raises(ValueError, match=r"expects 3 words in a sentence. Received: \[2\]"):
        word_letters(encode_sentences(["a bc"]), 3)


def test_embedded_numbers_have_word_spans():
    data = spoken_numbers.sample("validation", 0)
    assert data.words.shape == (128, 3, 2)
    assert np.all(np.diff(data.words.reshape(128, 6), axis=1) >= 0)
    loud = np.abs(data.audio.astype(int)).reshape(128, spoken_numbers.FRAMES * TICKS, -1).max(axis=2)
    for row, spans in zip(loud, data.words, strict=True):
        assert all(row[begin:end].max() > 1000 for begin, end in spans)
        assert row[: spans[0, 0]].max(initial=0) < 400
        assert row[spans[2, 1] + 1 :].max(initial=0) < 400
        assert np.all(spans[1:, 0] - spans[:-1, 1] <= 26), "a pause is a quarter of a second at most"
