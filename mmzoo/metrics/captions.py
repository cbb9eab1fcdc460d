"""Caption metrics against human references: BLEU and CIDEr-D."""

import math
import re
from collections import Counter
from collections.abc import Sequence

from mmzoo.errors import BadInputError

LONGEST = 4  # words of an n-gram
SIGMA = 6.0  # words of difference in length
WORD = re.compile(r"'?\w+")


def bleu(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Compute the corpus BLEU, in [0, 100], of predicted texts.

    Source: Papineni et al., BLEU (2002), section 2.3; Post, A Call for Clarity in Reporting BLEU Scores (2018). Each of
    `predicted` has one or more `references`. Computed by sacrebleu with its defaults: mteval-v13a tokens,
    case-sensitive, exponential smoothing.

    Raises:
        BadInputError: the lengths differ, a caption has no reference, or sacrebleu is not installed.
    """
    try:
        import sacrebleu
    except ImportError as error:
        raise BadInputError("BLEU: sacrebleu is not installed: pip install 'mmzoo[metrics]'") from error

    _check(predicted, references)
    most = max(map(len, references))
    # sacrebleu takes the first reference of every caption, then the second of every caption; None for a missing one
    columns = [[group[i] if i < len(group) else None for group in references] for i in range(most)]
    return float(sacrebleu.corpus_bleu(list(predicted), columns).score)


def cider(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Compute CIDEr-D, in [0, 10], of predicted texts.

    Source: Vedantam et al., CIDEr (2015), section 3, equations 1 to 3, and section 7 (CIDEr-D). Each of `predicted` has
    one or more `references`. N-grams of 1 to 4 words are weighted by their rarity over the captions of these
    references: the score depends on the whole test set. Papers often print it times 100. As in COCO's own code, the
    weights are counts and not fractions of the caption's n-grams.

    Words are lower-cased runs of letters and digits, without punctuation. COCO's tokenizer in Java differs in
    contractions and hyphens: the scores are near the leader board's and not equal.

    Raises:
        BadInputError: the lengths differ, a caption has no reference, or there are fewer than two captions (every
            n-gram would have the weight 0).
    """
    _check(predicted, references)
    if len(predicted) < 2:
        raise BadInputError("predicted: expected two captions or more, for the weights of words. Received: 1")
    counts = [[_ngrams(text) for text in group] for group in references]
    seen = Counter(gram for group in counts for gram in set().union(*group))

    def weigh(grams: Counter) -> dict[tuple, float]:
        return {gram: count * math.log(len(counts) / max(1, seen[gram])) for gram, count in grams.items()}

    total = 0.0
    for text, group in zip(predicted, counts, strict=True):
        grams = _ngrams(text)
        weighted = weigh(grams)
        for reference in group:
            longer = _length(grams) - _length(reference)
            penalty = math.exp(-(longer**2) / (2 * SIGMA**2))
            total += penalty * _ngram_cosine(weighted, weigh(reference)) / len(group)
    return 10 * total / len(predicted)


def _ngrams(text: str) -> Counter:
    words = WORD.findall(text.lower())
    return Counter(tuple(words[i : i + n]) for n in range(1, LONGEST + 1) for i in range(len(words) - n + 1))


def _length(grams: Counter) -> int:
    return sum(count for gram, count in grams.items() if len(gram) == 1)


def _ngram_cosine(predicted: dict[tuple, float], reference: dict[tuple, float]) -> float:
    """Average the cosines of weighted n-grams over n, in [0, 1].

    The weights of the prediction are clipped to the weights of the reference, so that repeating a word gains nothing.
    """
    total = 0.0
    for n in range(1, LONGEST + 1):
        a = {gram: weight for gram, weight in predicted.items() if len(gram) == n}
        b = {gram: weight for gram, weight in reference.items() if len(gram) == n}
        norm = math.hypot(*a.values()) * math.hypot(*b.values())
        if norm:
            total += sum(min(weight, b.get(gram, 0.0)) * b.get(gram, 0.0) for gram, weight in a.items()) / norm
    return total / LONGEST


def _check(predicted: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if isinstance(predicted, str) or not all(isinstance(text, str) for text in predicted) or not len(predicted):
        raise BadInputError(f"predicted: expected a list of texts, not empty. Received: {predicted!r:.80}")
    if len(references) != len(predicted):
        raise BadInputError(f"references: expected {len(predicted)} groups, as predicted. Received: {len(references)}")
    for i, group in enumerate(references):
        texts = not isinstance(group, str) and all(isinstance(text, str) and text.strip() for text in group)
        if not texts or not len(group):
            raise BadInputError(f"references[{i}]: expected a list of texts, none empty. Received: {group!r:.80}")
