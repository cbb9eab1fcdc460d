"""Hashed n-grams: which a text has, and their ids."""

import zlib

import numpy as np
import pytest

from mmzoo import BadInputError
from mmzoo.data.ngrams import encode_ngrams, ngrams


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" .,!? ", []),
        ("a", ["<a>"]),
        ("at", ["<at>", "<at", "at>"]),
        ("not at", ["<not>", "<no", "not", "ot>", "<not", "not>", "<at>", "<at", "at>", "not at"]),
    ],
)
def test_words_their_parts_and_pairs(text, found):
    assert ngrams(text) == found


def test_parts_have_three_to_six_characters():
    parts = ngrams("wonderful")
    assert parts[0] == "<wonderful>"
    assert {len(part) for part in parts[1:]} == {3, 4, 5, 6}
    assert len(parts) == 1 + 9 + 8 + 7 + 6


@pytest.mark.parametrize("text", ["DON'T", "don\N{RIGHT SINGLE QUOTATION MARK}t", "dont", " dont... "])
def test_capitals_apostrophes_and_punctuation_do_not_count(text):
    assert ngrams(text) == ngrams("dont")


def test_other_scripts_have_words_too():
    assert ngrams("Größe")[0] == "<größe>"
    assert ngrams("映画 良い")[-1] == "映画 良い"


def test_ids_are_those_of_crc32_in_their_order_and_padded():
    ids = encode_ngrams(["at", ""], 5, 100)
    assert ids.dtype == np.int32
    expected = [1 + zlib.crc32(gram) % 99 for gram in (b"<at>", b"<at", b"at>")]
    assert ids.tolist() == [[*expected, 0, 0], [0] * 5]


def test_known_ids():
    """What another implementation on a device must find."""
    assert encode_ngrams(["Great film"], 16, 8192)[0].tolist() == [
        *(6194, 7393, 6781, 7040, 5595, 7330, 712, 6892),
        *(40, 3454, 2448, 7960, 7018, 4525, 4797, 7440),
    ]


def test_what_is_too_long_is_cut():
    long = encode_ngrams(["wonderful film"], 50, 1000)[0]
    np.testing.assert_array_equal(encode_ngrams(["wonderful film"], 20, 1000)[0], long[:20])


def test_ids_spread_over_all_tokens():
    ids = encode_ngrams([f"word{i} other{i}" for i in range(300)], 64, 16)
    assert set(np.unique(ids)) == set(range(16))


def test_bad_input_is_named():
    with pytest.raises(BadInputError, match=r"expected a list of strings. Received: 'abc'"):
        encode_ngrams("abc", 4, 10)
    with pytest.raises(BadInputError, match=r"text 1: expected a string. Received: None"):
        encode_ngrams(["a", None], 4, 10)
    with pytest.raises(BadInputError, match=r"num_tokens: expected at least 2. Received: 1"):
        encode_ngrams(["a"], 4, 1)
