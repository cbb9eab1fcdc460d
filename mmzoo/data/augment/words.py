"""Splicing of audio-visual speech: sentences recombined from their spoken words.

A word is cut from its recording, audio and lips, with 20 ms before and after it. The words of a new sequence follow the
word order of a sentence, each from a different recording. After the last word of a sentence the next sentence begins.
The ends of a sequence hold silence of the source sentences.

Short sequences come first (curriculum learning, Bengio et al. 2009, section 4). Alignment is learned quickly on short
sequences; on long ones, connectionist temporal classification predicts only the blank for a long time.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mmzoo.data.augment.batch import draw

TICKS = 4  # of 10 ms, the unit of word spans, per video frame
MARGIN = 2  # ticks before and after a word that are included
SPACE = 1  # its label
EVEN = 0.5  # fraction of spliced sequences with words drawn uniformly from the vocabulary
RISE = 0.3  # of the training, in which sequences grow to two sentences


def word_letters(labels: np.ndarray, count: int) -> np.ndarray:
    """Split the labels of sentences `(N, 32)` into words `(N, count, L)`.

    Each word follows a space; zeros pad its end.

    Raises:
        ValueError: a sentence has not `count` words.
    """
    words = [_split(row[row > 0]) for row in labels]
    if any(len(row) != count for row in words):
        raise ValueError(f"word_letters expects {count} words in a sentence. Received: {sorted(set(map(len, words)))}")
    letters = np.zeros((len(labels), count, max(len(word) for row in words for word in row)), np.int32)
    for i, row in enumerate(words):
        for k, word in enumerate(row):
            letters[i, k, : len(word)] = word
    return letters


def _split(row: np.ndarray) -> list[np.ndarray]:
    return np.split(np.concatenate([[SPACE], row]), np.flatnonzero(row == SPACE) + 1)


def spread_letters(letters: np.ndarray, spans: np.ndarray, ticks: int) -> np.ndarray:
    """Assign a label to each tick by uniform segmentation of words.

    The result is `(N, ticks)` int32. Initial segmentation of hidden Markov models: Young et al. 2006, The HTK Book,
    section 8.2 (uniform segmentation). `letters` are `(N, W, L)`, `spans` begin and end of each word in ticks. The
    letters of a word have equal length. The space is in the margin before the word; silence is 0.
    """
    spread = np.zeros((len(letters), ticks), np.int32)
    for row, words, own in zip(spread, letters, spans, strict=True):
        for word, (begin, end) in zip(words, own, strict=True):
            labels, end = word[word > 0][1:], min(end, ticks)
            row[max(begin - MARGIN, 0) : begin] = SPACE
            row[begin:end] = labels[np.arange(end - begin) * len(labels) // max(end - begin, 1)]
    return spread


def draw_words(letters: np.ndarray, size: tf.Tensor, seed: tf.Tensor, progress: tf.Tensor) -> tuple:
    """Draw the words of `size` new sequences: sentence, position and count.

    `letters` are `(N, W, L)`. In half of the sequences the words follow the word order of a sentence. In the others
    each word of the vocabulary is equally likely at every position: words from large classes, such as letters, occur as
    often as words from small ones.

    Returns `(size, 2 * W)`, `(size, 2 * W)` and `(size, 1)` int32. `progress` is 0 at the beginning of the training and
    1 at its end.
    """
    sentences, count = letters.shape[:2]
    most = 1 + tf.floor(tf.minimum(progress / RISE, 1.0) * (2 * count - 1))
    number = tf.cast(tf.floor(draw(seed, 210, [size, 1], tf.floor((most + 1) / 2), most + 1)), tf.int32)
    first = draw(seed, 211, [size, 1], 0, count)
    place = tf.math.floormod(tf.cast(first, tf.int32) + tf.range(2 * count)[None], count)
    sentence = tf.cast(draw(seed, 212, [size, 2 * count], 0, sentences), tf.int32)
    even = draw(seed, 216, [size, 1]) < EVEN
    any_sentence, any_place = _draw_evenly(letters, seed, [size, 2 * count])
    return tf.where(even, any_sentence, sentence), tf.where(even, any_place, place), number


def _draw_evenly(letters: np.ndarray, seed: tf.Tensor, shape: Sequence[int | tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw sentence and position of words, uniformly over the vocabulary."""
    _, word, occurrences = np.unique(
        letters.reshape(-1, letters.shape[2]), axis=0, return_inverse=True, return_counts=True
    )
    order, first = (
        np.argsort(word.ravel(), kind="stable").astype(np.int32),
        (np.cumsum(occurrences) - occurrences).astype(np.int32),
    )
    drawn = tf.cast(draw(seed, 214, shape, 0, len(occurrences)), tf.int32)
    which = tf.cast(draw(seed, 215, shape) * tf.gather(occurrences.astype(np.float32), drawn), tf.int32)
    at = tf.gather(order, tf.gather(first, drawn) + which)
    return at // letters.shape[1], at % letters.shape[1]


def lay_words(
    spans: tf.Tensor, sentence: tf.Tensor, place: tf.Tensor, number: tf.Tensor, ticks: int, seed: tf.Tensor
) -> tuple:
    """Lay out words one after another in `ticks`, at a random offset.

    Words up to `number` that do not fit are dropped.

    Args:
        spans: begin and end of the words `(N, W, 2)` int32 in ticks of their sentences, which are `ticks` long.

    Returns:
        The source sentence and its tick for each tick, `(B, ticks)` each, and a mask of the words that fit.
    """
    chosen = tf.gather_nd(spans, tf.stack([sentence, place], axis=-1))
    begin, end = tf.maximum(chosen[..., 0] - MARGIN, 0), tf.minimum(chosen[..., 1] + MARGIN, ticks)
    length, order = end - begin, tf.range(sentence.shape[1])[None]
    fits = (order < number) & (tf.cumsum(length, axis=1) <= ticks)
    ends = tf.cumsum(tf.where(fits, length, 0), axis=1)
    free = tf.cast(ticks - ends[:, -1:] + 1, tf.float32)
    ends += tf.cast(tf.floor(draw(seed, 213, tf.shape(number)) * free), tf.int32)
    time = tf.range(ticks)[None]
    word = tf.reduce_sum(tf.cast(time[:, :, None] >= ends[:, None], tf.int32), axis=2)
    last = tf.reduce_sum(tf.cast(fits, tf.int32), axis=1, keepdims=True) - 1
    word = tf.minimum(word, last)
    said_by, since = (tf.gather(x, word, batch_dims=1) for x in (sentence, begin - (ends - length)))
    return said_by, _in_silence(spans, said_by, time + since, begin, end, word, ticks), fits


def _in_silence(
    spans: tf.Tensor, said_by: tf.Tensor, tick: tf.Tensor, begin: tf.Tensor, end: tf.Tensor, word: tf.Tensor, ticks: int
) -> tf.Tensor:
    """Replace ticks outside the words by silence of the source sentence.

    Silence is repeated before a first word and after a last word.
    """
    low, high = (tf.gather(x, word, batch_dims=1) for x in (begin, end))
    head = tf.maximum(tf.gather(spans[:, 0, 0], said_by) - MARGIN, 1)
    tail = tf.minimum(tf.gather(spans[:, -1, 1], said_by) + MARGIN, ticks - 1)
    before = head - 1 - tf.math.floormod(low - 1 - tick, head)
    behind = tail + tf.math.floormod(tick - high, ticks - tail)
    return tf.where(tick < low, before, tf.where(tick >= high, behind, tick))


def spell_words(letters: tf.Tensor, sentence: tf.Tensor, place: tf.Tensor, fits: tf.Tensor, longest: int) -> tf.Tensor:
    """Concatenate the labels of words `(B, K)` to `(B, longest)` int32.

    Only words with `fits` are used; zeros pad the end.
    """
    word = tf.gather_nd(letters, tf.stack([sentence, place], axis=-1))
    word *= tf.cast(fits, tf.int32)[..., None]
    flat = tf.reshape(word, (-1, word.shape[1] * word.shape[2]))
    order = tf.argsort(tf.cast(flat == 0, tf.int32), axis=1, stable=True)
    spelled = tf.pad(tf.gather(flat, order, batch_dims=1), ((0, 0), (0, longest)))
    return spelled[:, 1 : longest + 1]  # without the space before the first word
