"""Caption metrics against the equations written out, COCO's code, and values by hand."""

import random
import sys
from collections import Counter

import numpy as np
import pytest

from mmzoo.metrics.captions import bleu, cider

PREDICTED = ["a dog runs on the beach", "two people ride a red bike", "a cat cat cat sleeps", "the man eats", "a"]
REFERENCES = [
    ["a dog runs along the beach", "a brown dog on the beach runs fast"],
    ["two people on a red bike", "people ride bikes down the road", "a couple ride a red bike together"],
    ["a cat sleeps on the sofa"],
    ["the man eats an apple at the table outside in the park"],
    ["a bird flies over the sea"],
]


def drawn(seed, least=1):
    rng = random.Random(seed)
    words = [f"w{i}" for i in range(12)]
    predicted = [" ".join(rng.choices(words, k=rng.randint(least, 9))) for _ in range(6)]
    return predicted, [
        [" ".join(rng.choices(words, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 4))] for _ in range(6)
    ]


def grams(text, n):
    words = text.split()
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def cider_by_equation(predicted, references):
    """CIDEr-D with dense vectors over the vocabulary of n-grams."""
    total = np.zeros(len(predicted))
    for n in range(1, 5):
        every = sorted({gram for group in [predicted, *references] for text in group for gram in grams(text, n)})
        frequency = [sum(any(gram in grams(text, n) for text in group) for group in references) for gram in every]
        weight = np.log(len(references) / np.maximum(1, frequency))

        def vector(text, n=n, every=every, weight=weight):
            count = Counter(grams(text, n))
            return np.array([count[gram] for gram in every]) * weight

        for i, (text, group) in enumerate(zip(predicted, references, strict=True)):
            for reference in group:
                a, b = vector(text), vector(reference)
                longer = len(text.split()) - len(reference.split())
                norm = np.linalg.norm(a) * np.linalg.norm(b)
                cosine = np.minimum(a, b) @ b / norm if norm else 0
                total[i] += 10 / len(group) * np.exp(-(longer**2) / 72) * cosine / 4
    return total.mean()


def bleu_by_equation(predicted, references):
    """Papineni et al. 2002: the clipped precisions and the brevity penalty, without smoothing."""
    logs = []
    for n in range(1, 5):
        right = every = 0
        for text, group in zip(predicted, references, strict=True):
            count = Counter(grams(text, n))
            most = {gram: max(Counter(grams(reference, n))[gram] for reference in group) for gram in count}
            right += sum(min(c, most[gram]) for gram, c in count.items())
            every += sum(count.values())
        logs.append(np.log(right / every))
    long = sum(len(text.split()) for text in predicted)
    closest = sum(
        min((abs(len(r.split()) - len(text.split())), len(r.split())) for r in group)[1]
        for text, group in zip(predicted, references, strict=True)
    )
    return 100 * min(1, np.exp(1 - closest / long)) * np.exp(np.mean(logs))


class TestCider:
    def test_equals_cocos_code(self):
        # pycocoevalcap 1.2: Cider().compute_score
        assert cider(PREDICTED, REFERENCES) == pytest.approx(2.0216878210705227, abs=1e-12)

    @pytest.mark.parametrize("seed", range(10))
    def test_equals_the_equation(self, seed):
        predicted, references = drawn(seed, least=0)
        assert cider(predicted, references) == pytest.approx(cider_by_equation(predicted, references), abs=1e-12)

    def test_values_by_hand(self):
        four = ["a b c d", "e f g h"]
        assert cider(four, [[text] for text in four]) == pytest.approx(10)
        assert cider(["a b", "c d"], [["a b"], ["c d"]]) == pytest.approx(5)  # there are no 3-grams, no 4-grams
        assert cider(["x", "y"], [["a b"], ["c d"]]) == 0
        assert cider(["", ""], [["a b"], ["c d"]]) == 0
        # one of two words, a word too short: the 1-grams have the cosine 1 / sqrt(2), the 2-grams none
        assert cider(["a", "c"], [["a b"], ["c d"]]) == pytest.approx(10 / 4 / np.sqrt(2) * np.exp(-1 / 72))
        # what every caption says weighs nothing
        assert cider(["the", "the"], [["the a"], ["the b"]]) == 0

    def test_cider_repeated_word_gains_nothing(self):
        once = cider(["a dog runs", "e f"], [["a dog runs off"], ["e f"]])
        assert cider(["dog dog dog", "e f"], [["a dog runs off"], ["e f"]]) < once

    def test_cider_ignores_case_and_punctuation(self):
        assert cider(["A dog, runs.", "Cats!"], [["a dog runs"], ["cats"]]) == pytest.approx(
            cider(["a dog runs", "cats"], [["a dog runs"], ["cats"]])
        )

    def test_cider_one_caption_raises(self):
        with pytest.raises(ValueError, match=r"predicted: .*two"):
            cider(["a"], [["a"]])


class TestBleu:
    @pytest.mark.parametrize("seed", range(5))
    def test_equals_the_equation(self, seed):
        rng = random.Random(seed)
        _, references = drawn(seed)
        # a reference with a word changed, so that there is a 4-gram to find
        references = [[*group, " ".join(f"v{i}" for i in range(8))] for group in references]
        predicted = [" ".join([*group[-1].split()[: rng.randint(4, 8)], "w1"]) for group in references]
        found = bleu(predicted, references)
        assert found == pytest.approx(bleu_by_equation(predicted, references), abs=1e-9)
        assert 10 < found < 95

    def test_values_by_hand(self):
        assert bleu(["a b c d", "e f g h"], [["a b c d"], ["x", "e f g h"]]) == pytest.approx(100)
        # all there, but 4 words for 8: exp(1 - 8 / 4)
        assert bleu(["a b c d"], [["a b c d e f g h"]]) == pytest.approx(100 * np.exp(-1))
        assert bleu([""], [["a b c d"]]) == 0

    def test_without_the_library_the_extra_is_named(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "sacrebleu", None)
        with pytest.raises(ValueError, match=r"mmzoo\[metrics\]"):
            bleu(["a"], [["a"]])


@pytest.mark.parametrize("metric", [bleu, cider])
class TestBoth:
    def test_order_does_not_matter(self, metric):
        other = metric(PREDICTED[::-1], [group[::-1] for group in REFERENCES[::-1]])
        assert other == pytest.approx(metric(PREDICTED, REFERENCES))

    @pytest.mark.parametrize(
        ("predicted", "references", "words"),
        [
            ([], [], "predicted: "),
            ("ab", [["a"], ["b"]], "predicted: "),
            ([float("nan"), "b"], [["a"], ["b"]], "predicted: "),
            (["a", "b"], [["a"]], "references: "),
            (["a", "b"], [["a"], []], r"references\[1\]: "),
            (["a", "b"], [["a"], "b"], r"references\[1\]: "),
            (["a", "b"], [["a"], ["b", " "]], r"references\[1\]: "),
        ],
    )
    def test_bad_arguments_are_named(self, metric, predicted, references, words):
        with pytest.raises(ValueError, match=words):
            metric(predicted, references)
