"""English words of the digits as bytes, with typing errors: the third modality of contrastive pretraining.

A word is the label under another name. A model pretrained with it has seen the class of every pair, so it is no
evidence of learning without labels. The words stand for captions, which real data have more of than labels.
"""

import numpy as np

from mmzoo.data.decode.text import encode_bytes

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LENGTH = 8  # bytes: the longest word, a letter more by mistake, and room
TYPO = 0.5  # probability


def typed_words(count, seed):
    """Type each word `count` times: int32 byte ids `(10, count, 8)`, as `mmzoo.data.decode.text` encodes them.

    In small letters, capitals, with a capital or mixed; half of them with a letter left out, doubled, or swapped with
    the next. `seed` is whatever `numpy.random.default_rng` takes.
    """
    rng = np.random.default_rng(seed)
    typed = [_mistype(_change_case(word, rng), rng) for word in WORDS for _ in range(count)]
    return encode_bytes(typed, LENGTH).reshape(len(WORDS), count, LENGTH)


def _change_case(word, rng):
    mixed = "".join(letter.upper() if rng.random() < 0.5 else letter for letter in word)
    return [word, word.upper(), word.title(), mixed][rng.integers(4)]


def _mistype(word, rng):
    if rng.random() >= TYPO:
        return word
    i = rng.integers(len(word) - 1)
    left_out, doubled, swapped = word[i + 1], 2 * word[i] + word[i + 1], word[i + 1] + word[i]
    return word[:i] + [left_out, doubled, swapped][rng.integers(3)] + word[i + 2 :]
