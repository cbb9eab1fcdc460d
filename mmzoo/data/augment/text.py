"""Sentence augmentation by words: swap, delete, insert, replace by synonyms.

Wei and Zou 2019 (EDA: easy data augmentation), section 2. A sentence is a str; whitespace separates its words. A
replaced word keeps its punctuation and capital. Words without synonyms in the user's list are never replaced or
inserted; leave out `the` and `not`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mmzoo.errors import BadInputError

Synonyms = Mapping[str, Sequence[str]]  # of a word in lower case
CORE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)  # a word between its punctuation


def read_synonyms(path: str | Path) -> dict[str, tuple[str, ...]]:
    """Read a UTF-8 text file of synonyms.

    A line is one group of words, separated by commas. `#` begins a comment. A word in two lines has the synonyms of
    both.

    Raises:
        BadInputError: the file does not exist or is not UTF-8, a line has only one word, or there is no line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInputError(f"{path}: expected a readable list of words. Received: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: expected UTF-8. Received: {error.reason} at byte {error.start}") from None
    found, single = {}, []
    for number, line in enumerate(lines, 1):
        words = list(dict.fromkeys(w for part in line.split("#")[0].split(",") if (w := part.strip().lower())))
        if len(words) == 1:
            single.append(f"line {number}: {words[0]!r}")
        for word in words:
            others = found.setdefault(word, [])
            others += [other for other in words if other != word and other not in others]
    if single or not found:
        received = "; ".join(single[:5]) or "no words"
        raise BadInputError(f"{path}: expected two words or more in a line, separated by commas. Received: {received}")
    return {word: tuple(others) for word, others in found.items()}


def swap_words(sentence: str, rng: np.random.Generator, count: int = 1) -> str:
    """Swap two random words, `count` times."""
    words = sentence.split()
    for _ in range(count if len(words) > 1 else 0):
        i, j = rng.choice(len(words), 2, replace=False)
        words[i], words[j] = words[j], words[i]
    return " ".join(words)


def delete_words(sentence: str, rng: np.random.Generator, probability: float = 0.1) -> str:
    """Delete each word with `probability`, but never all."""
    words = np.array(sentence.split(), object)
    if not len(words):
        return ""
    stays = rng.random(len(words)) >= probability
    stays[rng.integers(len(words))] |= not stays.any()
    return " ".join(words[stays])


def insert_words(sentence: str, rng: np.random.Generator, synonyms: Synonyms, count: int = 1) -> str:
    """Insert synonyms of `count` random words at random positions."""
    words = sentence.split()
    known = [core for word in words if synonyms.get(core := _core(word))]
    for _ in range(count if known else 0):
        of = known[rng.integers(len(known))]
        words.insert(rng.integers(len(words) + 1), _pick(synonyms[of], rng))
    return " ".join(words)


def replace_words(sentence: str, rng: np.random.Generator, synonyms: Synonyms, count: int = 1) -> str:
    """Replace up to `count` random words by synonyms."""
    words = sentence.split()
    known = [i for i, word in enumerate(words) if synonyms.get(_core(word))]
    for i in rng.permutation(known)[:count].astype(int):
        before, core, behind = CORE.match(words[i]).groups()
        new = _pick(synonyms[core.lower()], rng)
        words[i] = before + (new[:1].upper() + new[1:] if core[:1].isupper() else new) + behind
    return " ".join(words)


def change_words(sentence: str, rng: np.random.Generator, synonyms: Synonyms, share: float = 0.1) -> str:
    """Change the fraction `share` of the words in a random way.

    At least one word is changed. The way is drawn from the applicable ones of the four functions above.
    """
    count = max(1, round(share * len(sentence.split())))
    way = rng.integers(4 if any(synonyms.get(_core(word)) for word in sentence.split()) else 2)
    if way == 0:
        return swap_words(sentence, rng, count)
    if way == 1:
        return delete_words(sentence, rng, share)
    return (insert_words if way == 2 else replace_words)(sentence, rng, synonyms, count)


def change_sentences(
    sentences: Sequence[str], seed: Sequence[int], synonyms: Synonyms | None = None, share: float = 0.1
) -> list[str]:
    """Change each sentence by `change_words`, as a function of `seed` and position.

    `seed` are integers from 0 on, such as `(seed, epoch)`. Without `synonyms` words are swapped and deleted.
    """
    generators = (np.random.default_rng([*seed, i]) for i in range(len(sentences)))
    return [change_words(s, rng, synonyms or {}, share) for s, rng in zip(sentences, generators, strict=True)]


def _core(word: str) -> str:
    return CORE.match(word)[2].lower()


def _pick(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]
