"""Loss and accuracy of the speech recognizer."""

import numpy as np

from mmzoo.data.batches.speech import CHARACTERS, MOST, encode_sentences
from mmzoo.losses.ctc import ctc
from mmzoo.models.speech_recognizer import guided_ctc, sentence_accuracy


def paths(texts, steps=60):
    """Return log-probabilities `(N, steps, 28)` sure of `texts`: each letter for two frames, a blank in between."""
    told = np.full((len(texts), steps, 1 + len(CHARACTERS)), -9.0, np.float32)
    told[..., 0] = 0
    for row, text in zip(told, texts, strict=True):
        for i, letter in enumerate(text):
            row[3 * i : 3 * i + 2, 0] = -9
            row[3 * i : 3 * i + 2, CHARACTERS.index(letter) + 1] = 0
    return told


def test_sentences_without_an_error_are_counted():
    said = ["one two three", "one two three", "one two three", "see", "a", "bb"]
    told = paths(["one two three", "one two thre", "one two threee", "see", "", "b"])
    exact = np.asarray(sentence_accuracy(MOST)(encode_sentences(said), told))
    np.testing.assert_array_equal(exact, [1, 0, 0, 1, 0, 0])


def test_a_guide_adds_the_cross_entropy_of_the_steps_that_it_tells():
    told = np.log(np.random.default_rng(0).dirichlet(np.ones(28), (2, 150)).astype(np.float32))
    labels = np.pad(encode_sentences(["set red", "now"]), ((0, 0), (0, 32)))
    place = np.zeros((2, 150), np.int32)
    place[0, :3] = 1, 4, 28  # silence, c and z; of the second sentence nothing is told
    plain, guided = (np.asarray(guided_ctc(MOST)(y, told)) for y in (labels, np.concatenate([labels, place], 1)))
    expected = -(told[0, 0, 0] + told[0, 1, 3] + told[0, 2, 27])
    np.testing.assert_allclose(guided - plain, [expected, 0], rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(plain, np.asarray(ctc(labels, told)))
