"""One way of writing an answer, by which answers of visual question answering are compared."""

import re

from mmzoo.data.sources.digit_words import WORDS

ARTICLES = {"a", "an", "the"}
DIGITS = {word: str(number) for number, word in enumerate((*WORDS, "ten"))} | {"none": "0"}
SEPARATORS = str.maketrans(dict.fromkeys(';/[]"{}()=+\\_-><@`,?!', " "))


def normalize_answer(answer: object) -> str:
    """Return `answer` in small letters without articles and punctuation, numbers up to ten as digits.

    As the evaluation of Antol et al. 2015 (VQA), section 3, has it, and as Nguyen et al. 2019 (MEVF) score VQA-RAD, to
    whom an `x-ray` is an `xray`. An answer of only articles keeps them; one of only punctuation becomes empty.
    """
    small = " ".join(str(answer).lower().split())
    text = re.sub(r"(?<=\d),(?=\d)", "", small).translate(SEPARATORS)
    text = re.sub(r"\.(?!\d)", "", text)
    words = [word for word in text.split() if word not in ARTICLES] or text.split()
    return " ".join(DIGITS.get(word, word) for word in words).replace("x ray", "xray")
