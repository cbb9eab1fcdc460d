"""Hashed counts of texts: against plain Python, over any Unicode text, and the examples of the documentation."""

import itertools
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmzoo.device import text_hash
from mmzoo.device.text_hash import BUCKETS, SIZE, sparse_counts, text_counts

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "text.md"
ANY = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too
WRITTEN = st.text(
    st.sampled_from("aAzZéÉßЖж\u03a3\u03c3 0_-,.!?\n\t'語漢かカ한😀e\u0301\u200b\ufeff" + chr(0x10FFFF)), max_size=60
)


def bucket(text):
    """FNV-1a of the UTF-8 bytes, folded to 14 bits."""
    value = 2166136261
    for byte in text.encode():
        value = ((value ^ byte) * 16777619) % 2**32
    return (value >> 14 ^ value) % 2**14


def listed(ranges, point):
    return any(first <= point <= last for first, last in ranges)


def small(letter):
    for first, last, offset, step in text_hash.CAPITALS:
        if first <= ord(letter) <= last and (ord(letter) - first) % step == 0:
            return chr(ord(letter) + offset)
    return letter


def words_of(text):
    """Split a text letter by letter."""
    found, word = [], ""
    for letter in [*text, " "]:
        space = listed(text_hash.SPACES, ord(letter))
        own = listed(text_hash.SYMBOLS, ord(letter)) or listed(text_hash.IDEOGRAPHS, ord(letter))
        if word and (space or own):
            found.append(word)
            word = ""
        if own:
            found.append(letter)
        elif not space:
            word += small(letter)
    return found


def counted(text):
    """Count as docs/guides/text.md says, in plain Python."""
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    words, counts = words_of(text), Counter()
    short = [word[:64] for word in words]
    counts.update(bucket(word) for word in short)
    counts.update(bucket(f"{one} {other}") for one, other in itertools.pairwise(short))
    for word in words:
        padded = f" {word} "
        counts.update(BUCKETS + bucket(padded[i : i + n]) for n in (3, 4, 5) for i in range(len(padded) - n + 1))
    dense = np.zeros(SIZE, np.uint8)
    for place, count in counts.items():
        dense[place] = min(count, 255)
    return dense


def dense(ends, buckets, counts, row):
    made = np.zeros(SIZE, np.uint8)
    made[buckets[ends[row] : ends[row + 1]]] = counts[ends[row] : ends[row + 1]]
    return made


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY | WRITTEN, max_size=6))
@example(["", " ", "a", "ab", "\ud800", "é" * 300, "x" * 70 + " y", "no. no. " * 200])
def test_sparse_counts_any_texts_equal_plain_python(texts):
    ends, buckets, counts = sparse_counts(texts)
    assert (ends.dtype, buckets.dtype, counts.dtype) == (np.int64, np.uint16, np.uint8)
    assert ends[0] == 0
    assert ends[-1] == len(buckets) == len(counts)
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(dense(ends, buckets, counts, row), counted(text), err_msg=repr(text))
        assert (np.diff(buckets[ends[row] : ends[row + 1]].astype(int)) > 0).all()


def test_sparse_counts_do_not_depend_on_chunks(monkeypatch):
    texts = [f"text {i}, naïve 語 {'z' * (i % 90)}" for i in range(50)] + [""]
    whole = sparse_counts(texts)
    monkeypatch.setattr(text_hash, "CHUNK", 64)
    for one, other in zip(whole, sparse_counts(texts), strict=True):
        np.testing.assert_array_equal(one, other)


def test_text_counts_repeated_words_saturate():
    counts = text_counts("no " * 300)
    assert counts[bucket("no")] == counts[bucket("no no")] == 255
    assert text_counts("no " * 9)[[bucket("no"), bucket("no no")]].tolist() == [9, 8]


def test_text_counts_letter_case_and_spaces_are_ignored():
    given_text = text_counts("Große ÉCOLE, Ж \u03a3")
    np.testing.assert_array_equal(given_text, text_counts("\u00a0große  école\u200b, ж \u03c3\n"))
    assert (given_text != text_counts("große ecole, ж ς")).any()


def test_words_of_scripts():
    assert words_of("It's 3.5 kg_net—漢字 かな 한국어 नमस्ते 😀!") == [
        "it", "'", "s", "3", ".", "5", "kg_net", "—", "漢", "字", "かな", "한국어", "नमस्ते", "😀", "!"
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", " \n", 5, None])
def test_text_counts_of_no_text_raise(text):
    with pytest.raises(ValueError, match="text: expected a string that is not blank"):
        text_counts(text)


def test_capitals_have_small_letters_that_unicode_knows():
    letters = [chr(p) for first, last, _, step in text_hash.CAPITALS for p in range(first, last + 1, step)]
    assert len(letters) == len(set(letters)) > 450
    assert [letter for letter in letters if small(letter) not in letter.lower()] == []


def test_kinds_of_code_points_are_apart():
    ranges = sorted(text_hash.SPACES + text_hash.SYMBOLS + text_hash.IDEOGRAPHS)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(ranges))
    for point in range(0x20, 0x250):  # where the words of most texts are
        assert (not listed(text_hash.SPACES + text_hash.SYMBOLS, point)) == bool(re.match(r"\w", chr(point))), point


def test_guide_has_the_counts_of_its_examples():
    rows = re.findall(r"^\| `(.*?)` \| (\d+:.*?) \|$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 5
    for text, shown in rows:
        expected = {int(place): int(count) for place, count in re.findall(r"(\d+):(\d+)", shown)}
        found = text_counts(text.encode().decode("unicode_escape") if text.isascii() else text)
        assert {int(place): int(found[place]) for place in np.flatnonzero(found)} == expected, text


def test_guide_has_the_code_points():
    page = GUIDE.read_text(encoding="utf-8")
    for name in ("SPACES", "SYMBOLS", "IDEOGRAPHS", "CAPITALS"):
        for one in getattr(text_hash, name):
            first, last = (f"{point:04X}" for point in one[:2])
            assert (first if first == last else f"{first}-{last}") in page, (name, first)


def test_sparse_counts_of_many_texts_take_seconds():
    rng = np.random.default_rng(0)
    words = ["".join(map(chr, rng.integers(97, 123, size))) for size in rng.integers(2, 12, 3000)]
    texts = [" ".join(rng.choice(words, 28)) for _ in range(2000)]  # 200 characters
    began = time.perf_counter()
    ends, *_ = sparse_counts(texts)
    assert time.perf_counter() - began < 6  # 0.4 s on an idle core of 2020
    assert ends[-1] > 2000 * 200
