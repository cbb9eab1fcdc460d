"""Byte ids against an independent reference over random Unicode; WordPiece."""

import sys

import numpy as np
import pytest

from mmzoo.data.decode.text import BOS, EOS, RESERVED, WordPiece, decode_bytes, encode_bytes, train_wordpiece
from mmzoo.errors import BadInputError

# first and last code point of what random strings are made of: each length of UTF-8, and surrogates
RANGES = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xD7FF), (0xD800, 0xDFFF), (0xE000, 0xFFFF), (0x10000, 0x10FFFF)]
TEXT = "The quick brown fox jumps over the lazy dog."


def random_text(rng):
    chosen = [RANGES[i] for i in rng.integers(len(RANGES), size=rng.integers(0, 14))]
    return "".join(chr(rng.integers(low, high + 1)) for low, high in chosen)


def code_points(text):
    """List the characters of `text` as UTF-16 reads them, code unit by code unit."""
    points, units = [], [ord(c) for c in text]
    while units:
        first = units.pop(0)
        if 0xD800 <= first < 0xDC00 and units and 0xDC00 <= units[0] < 0xE000:
            first = 0x10000 + ((first - 0xD800) << 10) + units.pop(0) - 0xDC00
        points.append(chr(0xFFFD if 0xD800 <= first < 0xE000 else first))
    return points


def fitting(text, room):
    """Return as many whole characters of `text` as fit into `room` bytes."""
    kept = ""
    for character in code_points(text):
        if len((kept + character).encode()) > room:
            break
        kept += character
    return kept


class TestBytes:
    def test_known_ids(self):
        ids = encode_bytes(["aé", "", "\0"], 4)
        assert ids.dtype == np.int32
        assert ids.tolist() == [[100, 198, 172, 0], [0, 0, 0, 0], [3, 0, 0, 0]]

    @pytest.mark.parametrize("length", [1, 3, 7, 16, 64])
    @pytest.mark.parametrize("ends", [False, True])
    def test_thousands_of_random_texts(self, length, ends):
        rng = np.random.default_rng(length)
        texts = [random_text(rng) for _ in range(1500)]
        length += 2 * ends
        ids = encode_bytes(texts, length, ends)
        assert ids.shape == (1500, length)
        cut = 0
        for text, row in zip(texts, ids, strict=True):
            kept = fitting(text, length - 2 * ends)
            expected = [b + 3 for b in kept.encode()]
            expected = [BOS, *expected, EOS] if ends else expected
            assert row.tolist() == expected + [0] * (length - len(expected))
            assert decode_bytes(row) == kept
            cut += len(kept) < len(code_points(text))
        assert (cut > 0) == (length - 2 * ends < 52)

    @pytest.mark.parametrize("character", ["é", "€", "😀"])
    def test_a_character_cut_by_the_end_goes_whole(self, character):
        size = len(character.encode())
        for missing in range(1, size):
            ids = encode_bytes(["ab" + character], 2 + size - missing)
            assert decode_bytes(ids[0]) == "ab"
            assert not ids[0, 2:].any()
        assert decode_bytes(encode_bytes(["ab" + character], 2 + size)[0]) == "ab" + character

    def test_surrogates(self):
        texts = ["\ud83d", "a\udc00b", "\ud83d\ude00", "\ude00\ud83d"]
        assert [decode_bytes(row) for row in encode_bytes(texts, 8)] == ["�", "a�b", "😀", "��"]

    def test_nothing_is_normalized(self):
        composed, decomposed = encode_bytes(["é", "e\u0301"], 4)
        assert (composed != decomposed).any()

    def test_decode_bytes_skips_invalid_ids(self):
        assert decode_bytes([BOS, 100, 0, 259, 101, EOS, 102]) == "ab"
        assert decode_bytes([0xF0 + 3, 100]) == "�a"
        assert decode_bytes([]) == ""

    def test_bad_input_is_named(self):
        with pytest.raises(BadInputError, match=r"expected a list of strings. Received: 'abc'"):
            encode_bytes("abc", 4)
        with pytest.raises(BadInputError, match=r"text 1: expected a string. Received: nan"):
            encode_bytes(["a", float("nan")], 4)
        with pytest.raises(BadInputError, match=r"length: expected at least 3. Received: 2"):
            encode_bytes(["a"], 2, ends=True)


class TestWordPiece:
    @pytest.fixture(scope="class")
    def vocabulary(self, tmp_path_factory):
        pytest.importorskip("keras_nlp")
        path = tmp_path_factory.mktemp("wordpiece") / "vocabulary.txt"
        train_wordpiece([TEXT, "jumping dogs jumped over quick foxes, lazily"] * 20, 80, path)
        return path

    def test_round_trip(self, vocabulary):
        pieces = vocabulary.read_text(encoding="utf-8").splitlines()
        tokenizer = WordPiece(vocabulary)
        assert pieces[:4] == RESERVED
        assert tokenizer.num_tokens == len(pieces) <= 80
        ids = tokenizer.encode([TEXT, "", "lazy foxes"], 24)
        assert ids.shape == (3, 24)
        assert ids.dtype == np.int32
        assert not ids[1].any()
        assert [tokenizer.decode(row) for row in ids] == [
            "the quick brown fox jumps over the lazy dog .",
            "",
            "lazy foxes",
        ]
        read = [pieces[i] for i in ids[2] if i]
        assert "".join(read).replace("##", "") == "lazyfoxes"

    def test_cuts_and_pads(self, vocabulary):
        tokenizer = WordPiece(vocabulary)
        long = tokenizer.encode([TEXT], 24)
        np.testing.assert_array_equal(tokenizer.encode([TEXT], 5), long[:, :5])
        assert tokenizer.encode([], 5).shape == (0, 5)

    def test_same_texts_same_vocabulary(self, vocabulary, tmp_path):
        again = tmp_path / "again.txt"
        train_wordpiece([TEXT, "jumping dogs jumped over quick foxes, lazily"] * 20, 80, again)
        assert again.read_bytes() == vocabulary.read_bytes()

    def test_unknown_words_become_unk(self, vocabulary):
        tokenizer = WordPiece(vocabulary)
        ids = tokenizer.encode(["漢字", "\ud83d", "fox \udc00"], 4)
        assert (ids[0, :2] == RESERVED.index("[UNK]")).all()
        assert ids[1, 0] == ids[2, 1] == RESERVED.index("[UNK]")

    def test_bad_input_is_named(self, vocabulary, tmp_path):
        with pytest.raises(BadInputError, match=r"vocabulary_size: expected over 4. Received: 4"):
            train_wordpiece([TEXT], 4, tmp_path / "none.txt")
        with pytest.raises(BadInputError, match=r"texts: expected words. Received: 2 texts without any"):
            train_wordpiece(["", " "], 40, tmp_path / "none.txt")
        with pytest.raises(BadInputError, match="expected a readable vocabulary"):
            WordPiece(tmp_path / "none.txt")
        other = tmp_path / "other.txt"
        other.write_text("a\nb\n")
        with pytest.raises(BadInputError, match=r"expected lines that begin with \['\[PAD\]'.*Received: \['a', 'b'\]"):
            WordPiece(other)

    def test_without_keras_nlp_the_extra_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "keras_nlp", None)
        for use in (lambda: WordPiece(tmp_path / "v"), lambda: train_wordpiece(["a"], 8, tmp_path / "v")):
            with pytest.raises(BadInputError, match=r"pip install 'mmzoo\[text\]'"):
                use()
