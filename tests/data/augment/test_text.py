"""Words swapped, deleted, inserted and replaced: bounded, and a function of the seed, the place and the sentence."""

from collections import Counter

import numpy as np
import pytest

from mmzoo.data.augment.text import (
    change_sentences,
    change_words,
    delete_words,
    insert_words,
    read_synonyms,
    replace_words,
    swap_words,
)
from mmzoo.errors import BadInputError

SENTENCE = "The quick brown fox jumps over the lazy dog, happily."
SYNONYMS = {"quick": ("fast", "rapid"), "lazy": ("idle",), "dog": ("hound",), "the": (), "happily": ("gladly",)}


def rngs(count=300):
    return [np.random.default_rng([7, i]) for i in range(count)]


def test_a_swap_keeps_the_words_and_moves_two():
    words = SENTENCE.split()
    moved = Counter()
    for rng in rngs():
        swapped = swap_words(SENTENCE, rng).split()
        assert Counter(swapped) == Counter(words)
        places = [i for i in range(len(words)) if swapped[i] != words[i]]
        assert len(places) == 2
        moved.update(places)
    assert set(moved) == set(range(len(words)))
    assert swap_words("alone", rngs(1)[0], 3) == "alone"
    assert swap_words("", rngs(1)[0]) == ""


def test_deletion_leaves_a_share_in_order_and_never_nothing():
    words = SENTENCE.split()
    left = [delete_words(SENTENCE, rng, 0.3).split() for rng in rngs()]
    assert np.mean([len(x) for x in left]) == pytest.approx(0.7 * len(words), abs=0.3)
    for kept in left:
        rest = iter(words)
        assert all(word in rest for word in kept)  # in their order
    alone = [delete_words(SENTENCE, rng, 1.0) for rng in rngs()]
    assert set(alone) == set(words)
    assert delete_words(SENTENCE, rngs(1)[0], 0.0) == SENTENCE
    assert delete_words(" ", rngs(1)[0]) == ""


def test_insert_words_inserts_synonyms():
    words, places, seen = SENTENCE.split(), set(), set()
    for rng in rngs():
        longer = insert_words(SENTENCE, rng, SYNONYMS).split()
        assert len(longer) == len(words) + 1
        (new,) = (Counter(longer) - Counter(words)).elements()
        seen.add(new)
        places.add(longer.index(new))
        assert [w for w in longer if w != new] == words
    assert seen == {"fast", "rapid", "idle", "hound", "gladly"}
    assert places == set(range(len(words) + 1))
    assert insert_words("no word of these", rngs(1)[0], SYNONYMS, 3) == "no word of these"


def test_replaced_words_keep_capital_and_punctuation():
    every = replace_words("Quick, (lazy) dog! happily...", rngs(1)[0], {"quick": ("fast",)} | SYNONYMS, 9)
    assert every in ("Fast, (idle) hound! gladly...", "Rapid, (idle) hound! gladly...")
    for rng in rngs(50):
        once = replace_words(SENTENCE, rng, SYNONYMS).split()
        assert sum(a != b for a, b in zip(once, SENTENCE.split(), strict=True)) == 1
        twice = replace_words(SENTENCE, rng, SYNONYMS, 2).split()
        assert sum(a != b for a, b in zip(twice, SENTENCE.split(), strict=True)) == 2
    assert replace_words("-- ?", rngs(1)[0], SYNONYMS) == "-- ?"


def test_all_four_ways_are_drawn_and_two_without_synonyms():
    words = SENTENCE.split()

    def kind(changed):
        new = changed.split()
        if len(new) != len(words):
            return "insert" if len(new) > len(words) else "delete"
        return "swap" if Counter(new) == Counter(words) and new != words else "replace" if new != words else "delete"

    kinds = Counter(kind(change_words(SENTENCE, rng, SYNONYMS, 0.1)) for rng in rngs(800))
    assert set(kinds) == {"insert", "delete", "swap", "replace"}
    assert min(kinds.values()) > 140
    assert {kind(change_words(SENTENCE, rng, {})) for rng in rngs(50)} == {"delete", "swap"}
    assert change_words("", rngs(1)[0], SYNONYMS) == ""


def test_change_words_changes_the_given_fraction():
    sentence = " ".join(f"w{i}" for i in range(20))
    synonyms = {f"w{i}": (f"s{i}",) for i in range(20)}
    counts = Counter()
    for rng in rngs():
        new = change_words(sentence, rng, synonyms, 0.25).split()
        if len(new) == 20 and any(w[0] == "s" for w in new):
            counts["replaced", sum(w[0] == "s" for w in new)] += 1
        elif len(new) > 20:
            counts["inserted", len(new) - 20] += 1
    assert set(counts) == {("replaced", 5), ("inserted", 5)}


def test_a_function_of_seed_place_and_sentence():
    sentences = [SENTENCE] * 40
    first = change_sentences(sentences, (0, 1), SYNONYMS)
    assert first == change_sentences(sentences, (0, 1), SYNONYMS)
    assert first != change_sentences(sentences, (0, 2), SYNONYMS)
    assert len(set(first)) > 15
    # others in the batch change nothing
    assert first[20:] == change_sentences(["something else"] * 20 + sentences[20:], (0, 1), SYNONYMS)[20:]
    assert {type(s) for s in first} == {str}
    assert change_sentences([], (0,)) == []


def test_read_synonyms_reads_groups(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# of films\nGood, fine ,great\n\nbad, awful # not good\nfine, delicate, fine\n", encoding="utf-8")
    found = read_synonyms(path)
    assert found["good"] == ("fine", "great")
    assert found["fine"] == ("good", "great", "delicate")
    assert found["awful"] == ("bad",)
    assert "of films" not in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"good, fine\nalone\n,  ,other,\n", "two words or more.*Received: line 2: 'alone'; line 3: 'other'"),
        (b"# nothing\n", "Received: no words"),
        (b"g\xfft, fine", "expected UTF-8. Received: invalid start byte at byte 1"),
        (None, "expected a readable list of words. Received: No such file"),
    ],
)
def test_read_synonyms_bad_file_is_one_clear_line(tmp_path, content, said):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadInputError, match=f"words.txt: .*{said}"):
        read_synonyms(path)
