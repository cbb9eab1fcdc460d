"""Word and character error rates of transcripts."""

import unicodedata
from collections.abc import Sequence

from mmzoo.errors import BadInputError


def error_rates(predicted: Sequence[str], truth: Sequence[str]) -> dict[str, float]:
    """Compute word and character error rates of `predicted` against `truth`.

    `wer` and `cer` are substitutions, deletions and insertions over the words or characters of all true texts. 0 is
    perfect; they exceed 1 with many insertions. `exact` is the fraction of texts without an error. The counts follow:
    `words`, `substitutions`, `deletions`, `insertions` of words, and `characters`. A true text may be empty (silence):
    all predicted words are insertions.

    White space counts as one space and Unicode is composed (NFC); case and punctuation are compared as given.

    Raises:
        BadInputError: the lengths differ, the truth holds no word at all, an entry is not a text, or jiwer is not
            installed.

    Source: Morris, Maier and Green, From WER and RIL to MER and WIL (2004), section 2.
    """
    try:
        import jiwer
    except ImportError as error:
        raise BadInputError("error rates: jiwer is not installed: pip install jiwer") from error

    predicted, truth = _plain("predicted", predicted), _plain("truth", truth)
    if len(predicted) != len(truth):
        raise BadInputError(f"predicted: expected {len(truth)} texts, as in truth. Received: {len(predicted)}")
    if not any(truth):
        raise BadInputError(f"truth: expected a word somewhere. Received: {len(truth)} empty texts")
    pairs = list(zip(truth, predicted, strict=True))
    spoken = [pair for pair in pairs if pair[0]]  # jiwer refuses an empty truth, in some versions
    silent = [text for reference, text in pairs if not reference]
    words = jiwer.process_words(*map(list, zip(*spoken, strict=True)))
    letters = jiwer.process_characters(*map(list, zip(*spoken, strict=True)))
    insertions = words.insertions + sum(len(text.split()) for text in silent)
    num_words = words.hits + words.substitutions + words.deletions
    num_letters = letters.hits + letters.substitutions + letters.deletions
    wrong_letters = letters.substitutions + letters.deletions + letters.insertions + sum(map(len, silent))
    return {
        "wer": (words.substitutions + words.deletions + insertions) / num_words,
        "cer": wrong_letters / num_letters,
        "exact": sum(reference == text for reference, text in pairs) / len(pairs),
        "words": num_words,
        "substitutions": words.substitutions,
        "deletions": words.deletions,
        "insertions": insertions,
        "characters": num_letters,
    }


def _plain(name: str, texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise BadInputError(f"{name}: expected a list of texts. Received: {texts!r:.80}")
    return [" ".join(unicodedata.normalize("NFC", text).split()) for text in texts]
