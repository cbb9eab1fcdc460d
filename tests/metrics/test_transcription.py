"""Error rates against the table of Levenshtein's distance, and values by hand."""

import random
import sys

import pytest

from mmzoo.metrics.transcription import error_rates


def distance(a, b):
    """Return the least insertions, deletions and substitutions between two sequences."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


@pytest.mark.parametrize("seed", range(5))
def test_equals_the_distance(seed):
    rng = random.Random(seed)
    words = ["one", "on", "two", "too", "zwölf", "x"]
    truth = [" ".join(rng.choices(words, k=rng.randint(0, 6))) for _ in range(30)]
    predicted = [" ".join(rng.choices(words, k=rng.randint(0, 6))) for _ in range(25)] + truth[25:]
    assert "" in truth
    found = error_rates(predicted, truth)
    pairs = list(zip(truth, predicted, strict=True))
    wrong = sum(distance(a.split(), b.split()) for a, b in pairs)
    assert found["substitutions"] + found["deletions"] + found["insertions"] == wrong
    assert found["words"] == sum(len(a.split()) for a in truth)
    assert found["characters"] == sum(map(len, truth))
    assert found["wer"] == pytest.approx(wrong / found["words"])
    assert found["cer"] == pytest.approx(sum(distance(a, b) for a, b in pairs) / found["characters"])
    assert found["exact"] == pytest.approx(sum(a == b for a, b in pairs) / 30)


def test_values_by_hand():
    found = error_rates(["the cat sit", "on"], ["the cat sat", "on the mat"])
    # sat -> sit; "the mat" is gone
    assert found == pytest.approx(
        {
            "wer": 3 / 6,
            "cer": 9 / 21,
            "exact": 0,
            "words": 6,
            "substitutions": 1,
            "deletions": 2,
            "insertions": 0,
            "characters": 21,
        }
    )
    assert error_rates(["a a a"], ["a"])["wer"] == 2


def test_error_rates_count_words_in_silence_as_insertions():
    found = error_rates(["hm hm", "yes", ""], ["", "yes", "  "])
    assert (found["insertions"], found["words"], found["wer"]) == (2, 1, 2)
    assert found["cer"] == pytest.approx(5 / 3)
    assert found["exact"] == pytest.approx(2 / 3)
    assert error_rates([""], ["two words"])["wer"] == 1


def test_error_rates_ignore_spaces_and_composition_but_not_case():
    assert error_rates(["  cafe\u0301\t au lait "], ["caf\u00e9 au lait"])["cer"] == 0
    assert error_rates(["Yes"], ["yes"])["wer"] == 1


def test_error_rates_are_invariant_to_order():
    predicted, truth = ["a b", "c", "d e f"], ["a", "c d", "d x f"]
    assert error_rates(predicted[::-1], truth[::-1]) == pytest.approx(error_rates(predicted, truth))


@pytest.mark.parametrize(
    ("predicted", "truth", "words"),
    [
        ([], [], "truth: .*word"),
        (["a"], [" "], "truth: .*word"),
        (["a"], ["a", "b"], "predicted: "),
        ("a", ["a"], "predicted: "),
        ([float("nan")], ["a"], "predicted: "),
        (["a"], [None], "truth: "),
    ],
)
def test_bad_arguments_are_named(predicted, truth, words):
    with pytest.raises(ValueError, match=words):
        error_rates(predicted, truth)


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    with pytest.raises(ValueError, match="pip install jiwer"):
        error_rates(["a"], ["a"])
