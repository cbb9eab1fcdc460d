"""Text to ids of hashed n-grams: words, pairs of words and parts of words, in no order.

What fastText counts (Bojanowski et al. 2017, section 3.2; Joulin et al. 2017, section 2), hashed by CRC-32, which every
platform has. With little text a bag of these says more than a network that must first learn what a word is.
"""

import re
import zlib

import numpy as np

from mmzoo import BadInputError
from mmzoo.data.text import PAD, checked_texts

SHORTEST, LONGEST = 3, 6  # characters of the parts of words, their ends `<` and `>` among them
WORD = re.compile(r"\w+")
APOSTROPHES = str.maketrans("", "", "'\N{RIGHT SINGLE QUOTATION MARK}")


def ngrams(text):
    """List the n-grams of a string, word after word: `<word>`, its parts, and the pair with the word before it.

    Capitals and apostrophes do not count; punctuation separates words.
    """
    words, found = WORD.findall(text.lower().translate(APOSTROPHES)), []
    for i, word in enumerate(words):
        whole = f"<{word}>"
        sizes = range(SHORTEST, min(LONGEST, len(whole) - 1) + 1)
        parts = [whole[start : start + size] for size in sizes for start in range(len(whole) - size + 1)]
        found += [whole, *parts, *([f"{words[i - 1]} {word}"] if i else [])]
    return found


def encode_ngrams(texts, length, num_tokens):
    """Turn a list of N strings into int32 ids `(N, length)` from 1 to `num_tokens - 1`, then 0 (padding).

    An id is `1 + CRC-32 of the n-gram's UTF-8 bytes mod (num_tokens - 1)`; what does not fit into `length` is cut.

    Raises:
        BadInputError: `texts` are not strings.
    """
    if num_tokens < 2:
        raise BadInputError(f"num_tokens: expected at least 2. Received: {num_tokens}.")
    ids = np.full((len(texts), length), PAD, np.int32)
    for row, text in zip(ids, checked_texts(texts), strict=True):
        found = [1 + zlib.crc32(gram.encode()) % (num_tokens - 1) for gram in ngrams(text)[:length]]
        row[: len(found)] = found
    return ids
