"""Hashed counts of the words and character n-grams of texts, with NumPy.

Training counts with the same functions: a text gives the same tensor there and on the device. docs/guides/text.md holds
the rules in words, with examples against which an implementation in another language can be checked.
"""

import functools
from collections.abc import Sequence

import numpy as np

BUCKETS = 2**14  # of each half: words and pairs of words, then character n-grams
SIZE = 2 * BUCKETS
MOST = 255  # of a count
LONGEST_WORD = 64  # code points of a word that its own hash reads; its n-grams read all
NGRAMS = (3, 4, 5)  # code points, a space at either end of the word included
CHUNK = 100_000  # code points counted at a time
BASIS, PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a, 32 bits
SPACE = 32
UNIT = "uint8 counts of hashed words, pairs of words and character n-grams, 0 to 255"  # of the input, in its card

SPACES = ((0x0, 0x20), (0x7F, 0xA0), (0xAD, 0xAD), (0x1680, 0x1680), (0x2000, 0x200F), (0x2028, 0x202F))
SPACES += ((0x205F, 0x206F), (0x3000, 0x3000), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0000, 0xE0FFF))
"""Code points that separate words: blanks, controls and characters without a width, first and last of each range."""

SYMBOLS = ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x5E), (0x60, 0x60), (0x7B, 0x7E), (0xA1, 0xA9), (0xAB, 0xAC))
SYMBOLS += (
    (0xAE, 0xB1),
    (0xB4, 0xB4),
    (0xB6, 0xB8),
    (0xBB, 0xBB),
    (0xBF, 0xBF),
    (0xD7, 0xD7),
    (0xF7, 0xF7),
    (0x2010, 0x2027),
)
SYMBOLS += ((0x2030, 0x205E), (0x20A0, 0x20CF), (0x2190, 0x2BFF), (0x2E00, 0x2E7F), (0x3001, 0x3004))
SYMBOLS += ((0x3008, 0x3020), (0x3030, 0x3030), (0x30FB, 0x30FB), (0xFE10, 0xFE1F), (0xFE30, 0xFE6F))
SYMBOLS += ((0xFF01, 0xFF0F), (0xFF1A, 0xFF20), (0xFF3B, 0xFF40), (0xFF5B, 0xFF65), (0xFFE0, 0xFFFD))
SYMBOLS += ((0x1F000, 0x1FAFF),)
"""Code points that are a word of their own: punctuation, signs and pictograms."""

IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
"""Code points that are a word of their own because no space separates them from others."""

CAPITALS = ((0x41, 0x5A, 32, 1), (0xC0, 0xD6, 32, 1), (0xD8, 0xDE, 32, 1), (0x100, 0x12E, 1, 2), (0x132, 0x136, 1, 2))
CAPITALS += ((0x139, 0x147, 1, 2), (0x14A, 0x176, 1, 2), (0x178, 0x178, -121, 1), (0x179, 0x17D, 1, 2))
CAPITALS += ((0x386, 0x386, 38, 1), (0x388, 0x38A, 37, 1), (0x38C, 0x38C, 64, 1), (0x38E, 0x38F, 63, 1))
CAPITALS += ((0x391, 0x3A1, 32, 1), (0x3A3, 0x3AB, 32, 1), (0x400, 0x40F, 80, 1), (0x410, 0x42F, 32, 1))
CAPITALS += ((0x460, 0x480, 1, 2), (0x48A, 0x4BE, 1, 2), (0x4D0, 0x52E, 1, 2), (0x531, 0x556, 48, 1))
CAPITALS += ((0x1E00, 0x1E94, 1, 2), (0x1EA0, 0x1EFE, 1, 2), (0xFF21, 0xFF3A, 32, 1))
"""Capital letters: first and last of each range, what is added to them, and their step."""


def text_counts(text: str) -> np.ndarray:
    """Count the words and character n-grams of a text: uint8 `(32768,)`, 255 at most.

    The first half counts words and pairs of words, the second character n-grams.

    Raises:
        ValueError: the text is not a string, or is blank.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"text: expected a string that is not blank. Received: {text!r:.60}")
    _, buckets, counts = sparse_counts([text])
    dense = np.zeros(SIZE, np.uint8)
    dense[buckets] = counts
    return dense


def sparse_counts(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count the words and character n-grams of N texts.

    Returns:
        `ends` int64 `(N + 1,)`, `buckets` uint16 and `counts` uint8, of which the rows `ends[i]` to `ends[i + 1]` are
        of text i, in ascending order of buckets.
    """
    points = [np.frombuffer(_scalar_values(text).encode("utf-32-le"), np.uint32) for text in texts]
    sizes, parts, first = np.cumsum([0, *map(len, points)]), [], 0
    while first < len(points):
        last = max(first + 1, int(np.searchsorted(sizes, sizes[first] + CHUNK, "right")) - 1)
        parts.append(_counted(points[first:last]))
        first = last
    numbers = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    ends = np.concatenate([[0], np.cumsum(numbers)]).astype(np.int64)
    empty = np.zeros(0, np.uint8)
    buckets = np.concatenate([empty.astype(np.uint16), *(part[1] for part in parts)])
    return ends, buckets, np.concatenate([empty, *(part[2] for part in parts)])


def _scalar_values(text: str) -> str:
    """Replace lone surrogates by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _counted(points: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count in texts of code points; return buckets per text, and the buckets and counts of all texts in turn."""
    kinds, lower = _tables()
    stream = np.concatenate([x for one in points for x in (one, [SPACE])]).astype(np.uint32)
    texts = np.repeat(np.arange(len(points)), [len(one) + 1 for one in points])
    kind, stream = kinds[stream], lower[stream]
    inner = (kind[1:] == 2) & (kind[:-1] == 2)  # within a word
    starts = np.flatnonzero((kind > 0) & np.concatenate([[True], ~inner]))
    stops = np.flatnonzero((kind > 0) & np.concatenate([~inner, [True]])) + 1
    of_text = texts[starts]
    words = _hash_words(stream, starts, stops, np.full(len(starts), BASIS))
    follows = np.flatnonzero(of_text[1:] == of_text[:-1]) + 1
    pairs = _hash_words(stream, starts[follows], stops[follows], _step(words[follows - 1], np.uint32(SPACE)))
    ngrams, owners = _hash_ngrams(stream, starts, stops, of_text)
    keys = np.concatenate([of_text, of_text[follows], owners]) * SIZE
    keys += _fold(np.concatenate([words, pairs, ngrams]))
    keys[len(starts) + len(follows) :] += BUCKETS
    found, counts = np.unique(keys, return_counts=True)
    numbers = np.bincount(found // SIZE, minlength=len(points))
    return numbers, (found % SIZE).astype(np.uint16), np.minimum(counts, MOST).astype(np.uint8)


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Return the kind of every code point (0 space, 1 word of its own, 2 part of a word), and its small letter."""
    kinds, lower = np.full(0x110000, 2, np.uint8), np.arange(0x110000, dtype=np.uint32)
    for kind, ranges in ((0, SPACES), (1, SYMBOLS + IDEOGRAPHS)):
        for first, last in ranges:
            kinds[first : last + 1] = kind
    for first, last, offset, step in CAPITALS:
        lower[first : last + 1 : step] = np.arange(first, last + 1, step) + offset
    return kinds, lower


def _step(state: np.ndarray, points: np.ndarray | np.uint32) -> np.ndarray:
    """Hash one more code point of each state by FNV-1a: the 1 to 4 bytes of its UTF-8."""
    points = np.asarray(points, np.uint32)
    most = int(points.max(initial=0))
    if most < 0x80:
        return (state ^ points) * PRIME
    length = 1 + (points >= 0x80) + (points >= 0x800) + (points >= 0x10000).astype(np.int64)
    lead = np.array([0, 0, 0xC0, 0xE0, 0xF0], np.uint32)[length]
    state = (state ^ (lead | points >> (6 * (length - 1)).astype(np.uint32))) * PRIME
    for left in range(2 + (most >= 0x800) + (most >= 0x10000), 1, -1):
        byte = 0x80 | points >> np.uint32(6 * (left - 2)) & np.uint32(0x3F)
        state = np.where(length >= left, (state ^ byte) * PRIME, state)
    return state


def _hash_words(stream: np.ndarray, starts: np.ndarray, stops: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Continue each state with the code points of its word."""
    lengths = np.minimum(stops - starts, LONGEST_WORD)
    order = np.argsort(-lengths, kind="stable")
    starts, state = starts[order], state[order]
    longer = np.searchsorted(-lengths[order], -np.arange(1, lengths.max(initial=0) + 1), "right")
    for i, count in enumerate(longer):
        state[:count] = _step(state[:count], stream[starts[:count] + i])
    hashed = np.empty_like(state)
    hashed[order] = state
    return hashed


def _hash_ngrams(
    stream: np.ndarray, starts: np.ndarray, stops: np.ndarray, of_text: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hash of every character n-gram of every word, and the text of each."""
    sizes = stops - starts + 2  # a space at either end
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    place = np.arange(total)
    begins = np.repeat(ends - sizes, sizes)
    inside = np.repeat(starts, sizes) + place - begins - 1
    padded = np.where((place == begins) | (place == np.repeat(ends, sizes) - 1), np.uint32(SPACE), stream[inside])
    left, owners = np.repeat(ends, sizes) - place, np.repeat(of_text, sizes)
    hashed, found, state = [], [], np.full(total, BASIS)
    for i in range(max(NGRAMS)):
        kept = left > i
        place, state, left, owners = place[kept], state[kept], left[kept], owners[kept]
        state = _step(state, padded[place + i])
        if i + 1 in NGRAMS:
            hashed.append(state)
            found.append(owners)
    return np.concatenate(hashed), np.concatenate(found)


def _fold(hashed: np.ndarray) -> np.ndarray:
    """Fold 32 bits to the number of a bucket, as the authors of FNV recommend for few bits."""
    return ((hashed >> np.uint32(14)) ^ hashed) & np.uint32(BUCKETS - 1)
